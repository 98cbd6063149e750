"""What `zmarty report history` shows of files that were walked: a table, and the pictures of docs/SIGNALS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.history import Record, telling_signal, told_of
from console.pictures.candles import signal_svg
from console.pictures.reliability import percent, reliability_svg
from orchestrator_worker.calibration.report import Calibration
from orchestrator_worker.signals.walk import STRATEGY_VERSION


def history_rows(records: Mapping[str, Record]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row for each file and direction, never a rate without its n."""
    headings = (
        "file",
        "direction",
        "n",
        "independent",
        "win rate",
        "95 %",
        "random entry",
        "expectancy",
        "profit factor",
        "Brier",
        "base rate",
        "skill",
    )
    rows = [
        history_row(name, record, direction)
        for name, record in records.items()
        for direction in ("long", "short", "all")
    ]
    return headings, rows


def history_row(name: str, record: Record, direction: str) -> tuple[str, ...]:
    rate, kept = record.rates[direction], record.calibrations[direction]
    if rate.rate is None or kept.brier is None:
        return (name, direction, "0", *["–"] * 9)
    return (
        name,
        direction,
        f"{rate.n:,}",
        f"{rate.n_effective:,.0f}",
        percent(rate.rate),
        f"{percent(rate.low or 0.0)} … {percent(rate.high or 0.0)}",
        "–" if rate.baseline is None else percent(rate.baseline),
        f"{(rate.expectancy or 0.0) * 100:+.3f} %",
        "–" if rate.profit_factor is None else f"{rate.profit_factor:.2f}",
        f"{kept.brier:.4f}",
        f"{kept.brier_base:.4f}",
        f"{(kept.skill or 0.0) * 100:+.2f} %",
    )


def as_markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---", "---", *["--:"] * (len(headings) - 2)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def write_history_pictures(folder: Path, records: Mapping[str, Record]) -> list[Path]:
    """One reliability diagram a file, and of the first file one signal for each way to end."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        f"reliability-{name}.svg": reliability_svg(calibration_row(record, record.calibrations["all"]))
        for name, record in records.items()
    }
    first = next(iter(records.values()))
    for direction, barrier in (("long", "target"), ("short", "stop"), ("long", "expiry")):
        if row := telling_signal(first, direction, barrier):
            drawings[f"signal-{barrier}.svg"] = signal_svg(told_of(first, row))
    for name, drawing in drawings.items():
        (folder / name).write_text(drawing, encoding="utf-8")
    return [folder / name for name in drawings]


def calibration_row(record: Record, found: Calibration) -> dict[str, Any]:
    return {
        "symbol": record.symbol,
        "timeframe": record.timeframe,
        "strategy_version": STRATEGY_VERSION,
        **asdict(found),
    }
