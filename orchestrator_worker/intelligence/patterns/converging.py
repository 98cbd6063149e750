"""Triangles and wedges: swings between two lines that approach each other. Pure.

Rules: Edwards & Magee (1948), chapter VIII; Bulkowski (2005), chapters on ascending, descending and symmetrical
triangles and on wedges: at least five touches of two converging lines, prices that cross between them, and a close
outside before the lines meet; Lo, Mamaysky & Wang (2000), definitions TTOP and TBOT. Ascending triangles count when they
break upwards, wedges when they break against their slope, symmetrical triangles whichever way they break.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from orchestrator_worker.intelligence.patterns.chart import (
    SPAN_BARS_MAX,
    Chart,
    Point,
    Shape,
    Swing,
    between,
    volume_fit,
)

# Slope and intercept.
Line: TypeAlias = tuple[float, float]

# In ATR, where the lines begin.
HEIGHT_MIN = 4.0
TOUCHES = (7, 6, 5)
# Of the height at the start: how far a swing may lie from its line, and how far closes may stray outside.
OFF_LINE_MAX = 0.12
OUTSIDE_MAX = 0.1
# Of the width at the start: what is left of it at the last touch.
WIDTH_LEFT_MAX = 0.65
# Rise of a line over the length of the shape, as a share of the height: at most this much is flat …
FLAT_MAX = 0.17
# … at least this much is slanted, and the lines of a wedge differ by this much.
SLANT_MIN = 0.22
# One slanted line alone must bring the lines as close as two would.
SLANT_ALONE_MIN = 0.36
LENGTH_MIN = 20
# The longest leg over the median one: the price crosses all of a triangle, which has no white space (Bulkowski).
LEG_MAX = 2.4
# How far beyond the line a close must be: in ATR, and of the height. Swings end a little beyond their line, too.
BREAK_MIN_ATR = 0.3
BREAK_MIN = 0.1
CROOKED_MAX = 0.18


@dataclass(frozen=True, slots=True)
class _Outline:
    """What is known of a shape when its last touch is: its kind, its lines, and how well it holds so far."""

    kind: str
    run: Sequence[Swing]
    upper: Line
    lower: Line
    height: float
    fits: dict[str, float]


def converging(
    chart: Chart, swings: Sequence[Swing], *, triangle: str, symmetrical: str, wedge: str
) -> Iterator[Shape]:
    """Shapes that break upwards: ascending and symmetrical triangles and falling wedges."""
    names = {"triangle": triangle, "symmetrical": symmetrical, "wedge": wedge}
    for end in range(min(TOUCHES), len(swings) + 1):
        runs = (swings[end - touches : end] for touches in TOUCHES if touches <= end)
        outlines = [outline for run in runs if (outline := _outline(chart, run, names)) is not None]
        if outlines:
            # Of several that end alike, the most regular one: chosen before anybody knows how it breaks.
            outline = max(outlines, key=lambda one: sum(one.fits.values()))
            if (shape := _broken(chart, outline, wedge)) is not None:
                yield shape


def _outline(chart: Chart, run: Sequence[Swing], names: Mapping[str, str]) -> _Outline | None:
    first, last = run[0].bar, run[-1].bar
    length = last - first
    legs = sorted(after.bar - before.bar for before, after in pairwise(run))
    irregular = legs[-1] / max(legs[len(legs) // 2], 1)
    if not LENGTH_MIN <= length <= SPAN_BARS_MAX or irregular > LEG_MAX:
        return None
    highs = [swing for swing in run if swing.is_high]
    lows = [swing for swing in run if not swing.is_high]
    upper, lower = _line(highs), _line(lows)
    height = _at(upper, first) - _at(lower, first)
    width_left = (_at(upper, last) - _at(lower, last)) / height if height > 0.0 else 0.0
    if height < HEIGHT_MIN * chart.atr[last] or not 0.0 < width_left <= WIDTH_LEFT_MAX:
        return None
    kind = _kind(upper[0] * length / height, lower[0] * length / height, **names)
    off_line = max(
        *(abs(swing.price - _at(upper, swing.bar)) for swing in highs),
        *(abs(swing.price - _at(lower, swing.bar)) for swing in lows),
    )
    if kind is None or off_line > OFF_LINE_MAX * height:
        return None
    inside = np.arange(first, last + 1)
    closes = chart.close[first : last + 1]
    outside = max(
        float((closes - (upper[0] * inside + upper[1])).max()),
        float((lower[0] * inside + lower[1] - closes).max()),
    )
    crooked = chart.crookedness([(swing.bar, swing.price) for swing in run], height)
    if outside > OUTSIDE_MAX * height or crooked > CROOKED_MAX:
        return None
    return _Outline(
        kind=kind,
        run=run,
        upper=upper,
        lower=lower,
        height=height,
        fits={
            "on_line": between(off_line / height, OFF_LINE_MAX, 0.02),
            "regular": between(irregular, LEG_MAX, 1.2),
            "converged": between(width_left, WIDTH_LEFT_MAX, 0.4),
            "straight": between(crooked, CROOKED_MAX, 0.06),
        },
    )


def _broken(chart: Chart, outline: _Outline, wedge: str) -> Shape | None:
    run, upper = outline.run, outline.upper
    first, last = run[0].bar, run[-1].bar
    confirmed = _broken_upwards(chart, outline)
    if confirmed is None:
        return None
    broken = _at(upper, confirmed)
    # The measure rule of triangles; a wedge gives back all of itself.
    whole = max(_at(upper, first), run[0].price)
    target = whole if outline.kind == wedge else broken + outline.height
    if target <= chart.close[confirmed]:
        return None
    return Shape(
        kind=outline.kind,
        side=chart.side,
        points=[
            Point("upper_line" if swing.is_high else "lower_line", swing.bar, swing.price) for swing in run
        ],
        confirmed=confirmed,
        fits={**outline.fits, "volume": volume_fit(chart.surge(first, confirmed))},
        neckline=broken,
        target=target,
        invalidation=float(chart.low[last : confirmed + 1].min()),
    )


def _kind(rise_above: float, rise_below: float, *, triangle: str, symmetrical: str, wedge: str) -> str | None:
    if abs(rise_above) <= FLAT_MAX and rise_below >= SLANT_ALONE_MIN:
        return triangle
    if rise_above <= -SLANT_MIN and rise_below >= SLANT_MIN:
        return symmetrical
    # Both lines fall, the upper one faster.
    if rise_below <= -SLANT_MIN and rise_above <= rise_below - SLANT_MIN:
        return wedge
    return None


def _broken_upwards(chart: Chart, outline: _Outline) -> int | None:
    """The first close above the upper line before the lines meet, unless one below the lower line came first."""
    upper, lower, last = outline.upper, outline.lower, outline.run[-1]
    meet = (lower[1] - upper[1]) / (upper[0] - lower[0])
    until = min(int(meet), chart.bars_count - 1)
    for index in range(last.bar + 1, until + 1):
        margin = max(BREAK_MIN_ATR * chart.atr[index], BREAK_MIN * outline.height)
        if chart.close[index] < _at(lower, index) - margin:
            return None
        if index >= last.confirmed and chart.close[index] > _at(upper, index) + margin:
            # Found long after the break, the move is gone.
            return index if chart.close[index] - _at(upper, index) < outline.height / 2 else None
    return None


def _line(swings: Sequence[Swing]) -> Line:
    """The least squares line through these swings."""
    # In plain Python: for two to four points numpy takes ten times as long.
    count = len(swings)
    middle = sum(swing.bar for swing in swings) / count
    level = sum(swing.price for swing in swings) / count
    spread = sum((swing.bar - middle) ** 2 for swing in swings)
    slope = sum((swing.bar - middle) * swing.price for swing in swings) / spread
    return slope, level - slope * middle


def _at(line: Line, index: int) -> float:
    return line[0] * index + line[1]
