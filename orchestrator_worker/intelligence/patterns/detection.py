"""All patterns of a chart, each as it could have been known at its bar: one calculation for live, backfill and replay. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from orchestrator_worker.intelligence.patterns.breakouts import breakouts
from orchestrator_worker.intelligence.patterns.chart import Chart, Shape, swings
from orchestrator_worker.intelligence.patterns.continuations import poles
from orchestrator_worker.intelligence.patterns.converging import converging
from orchestrator_worker.intelligence.patterns.liquidations import TURN_ATR, Cluster, magnets
from orchestrator_worker.intelligence.patterns.reversals import double_bottoms, heads_and_shoulders
from orchestrator_worker.intelligence.patterns.touches import supports
from zmarty.market import Timeframe
from zmarty.specs import PATTERN_KINDS

KINDS: tuple[str, ...] = PATTERN_KINDS
# What any other shape of the same move says better.
GENERIC = frozenset({"support_level", "resistance_level", "upward_breakout", "downward_breakout"})

PATTERNS_MAX = 10
CONFIDENCE_MIN = 0.6
EXPIRY = timedelta(hours=24)
# Fewer bars than this hold no shape.
BARS_MIN = 60
# In ATR. Half as much again each: whatever a shape's size, one of them lies between its noise and its height.
SCALES = (2.0, 3.0, 4.5, 7.0, 11.0)
# Bars within which a second word for the same move says nothing new.
SAME_MOVE_BARS = 3
# How many earlier shapes a shape is compared with.
COMPARED_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A shape in times and prices. Kind and `started_at` name it: found again on the next bar, it is the same pattern.

    `detected_opened_at` is the candle whose close made it valid, `bars` the ones that make it, by role. `price_levels`
    has entry (that close), neckline (the line it broke or rests on), target and invalidation. `fits` tells how well each
    part of its rule holds, 0 … 1, and `confidence` is their mean: how much it looks like the rule says, no probability.
    """

    kind: str
    direction: str
    confidence: float
    started_at: datetime
    ended_at: datetime
    detected_opened_at: datetime
    price_levels: Mapping[str, float]
    bars: Sequence[Mapping[str, Any]]
    fits: Mapping[str, float]
    expires_at: datetime

    def row(self) -> dict[str, Any]:
        return asdict(self)


def detect(bars: pl.DataFrame, *, timeframe: Timeframe, clusters: Sequence[Cluster] = ()) -> list[Pattern]:
    """Return the patterns that hold as of the last of these closed bars, best first, at most PATTERNS_MAX.

    `bars` has opened_at, open, high, low, close and volume, oldest first; `clusters` is the newest liquidation map. A
    pattern holds when a close made it valid within EXPIRY and no bar since has reached its target or its invalidation.
    Raises ValueError naming the column that is not as it must be.
    """
    return look(bars, timeframe=timeframe, clusters=clusters)[0]


def walk(bars: pl.DataFrame, *, timeframe: Timeframe) -> list[Pattern]:
    """Return every pattern of a history in the order in which a close made it valid; those of clusters need their maps.

    No pattern rests on a bar after its own, so what is found in a history is what `detect` would have said at the time.
    """
    return look(bars, timeframe=timeframe)[1]


def look(
    bars: pl.DataFrame, *, timeframe: Timeframe, clusters: Sequence[Cluster] = ()
) -> tuple[list[Pattern], list[Pattern]]:
    """Return what `detect` and what `walk` say of these bars, for the price of one."""
    chart = _chart(bars)
    if chart is None:
        return [], []
    opened_at, last = bars["opened_at"].to_list(), chart.bars_count - 1
    shapes = shapes_of(chart)
    fresh = [
        shape
        for shape in shapes
        if opened_at[shape.confirmed] + EXPIRY > opened_at[last] and not _is_over(chart, shape)
    ]
    for turned in (chart, chart.upside_down()):
        at_scale = swings(turned, TURN_ATR)
        fresh += [
            shape for shape in magnets(turned, at_scale, clusters, "liquidation_cluster") if _tells(shape)
        ]
    fresh.sort(key=lambda shape: (-shape.confidence, shape.kind, shape.started))
    return (
        [_pattern(chart, shape, opened_at, timeframe) for shape in fresh[:PATTERNS_MAX]],
        [_pattern(chart, shape, opened_at, timeframe) for shape in shapes],
    )


def _chart(bars: pl.DataFrame) -> Chart | None:
    opened_at = bars["opened_at"]
    if opened_at.null_count() or not (opened_at.diff().drop_nulls() > timedelta(0)).all():
        raise ValueError("opened_at: must rise from bar to bar")
    for column in ("open", "high", "low", "close"):
        prices = bars[column].cast(pl.Float64)
        if not (prices.is_finite() & (prices > 0.0)).fill_null(False).all():
            raise ValueError(f"{column}: must be a positive number on every bar")
    return Chart.of(bars) if bars.height >= BARS_MIN else None


def shapes_of(chart: Chart) -> list[Shape]:
    """Every shape in the order in which they were confirmed, each move told once."""
    found: list[Shape] = []
    for turned in (chart, chart.upside_down()):
        up = turned.side > 0
        for scale in SCALES:
            at_scale = swings(turned, scale)
            found += double_bottoms(turned, at_scale, "double_bottom" if up else "double_top")
            found += heads_and_shoulders(turned, at_scale, "head_and_shoulders")
            found += converging(
                turned,
                at_scale,
                triangle="ascending_triangle" if up else "descending_triangle",
                symmetrical="symmetrical_triangle",
                wedge="falling_wedge" if up else "rising_wedge",
            )
            found += poles(turned, at_scale, flag="flag", pennant="pennant")
            found += supports(turned, at_scale, "support_level" if up else "resistance_level")
        found += breakouts(turned, "upward_breakout" if up else "downward_breakout")
    return _told_once([shape for shape in found if _tells(shape)])


def _tells(shape: Shape) -> bool:
    return shape.confidence >= CONFIDENCE_MIN


def _told_once(found: Sequence[Shape]) -> list[Shape]:
    kept: list[Shape] = []
    # An earlier one was told before a later one was known; of those known together the more telling one counts.
    for shape in sorted(found, key=lambda one: (one.confirmed, one.kind in GENERIC, -one.confidence)):
        if not any(_says_the_same(earlier, shape) for earlier in kept[-COMPARED_MAX:]):
            kept.append(shape)
    return kept


def _says_the_same(earlier: Shape, later: Shape) -> bool:
    """Whether the later shape is the earlier one again, or another word for the same move."""
    if earlier.side != later.side:
        return False
    shared = earlier.confirmed - max(earlier.started, later.started)
    shorter = min(earlier.confirmed - earlier.started, later.confirmed - later.started)
    if 2 * shared < shorter:
        return False
    return earlier.kind == later.kind or later.confirmed - earlier.confirmed <= SAME_MOVE_BARS


def _is_over(chart: Chart, shape: Shape) -> bool:
    """Whether a bar after the confirming one has reached the target or the invalidation."""
    # Prices of a chart that is upside down are negated, and so are its highs and lows.
    seen = chart if shape.side == chart.side else chart.upside_down()
    after = slice(shape.confirmed + 1, None)
    return bool(np.any(seen.high[after] >= shape.target) or np.any(seen.low[after] <= shape.invalidation))


def _pattern(chart: Chart, shape: Shape, opened_at: Sequence[datetime], timeframe: Timeframe) -> Pattern:
    detected = opened_at[shape.confirmed]
    levels = {
        "entry": float(chart.close[shape.confirmed]),
        "neckline": shape.neckline * shape.side,
        "target": shape.target * shape.side,
        "invalidation": shape.invalidation * shape.side,
    }
    return Pattern(
        kind=shape.kind,
        direction="long" if shape.side > 0 else "short",
        confidence=round(min(shape.confidence, 1.0), 4),
        started_at=opened_at[shape.started],
        ended_at=opened_at[max(point.bar for point in shape.points)],
        detected_opened_at=detected,
        price_levels=levels,
        bars=[
            {
                "role": point.role,
                "opened_at": opened_at[point.bar].isoformat(),
                "price": float(point.price * shape.side),
            }
            for point in shape.points
        ],
        fits={name: round(float(fit), 4) for name, fit in shape.fits.items()},
        expires_at=timeframe.closed_at(detected) + EXPIRY,
    )
