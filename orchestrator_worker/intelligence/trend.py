"""Where the price of the last bars is heading, and how steadily. Pure.

Strength is the share of the movement that a straight line explains: R² of the least squares line through the logarithms of
the closes, in percent, as Clenow uses it to tell steady trends from wild ones (Stocks on the Move, 2015). Direction is the
sign of that line; below STRENGTH_MIN, or where the line moves less than one ATR, there is none.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

TREND_BARS = 50
STRENGTH_MIN = 25.0

Direction: TypeAlias = Literal["up", "down", "sideways"]


@dataclass(frozen=True, slots=True)
class Trend:
    direction: Direction
    strength: float


def trend_of(bars: pl.DataFrame) -> Trend:
    """Return the trend of the last TREND_BARS of `bars` (close, atr_14; oldest first, at least TREND_BARS of them)."""
    newest = bars.tail(TREND_BARS)
    closes = newest["close"].cast(pl.Float64).to_numpy()
    prices = np.log(closes)
    steps = np.arange(len(prices)) - (len(prices) - 1) / 2
    moved = prices - prices.mean()
    spread = float((moved**2).sum())
    if spread == 0.0:
        return Trend("sideways", 0.0)
    slope = float((steps * moved).sum() / (steps**2).sum())
    strength = 100.0 * min(slope**2 * float((steps**2).sum()) / spread, 1.0)
    atr = newest["atr_14"][-1]
    travelled = abs(slope) * (len(prices) - 1) * float(closes[-1])
    if strength < STRENGTH_MIN or (atr is not None and travelled < atr):
        return Trend("sideways", strength)
    return Trend("up" if slope > 0 else "down", strength)
