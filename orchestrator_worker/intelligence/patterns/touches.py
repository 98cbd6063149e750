"""Support and resistance that has just held again. Pure.

Rules: Edwards & Magee (1948), chapter XIII; Bulkowski's touches: a price from which the market has turned at least three
times, with room between the touches. The third turn confirms it; where the price closes beyond it, it is broken.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestrator_worker.intelligence.patterns.chart import (
    Chart,
    Point,
    Shape,
    Swing,
    between,
    runs,
    volume_fit,
)

# In ATR: how far the price must leave the level between two touches.
HEIGHT_MIN = 4.0
TOUCHES = 3
# Of the height: how far apart the touches may lie.
APART_MAX = 0.19
BARS_APART_MIN = 8
CROOKED_MAX = 0.3
# In ATR beyond the level: where it no longer holds.
MARGIN = 1.0
# Of the height: highs that fall from touch to touch by this much press on the level and make a triangle of it.
PRESSING_MIN = 0.28


def supports(chart: Chart, swings: Sequence[Swing], kind: str) -> Iterator[Shape]:
    """Levels that held from above for the third time in a row."""
    for run in runs(swings, 2 * TOUCHES - 1, ending_high=False):
        lows, highs = run[::2], run[1::2]
        level = sum(low.price for low in lows) / len(lows)
        height = min(high.price for high in highs) - level
        confirmed = run[-1].confirmed
        if height < HEIGHT_MIN * chart.atr[confirmed]:
            continue
        apart = (max(low.price for low in lows) - min(low.price for low in lows)) / height
        near = min(after.bar - low.bar for low, after in pairwise(lows))
        pressing = (highs[0].price - highs[-1].price) / height
        if apart > APART_MAX or near < BARS_APART_MIN or pressing > PRESSING_MIN:
            continue
        crooked = chart.crookedness([(swing.bar, swing.price) for swing in run], height)
        target = min(high.price for high in highs)
        if crooked > CROOKED_MAX or chart.close[confirmed] >= target:
            continue
        fits = {
            "equal": between(apart, APART_MAX, 0.03),
            "straight": between(crooked, CROOKED_MAX, 0.1),
            "tall": between(height / chart.atr[confirmed], HEIGHT_MIN - 2.0, 2 * HEIGHT_MIN),
            "volume": volume_fit(chart.surge(run[0].bar, confirmed)),
        }
        yield Shape(
            kind=kind,
            side=chart.side,
            points=[Point("turn" if swing.is_high else "touch", swing.bar, swing.price) for swing in run],
            confirmed=confirmed,
            fits=fits,
            neckline=level,
            target=target,
            invalidation=min(low.price for low in lows) - MARGIN * float(chart.atr[confirmed]),
        )
