"""Flags and pennants: a steep pole, a short rest, and on it goes. Pure.

Rules: Edwards & Magee (1948), chapter XI; Bulkowski (2005), chapters on flags and pennants: a pole that rises steeply, a
rest of a few bars that gives back less than half of it, between parallel lines (flag) or converging ones (pennant), and a
close beyond the upper line. The target is the measure rule: the pole once more, from the low of the rest.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from orchestrator_worker.intelligence.patterns.chart import (
    Chart,
    Floats,
    Point,
    Shape,
    Swing,
    between,
    volume_fit,
)

# In ATR as it was before the pole, which itself raises it.
POLE_MIN = 6.0
# How long a pole may be; the steepest counts.
POLE_BARS = (4, 6, 9, 13, 18, 24)
# ATR over the square root of its bars: what is steep. A random walk gets that far once in several hundred tries.
STEEP_MIN = 2.4
CROOKED_POLE_MAX = 0.17
REST_BARS_MIN = 6
REST_BARS_MAX = 26
# Of the pole: how much the rest may give back, and how wide it may be.
GIVEN_BACK_MAX = 0.5
WIDTH_MAX = 0.42
# How far the price swings at its end over its start: lines are parallel from here on and converge below.
PARALLEL_MIN = 0.9
# Rise of the middle of the rest over its length, as a share of the pole: a flag hangs against its pole or lies flat.
HANG_MAX = 0.03
TILT_MAX = 0.15
# How far beyond its line a close must be: in ATR, and of the pole.
BREAK_MIN_ATR = 0.25
BREAK_MIN = 0.04
# Two touches of each line: the tip, a low, a high, each this share of the pole from the one before; and the low from which
# it breaks out, which the break itself makes one.
TURNS_MIN = 3
TURN_MIN = 0.08


def poles(chart: Chart, swings: Sequence[Swing], *, flag: str, pennant: str) -> Iterator[Shape]:
    """Flags and pennants that go on upwards."""
    for tip in swings:
        if not tip.is_high or (foot := _foot(chart, tip)) is None:
            continue
        pole, atr, bars = tip.price - foot.price, chart.atr[foot.bar], tip.bar - foot.bar
        if pole < max(POLE_MIN, STEEP_MIN * bars**0.5) * atr:
            continue
        crooked = chart.crookedness([(foot.bar, foot.price), (tip.bar, tip.price)], pole)
        if crooked <= CROOKED_POLE_MAX:
            shape = _rest(chart, foot, tip, pole, crooked, flag=flag, pennant=pennant)
            if shape is not None:
                yield shape


def _foot(chart: Chart, tip: Swing) -> Point | None:
    """The low before the tip from which the way up was steepest; None where the ATR is not known there."""
    found = None
    steepest = 0.0
    for bars in POLE_BARS:
        first = max(tip.bar - bars, 0)
        index = first + int(chart.low[first : tip.bar + 1].argmin())
        if index == tip.bar or not chart.atr[index] > 0.0:
            continue
        price = float(chart.low[index])
        steep = (tip.price - price) / (chart.atr[index] * (tip.bar - index) ** 0.5)
        if steep > steepest:
            found, steepest = Point("pole", index, price), steep
    return found


def _rest(
    chart: Chart, foot: Point, tip: Swing, pole: float, crooked: float, *, flag: str, pennant: str
) -> Shape | None:
    """The first bar that closes above a rest behind the tip, if what lies between is one."""
    first, atr = tip.bar + 1, chart.atr[foot.bar]
    turned = _turns(chart.close[tip.bar : first + REST_BARS_MAX], TURN_MIN * pole)
    for index in range(first + REST_BARS_MIN, min(first + REST_BARS_MAX, chart.bars_count - 1) + 1):
        closes = chart.close[first : index + 1]
        if index < tip.confirmed or closes[-1] <= closes[-2]:
            continue
        end = _before_last_rise(closes)
        highs, lows = chart.high[first : first + end], chart.low[first : first + end]
        if end < REST_BARS_MIN:
            continue
        lowest = float(lows.min())
        if tip.price - lowest > GIVEN_BACK_MAX * pole:
            return None
        steps, half = np.arange(end), end // 2
        # While it rests: the slope of its closes, and two lines of that slope that hold all of it.
        slope = _slope(closes[:end])
        level_highs, level_lows = highs - slope * steps, lows - slope * steps
        # A falling line is crossed by every turn within the rest, so the highs of its second half must be left, too.
        line = float(level_highs.max()) + slope * (index - first)
        broken = max(line, float(highs[half:].max()))
        turns = [turn for turn in turned if turn.confirmed <= index - tip.bar]
        margin = max(BREAK_MIN_ATR * atr, BREAK_MIN * pole)
        if len(turns) < TURNS_MIN or closes[-1] <= broken + margin:
            continue
        width = float(level_highs.max() - level_lows.min())
        kind = _kind(_narrowing(closes[:end]), slope * end / pole, flag=flag, pennant=pennant)
        if kind is None or width > WIDTH_MAX * pole:
            return None
        given_back = (tip.price - lowest) / pole
        fits = {
            "straight": between(crooked, CROOKED_POLE_MAX, 0.04),
            "shallow": between(given_back, GIVEN_BACK_MAX, 0.3),
            "tall": between(pole / atr, POLE_MIN, 2 * POLE_MIN),
            "volume": volume_fit(chart.surge(first, index)),
        }
        return Shape(
            kind=kind,
            side=chart.side,
            points=(
                foot,
                Point("tip", tip.bar, tip.price),
                Point("rest", first + int(lows.argmin()), lowest),
            ),
            confirmed=index,
            fits=fits,
            neckline=broken,
            target=max(lowest + pole, broken + pole / 2),
            invalidation=lowest,
        )
    return None


def _kind(width_left: float, rise: float, *, flag: str, pennant: str) -> str | None:
    if width_left < PARALLEL_MIN and abs(rise) <= TILT_MAX:
        return pennant
    if width_left >= PARALLEL_MIN and rise <= HANG_MAX:
        return flag
    return None


def _slope(prices: Floats) -> float:
    """The least squares slope of prices one bar apart."""
    centred = np.arange(len(prices)) - (len(prices) - 1) / 2
    return float((centred * prices).sum() / (centred**2).sum())


def _turns(closes: Floats, step: float) -> list[Swing]:
    """The turns of these closes, the first being their start: where they came back by `step` from an extreme."""
    found: list[Swing] = []
    extreme, rising = 0, True
    prices = closes.tolist()
    for place, price in enumerate(prices):
        if rising == (price > prices[extreme]):
            extreme = place
        elif abs(price - prices[extreme]) >= step:
            found.append(Swing(extreme, prices[extreme], place, rising))
            extreme, rising = place, not rising
    return found


def _before_last_rise(closes: Floats) -> int:
    """How many of these closes come before the rise that the last one is part of: the breakout under way."""
    falling = np.flatnonzero(np.diff(closes) <= 0.0)
    return int(falling[-1]) + 2 if falling.size else 1


def _narrowing(closes: Floats) -> float:
    """How far the closes still swing at the end of a rest, as a share of how far they swung at its start."""
    steps = np.arange(len(closes)) - (len(closes) - 1) / 2
    swung = np.abs(closes - closes.mean() - _slope(closes) * steps)
    change = _slope(swung) * (len(closes) - 1) / 2
    middle = float(swung.mean())
    return (middle + change) / max(middle - change, middle / 10)
