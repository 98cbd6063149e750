"""A signal on its candles: what was known, the levels it named, and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.pictures.drawing import Scale, Sheet

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 20, 640, 76, 356


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One judged signal and the candles around it. Bars after `signal` are its future."""

    title: str
    caption: str
    candles: Sequence[Mapping[str, Any]]
    signal_at: datetime
    entry: float
    stop: float
    targets: Sequence[float]
    exit_at: datetime
    exit_price: float
    barrier: str
    levels: Sequence[tuple[str, float]] = ()


def signal_svg(told: Told) -> str:
    """Draw the candles, the moment of the signal, its levels from there on, and the exit."""
    highest = max(*(bar["high"] for bar in told.candles), *told.targets[:1], told.stop, told.entry)
    lowest = min(*(bar["low"] for bar in told.candles), *told.targets[:1], told.stop, told.entry)
    margin = (highest - lowest) * 0.04
    y = Scale(lowest - margin, highest + margin, BOTTOM, TOP)
    x = Scale(0, len(told.candles), LEFT, RIGHT)
    places = {bar["opened_at"]: place for place, bar in enumerate(told.candles)}
    known = x(places[told.signal_at] + 1)
    sheet = Sheet(WIDTH, HEIGHT, told.title, told.caption)
    sheet.text(LEFT, 28, told.title, "title")
    sheet.text(LEFT, 48, told.caption, "quiet")
    sheet.box(LEFT, TOP, known - LEFT, BOTTOM - TOP, "fill-grid", opacity=0.35)
    sheet.text(known - 6, TOP + 14, "known", "small quiet", anchor="end")
    sheet.text(known + 6, TOP + 14, "afterwards", "small quiet")
    for name, price in told.levels:
        sheet.line(LEFT, y(price), known, y(price), "faint")
        sheet.text(LEFT + 4, y(price) - 4, f"{name} {price:,.6g}", "small quiet")
    ended = x(places[told.exit_at] + 1)
    _levels(sheet, told, y, known, ended)
    for place, bar in enumerate(told.candles):
        _candle(sheet, bar, x(place), x(place + 1), y)
    sheet.dot(
        ended - (x(1) - x(0)) / 2,
        y(told.exit_price),
        5.0,
        {"target": "fill-good", "stop": "fill-bad"}.get(told.barrier, "fill-warm"),
        told.barrier,
    )
    first, last = told.candles[0]["opened_at"], told.candles[-1]["opened_at"]
    sheet.text(LEFT, HEIGHT - 16, f"{first:%Y-%m-%d %H:%M}", "small quiet")
    sheet.text(RIGHT, HEIGHT - 16, f"{last:%Y-%m-%d %H:%M} UTC", "small quiet", anchor="end")
    return sheet.svg()


def _levels(sheet: Sheet, told: Told, y: Scale, known: float, ended: float) -> None:
    target = told.targets[0]
    above, below = max(target, told.entry), min(target, told.entry)
    sheet.box(known, y(above), ended - known, y(below) - y(above), "fill-good", opacity=0.10)
    above, below = max(told.stop, told.entry), min(told.stop, told.entry)
    sheet.box(known, y(above), ended - known, y(below) - y(above), "fill-bad", opacity=0.10)
    for name, price, kind in (
        ("target", target, "good"),
        ("entry", told.entry, "ink"),
        ("stop", told.stop, "bad"),
    ):
        sheet.line(known, y(price), ended, y(price), kind, width=1.5)
        sheet.text(RIGHT + 8, y(price) + 4, f"{name} {price:,.6g}", "small")


def _candle(sheet: Sheet, bar: Mapping[str, Any], left: float, right: float, y: Scale) -> None:
    rose = bar["close"] >= bar["open"]
    kind, middle, inset = ("good" if rose else "bad"), (left + right) / 2, (right - left) * 0.18
    sheet.line(middle, y(bar["high"]), middle, y(bar["low"]), kind)
    top, bottom = y(max(bar["open"], bar["close"])), y(min(bar["open"], bar["close"]))
    sheet.box(left + inset, top, right - left - 2 * inset, max(bottom - top, 1.0), f"fill-{kind}")
