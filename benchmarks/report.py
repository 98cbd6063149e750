"""Figures as people read them: a table on screen, the same in Markdown, and JSON for whoever compares runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from benchmarks.figures import Figure

HEADING = "## Figures\n"
COLUMNS = ("", "value", "against", "ratio", "target", "holds")


def table_of(benchmark: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=benchmark, title_justify="left", title_style="bold", header_style="dim")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in {"value", "ratio", "target"} else "left")
    for figure in figures:
        *cells, holds = cells_of(figure)
        colour = {True: "green", False: "red", None: "dim"}[figure.holds]
        table.add_row(*cells, f"[{colour}]{holds}[/]")
    return table


def cells_of(figure: Figure) -> tuple[str, ...]:
    against = figure.against
    if figure.against_value is not None:
        against += f" ({readable(figure.against_value)} {figure.unit})"
    return (
        figure.name,
        f"{readable(figure.value)} {figure.unit}",
        against,
        "" if figure.ratio is None else f"{figure.ratio:.2f}x",
        figure.target or "",
        {True: "✓", False: "✗", None: ""}[figure.holds],
    )


def readable(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def save(folder: Path, benchmark: str, figures: Sequence[Figure]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{benchmark}.json"
    file.write_text(json.dumps([figure.as_row() for figure in figures], indent=2, ensure_ascii=False) + "\n")
    return file


def load(folder: Path, benchmark: str) -> tuple[list[Figure], datetime]:
    """What the last run of this benchmark wrote, and when."""
    file = folder / f"{benchmark}.json"
    figures = [Figure(**row) for row in json.loads(file.read_text())]
    return figures, datetime.fromtimestamp(file.stat().st_mtime, UTC)


def markdown(results: Mapping[str, tuple[Sequence[Figure], datetime]]) -> str:
    """One table for all benchmarks, and a line for each machine that they ran on."""
    lines = [
        "| benchmark | what | value | against | ratio | target | holds |",
        "|---|---|--:|---|--:|--:|---|",
    ]
    machines: dict[str, list[str]] = {}
    for benchmark, (figures, measured_at) in results.items():
        lines += [f"| {benchmark} | " + " | ".join(cells_of(figure)) + " |" for figure in figures]
        for machine in dict.fromkeys(figure.machine for figure in figures):
            runs = min(figure.runs for figure in figures)
            machines.setdefault(machine, []).append(
                f"{benchmark} {measured_at:%Y-%m-%d %H:%M} UTC, {runs} runs"
            )
    notes = [f"- {machine} ({'; '.join(names)})" for machine, names in machines.items()]
    return "\n".join([*lines, "", *notes]) + "\n"


def publish(page: Path, table: str) -> None:
    """Put the table under the page's heading, in place of the one that was there."""
    before, heading, _ = page.read_text().partition(HEADING)
    assert heading, f"{page} has no heading {HEADING.strip()!r}"
    page.write_text(f"{before}{heading}\n{table}")
