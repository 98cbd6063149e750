"""Bars as arrays, the swings on them, and what every family of patterns makes of them: shapes. Pure.

All families look for shapes that point upwards. What points downwards is found by the same code on a chart turned upside
down (prices negated), so that a rule and its mirror image can never drift apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

# Bars whose true ranges the ATR averages, and how many of them it needs at least. A plain mean and no recursion: the same
# bar has the same ATR wherever the history begins.
ATR_BARS = 50
ATR_BARS_MIN = 14

# A shape that took longer is another timeframe's.
SPAN_BARS_MAX = 240


class Point(NamedTuple):
    """A bar that makes a shape, and what it is to it."""

    role: str
    bar: int
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A pattern in terms of its chart: bars by index, prices with the chart's sign, `side` 1 up or −1 down.

    `confirmed` is the bar whose close makes it valid; nothing in it rests on a later bar.
    """

    kind: str
    side: float
    points: Sequence[Point]
    confirmed: int
    fits: Mapping[str, float]
    neckline: float
    target: float
    invalidation: float

    @property
    def confidence(self) -> float:
        """How well the parts of the rule hold on average, 0 … 1. Straight legs count twice: chance seldom draws any."""
        weights = [2.0 if name == "straight" else 1.0 for name in self.fits]
        return float(np.average(list(self.fits.values()), weights=weights))

    @property
    def started(self) -> int:
        return self.points[0].bar


class Swing(NamedTuple):
    """A high or low from which the price came back by the scale. It may be known from the bar `confirmed` on."""

    bar: int
    price: float
    confirmed: int
    is_high: bool


@dataclass(frozen=True, slots=True)
class Chart:
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    atr: Floats
    side: float = 1.0

    @classmethod
    def of(cls, bars: pl.DataFrame) -> "Chart":
        """Take open, high, low, close and volume, oldest first."""
        opened, high, low, close, volume = (
            bars[name].cast(pl.Float64) for name in ("open", "high", "low", "close", "volume")
        )
        before = close.shift(1).to_numpy()
        reach = pl.Series(np.fmax(high.to_numpy(), before) - np.fmin(low.to_numpy(), before))
        return cls(
            open=opened.to_numpy(),
            high=high.to_numpy(),
            low=low.to_numpy(),
            close=close.to_numpy(),
            volume=volume.fill_null(0.0).fill_nan(0.0).to_numpy(),
            atr=reach.rolling_mean(ATR_BARS, min_samples=ATR_BARS_MIN).to_numpy(),
        )

    @property
    def bars_count(self) -> int:
        return len(self.close)

    def upside_down(self) -> "Chart":
        return Chart(-self.open, -self.low, -self.high, -self.close, self.volume, self.atr, -self.side)

    def first_close_above(self, level: float, after: int, until: int) -> int | None:
        """The first bar after `after` and up to `until` that closes above a level."""
        found = np.flatnonzero(self.close[after + 1 : until + 1] > level)
        return int(found[0]) + after + 1 if found.size else None

    def crookedness(self, points: Sequence[tuple[int, float]], height: float) -> float:
        """How far the closes stray from the straight legs between these points: root mean square over the height."""
        first, last = points[0][0], points[-1][0]
        legs = np.interp(np.arange(first, last + 1), [x for x, _ in points], [y for _, y in points])
        return float(np.sqrt(np.mean((self.close[first : last + 1] - legs) ** 2))) / height

    def surge(self, started: int, confirmed: int) -> float | None:
        """The volume of the confirming bar as a multiple of the mean since the start; None where nothing was traded."""
        usual = float(self.volume[started:confirmed].mean()) if confirmed > started else 0.0
        return float(self.volume[confirmed]) / usual if usual > 0.0 else None


def swings(chart: Chart, scale_atr: float) -> list[Swing]:
    """Alternating highs and lows, each at least `scale_atr` ATR from the one before, in the order they were confirmed."""
    high, low, needed = chart.high, chart.low, chart.atr * scale_atr
    found: list[Swing] = []
    known = np.flatnonzero(np.isfinite(needed))
    if not known.size:
        return found
    start = int(known[0])
    top = bottom = start
    rising: bool | None = None
    highs, lows, needs = high.tolist(), low.tolist(), needed.tolist()
    for index in range(start + 1, chart.bars_count):
        need = needs[index]
        if rising is not False:
            if highs[index] > highs[top]:
                top = index
            elif highs[top] - lows[index] >= need > 0.0:
                found.append(Swing(top, highs[top], index, is_high=True))
                rising, bottom = False, index
                continue
        if rising is not True:
            if lows[index] < lows[bottom]:
                bottom = index
            elif highs[index] - lows[bottom] >= need > 0.0:
                found.append(Swing(bottom, lows[bottom], index, is_high=False))
                rising, top = True, index
    return found


def runs(found: Sequence[Swing], length: int, *, ending_high: bool) -> Iterator[Sequence[Swing]]:
    """Every run of `length` swings in a row whose last one is a high, or a low."""
    for end in range(length, len(found) + 1):
        run = found[end - length : end]
        if run[-1].is_high == ending_high and run[-1].bar - run[0].bar <= SPAN_BARS_MAX:
            yield run


def between(value: float, worst: float, best: float) -> float:
    """0 at `worst`, 1 at `best` and beyond, linear between: how well one part of a rule holds."""
    return min(max((value - worst) / (best - worst), 0.0), 1.0)


def volume_fit(surge: float | None) -> float:
    """How well the volume rule holds: a valid break comes with more volume than the shape had. Half where unknown."""
    return 0.5 if surge is None else between(surge, 0.6, 1.6)
