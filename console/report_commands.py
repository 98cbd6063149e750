"""`zmarty report …`: what is known of signals, as tables on screen and as pictures in files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from console import queues
from console.migrations import SQL
from console.pictures.drawing import page
from console.pictures.reliability import (
    percent,
    reliability_svg,
    reliability_text,
    said_direction,
    summary_of,
)
from console.settings import ConsoleSettings
from zmarty.errors import ZmartyError
from zmarty.market import Symbol, Timeframe

app = typer.Typer(no_args_is_help=True, help="What is known of signals: tables and pictures.")
screen = Console(highlight=False)
ROWS_MAX = 200
SUFFIXES = (".svg", ".html")

OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the picture here: FILE.svg or FILE.html.")
]


class ReportRefused(Exception):
    """What was asked for cannot be shown; the message says why."""


@app.command("calibration")
def show_calibration(
    symbol: Annotated[
        str | None, typer.Argument(help="BTC-USDT and its like; all symbols when absent.")
    ] = None,
    timeframe: Annotated[str | None, typer.Option(help="1h and its like; all when absent.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="The strategy's version; the one of today when absent.")
    ] = None,
    direction: Annotated[str, typer.Option(help="long, short or all.")] = "all",
    output: OutputOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how well confidences were kept: Brier score, reliability, drift; and draw the reliability diagram."""
    # What calculates takes longer to load than most of the other verbs take to run.
    from orchestrator_worker.signals.walk import STRATEGY_VERSION

    _require_suffix(output)
    settings = ConsoleSettings.read()
    rows = asyncio.run(
        _load(
            settings,
            _symbol(symbol),
            _timeframe(timeframe),
            strategy=strategy or STRATEGY_VERSION,
            direction=direction,
        )
    )
    if not rows:
        raise ReportRefused(
            "no calibration is counted for this yet; win rates are counted hourly for watched pairs"
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
    else:
        screen.print(summary_table(rows))
        for row in rows:
            print_reliability(row)
    if output is not None:
        write_pictures(output, "Were the confidences kept?", [reliability_svg(row) for row in rows])
        screen.print(f"[green]✓[/] {escape(str(output))}")


@app.command("history")
def show_history(
    files: Annotated[
        list[Path], typer.Argument(help="Candles of one symbol and timeframe each: Parquet or CSV.")
    ],
    pictures: Annotated[
        Path | None, typer.Option(help="Write the pictures of docs/SIGNALS.md into this folder.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
) -> None:
    """Walk files of candles with the live code: what would have been said, how it ended, how sure it was."""
    from console.candle_file import read_candle_file
    from console.history import record_of
    from console.history_report import as_markdown, history_rows, write_history_pictures

    records = {}
    for path in track(files, "walking", console=Console(stderr=True), transient=True):
        records[path.stem] = record_of(*read_candle_file(path))
    headings, rows = history_rows(records)
    if markdown:
        typer.echo(as_markdown(headings, rows))
    else:
        table = Table(*headings, box=None, header_style="bold")
        for row in rows:
            table.add_row(*row)
        screen.print(table)
    if pictures is not None:
        for file in write_history_pictures(pictures, records):
            screen.print(f"[green]✓[/] {escape(str(file))}")


async def _load(
    settings: ConsoleSettings,
    symbol: Symbol | None,
    timeframe: Timeframe | None,
    *,
    strategy: str,
    direction: str,
) -> list[dict[str, Any]]:
    async with queues.looking(settings) as trading:
        found = await trading.fetch(SQL["calibrations"], symbol, timeframe, strategy, direction, ROWS_MAX)
    return [dict(row) for row in found]


def _symbol(text: str | None) -> Symbol | None:
    try:
        return None if text is None else Symbol.parse(text)
    except ZmartyError as error:
        raise ReportRefused(error.message) from error


def _timeframe(text: str | None) -> Timeframe | None:
    try:
        return None if text is None else Timeframe.parse(text)
    except ZmartyError as error:
        raise ReportRefused(error.message) from error


def _require_suffix(output: Path | None) -> None:
    if output is not None and output.suffix not in SUFFIXES:
        raise ReportRefused(f"--output: {output.name} must end with {' or '.join(SUFFIXES)}")


def write_pictures(output: Path, title: str, drawings: Sequence[str]) -> None:
    """One picture fills an SVG; several, or a page, are HTML."""
    if output.suffix == ".svg":
        if len(drawings) != 1:
            raise ReportRefused(
                f"{len(drawings)} pairs do not fit into one SVG: name a symbol and --timeframe, or write FILE.html"
            )
        output.write_text(drawings[0], encoding="utf-8")
    else:
        output.write_text(page(title, drawings), encoding="utf-8")


def summary_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for heading in (
        "pair",
        "strategy",
        "direction",
        "n",
        "independent",
        "said",
        "happened",
        "Brier",
        "base rate",
        "skill",
    ):
        table.add_column(heading, justify="left" if heading in {"pair", "strategy", "direction"} else "right")
    table.add_column("drift")
    for row in rows:
        scores = (
            (
                percent(row["mean_confidence"]),
                percent(row["mean_share"]),
                f"{row['brier']:.4f}",
                f"{row['brier_base']:.4f}",
                f"[{'green' if row['skill'] > 0 else 'red'}]{row['skill'] * 100:+.1f} %[/]",
            )
            if row["n"]
            else ("–",) * 5
        )
        table.add_row(
            f"{row['symbol']} {row['timeframe']}",
            row["strategy_version"],
            said_direction(row["direction"]),
            f"{row['n']:,}",
            f"{row['n_effective']:,.0f}",
            *scores,
            {"none": "[green]none[/]", "strong": "[red]strong[/]"}.get(row["drift"], row["drift"]),
        )
    return table


def print_reliability(row: Mapping[str, Any]) -> None:
    screen.print(
        f"\n[bold]{row['symbol']} {row['timeframe']}[/] {said_direction(row['direction'])}: {summary_of(row)}"
    )
    if not row["n"]:
        return
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    for heading in ("confidence", "said", "happened", "95 %", "n (independent)"):
        table.add_column(heading, justify="right")
    table.add_column("│ said  ● happened  · interval", no_wrap=True)
    for cells in reliability_text(row):
        table.add_row(*cells)
    screen.print(table)
