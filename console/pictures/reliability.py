"""The reliability diagram: what was said against what happened, with intervals and counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.pictures.drawing import Scale, Sheet

Bin = Mapping[str, Any]
Row = Mapping[str, Any]

WIDTH, HEIGHT = 640, 512
LEFT, RIGHT, TOP, BOTTOM = 64, 616, 76, 372
COUNTS_TOP, COUNTS_BOTTOM = 414, 458


def reliability_svg(row: Row) -> str:
    """Draw one row of `calibration`: the nearer the dots lie to the diagonal, the truer the confidences were."""
    bins: Sequence[Bin] = row["reliability"]
    low, high = span_of(bins)
    x, y = Scale(low, high, LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    name = (
        f"{row['symbol']} {row['timeframe']}, {said_direction(row['direction'])}, {row['strategy_version']}"
    )
    sheet = Sheet(WIDTH, HEIGHT, f"Reliability of {name}", summary_of(row))
    sheet.text(LEFT, 28, f"Were the confidences kept? {name}", "title")
    sheet.text(LEFT, 48, summary_of(row), "quiet")
    _grid(sheet, x, y, low, high)
    sheet.line(x(low), y(low), x(high), y(high), "faint", width=1.5)
    if row["mean_share"] is not None:
        level = y(row["mean_share"])
        sheet.line(LEFT, level, RIGHT, level, "warm", width=1)
        sheet.text(
            RIGHT - 4, level - 5, f"on average {percent(row['mean_share'])}", "small quiet", anchor="end"
        )
    sheet.path([(x(place["confidence"]), y(place["share"])) for place in bins], "accent", width=1.5)
    most = max((place["n"] for place in bins), default=1)
    for place in bins:
        across = x(place["confidence"])
        bottom, top = (min(max(place[end], low), high) for end in ("low", "high"))
        sheet.line(across, y(bottom), across, y(top), "accent", width=2)
        note = (
            f"said {percent(place['confidence'])}, happened {percent(place['share'])}, n {place['n']}, "
            f"about {place['n_effective']:.0f} independent"
        )
        sheet.dot(across, y(place["share"]), 3.0 + 4.0 * (place["n"] / most) ** 0.5, "fill-accent", note)
        height = (COUNTS_BOTTOM - COUNTS_TOP) * place["n"] / most
        left, right = x(max(place["start"], low)), x(min(place["end"], high))
        sheet.box(left + 1, COUNTS_BOTTOM - height, right - left - 2, height, "fill-quiet", opacity=0.55)
        sheet.text((left + right) / 2, COUNTS_BOTTOM + 15, f"{place['n']:,}", "small quiet", anchor="middle")
    sheet.text(LEFT, COUNTS_TOP - 4, "how many signals said so", "small quiet")
    sheet.text(
        (LEFT + RIGHT) / 2,
        HEIGHT - 12,
        "confidence: said to reach the target first",
        "quiet",
        anchor="middle",
    )
    sheet.text(LEFT, TOP - 10, "share that did (bars: 95 % intervals on independent outcomes)", "small quiet")
    return sheet.svg()


def span_of(bins: Sequence[Bin]) -> tuple[float, float]:
    """The part of 0…1 that is worth looking at, by tenths."""
    if not bins:
        return 0.0, 1.0
    low = min(min(place["start"], place["low"]) for place in bins)
    high = max(max(place["end"], place["high"]) for place in bins)
    return max(0.0, int(low * 10) / 10), min(1.0, (int(high * 10 - 1e-9) + 1) / 10)


def summary_of(row: Row) -> str:
    if not row["n"]:
        return "No signal has been judged yet (n 0)."
    return (
        f"n {row['n']:,} (about {row['n_effective']:,.0f} independent) · Brier {row['brier']:.4f}, base rate "
        f"{row['brier_base']:.4f} · skill {row['skill'] * 100:+.1f} % · drift {row['drift']}"
    )


def said_direction(direction: str) -> str:
    return {"all": "long and short"}.get(direction, direction)


def reliability_text(row: Row) -> list[tuple[str, str, str, str, str, str]]:
    """Rows for a terminal: range, said, happened, interval, n, and a bar with the diagonal's place marked."""
    bins: Sequence[Bin] = row["reliability"]
    return [
        (
            f"{place['start']:.2f}–{place['end']:.2f}",
            percent(place["confidence"]),
            percent(place["share"]),
            f"{percent(place['low'])} … {percent(place['high'])}",
            f"{place['n']:,} (~{place['n_effective']:,.0f})",
            _bar(place),
        )
        for place in bins
    ]


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _bar(place: Bin, *, width: int = 40) -> str:
    cells = [
        "·" if place["low"] * width <= cell + 0.5 <= place["high"] * width else " " for cell in range(width)
    ]
    cells[min(width - 1, int(place["confidence"] * width))] = "│"
    cells[min(width - 1, int(place["share"] * width))] = "●"
    return "".join(cells)


def _grid(sheet: Sheet, x: Scale, y: Scale, low: float, high: float) -> None:
    steps = round((high - low) * 10)
    for step in range(steps + 1):
        value = low + step / 10
        sheet.line(x(value), TOP, x(value), BOTTOM, "grid")
        sheet.line(LEFT, y(value), RIGHT, y(value), "grid")
        sheet.text(x(value), BOTTOM + 16, f"{value * 100:.0f} %", "small quiet", anchor="middle")
        sheet.text(LEFT - 8, y(value) + 4, f"{value * 100:.0f} %", "small quiet", anchor="end")
