"""Breakouts from a range. Pure.

Rules: Donchian's channel (1960), as the Turtle rules use it: a close beyond the extremes of the last bars; Darvas, How I
Made $2,000,000 in the Stock Market (1960): these bars must form a box, whose top and bottom were both reached time and
again; Edwards & Magee (1948), chapters IX and XIII: it must be left decidedly and with volume.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from orchestrator_worker.intelligence.patterns.chart import Chart, Point, Shape, between, volume_fit

# How long a box may be; the longest that is one counts.
BOX_BARS = (60, 42, 30)
# In ATR. A lower box is the noise of a quiet hour.
HEIGHT_MIN = 3.0
# Of the height, at the top and at the bottom: a high or low in there has reached that end.
END_SHARE = 0.3
# Ends reached in turn: top, bottom, top … A wandering price seldom comes back so often.
VISITS_MIN = 7
# How far beyond the box a close must be: in ATR, and of the height.
BREAK_MIN_ATR = 0.5
BREAK_MIN = 0.1
# Multiple of the box's mean volume; what was traded less decidedly is no breakout.
SURGE_MIN = 1.2


def breakouts(chart: Chart, kind: str) -> Iterator[Shape]:
    """Closes above a box that no bar before them left."""
    told: set[int] = set()
    for bars in BOX_BARS:
        if chart.bars_count <= bars:
            continue
        top = pl.Series(chart.high).rolling_max(bars).shift(1).to_numpy()
        bottom = pl.Series(chart.low).rolling_min(bars).shift(1).to_numpy()
        atr = pl.Series(chart.atr).shift(1).to_numpy()
        height = top - bottom
        with np.errstate(invalid="ignore"):
            left = chart.close > top + np.maximum(BREAK_MIN_ATR * atr, BREAK_MIN * height)
            found = left & (height >= HEIGHT_MIN * atr)
        for index in np.flatnonzero(found).tolist():
            if index not in told and (shape := _shape(chart, kind, bars, index)) is not None:
                told.add(index)
                yield shape


def _shape(chart: Chart, kind: str, bars: int, index: int) -> Shape | None:
    first = index - bars
    highs, lows = chart.high[first:index], chart.low[first:index]
    top, bottom = float(highs.max()), float(lows.min())
    height = top - bottom
    visits = _visits(chart, first, index, top - END_SHARE * height, bottom + END_SHARE * height)
    surge = chart.surge(first, index)
    if len(visits) < VISITS_MIN or (surge is not None and surge < SURGE_MIN):
        return None
    left = (float(chart.close[index]) - top) / height
    return Shape(
        kind=kind,
        side=chart.side,
        points=visits,
        confirmed=index,
        fits={
            "visited": between(len(visits), VISITS_MIN - 3, VISITS_MIN + 2),
            "decided": between(left, 0.0, 0.4),
            "volume": volume_fit(surge),
        },
        neckline=top,
        target=top + height,
        invalidation=(top + bottom) / 2,
    )


def _visits(chart: Chart, first: int, index: int, high: float, low: float) -> list[Point]:
    """The bars that reached the top or the bottom end after the other one."""
    found: list[Point] = []
    for place in range(first, index):
        if chart.high[place] >= high and (not found or found[-1].role == "bottom"):
            found.append(Point("top", place, float(chart.high[place])))
        elif chart.low[place] <= low and (not found or found[-1].role == "top"):
            found.append(Point("bottom", place, float(chart.low[place])))
    return found
