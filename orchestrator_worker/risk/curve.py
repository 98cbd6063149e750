"""Risk by price along anchors: what an operator believes of one symbol, from a day on. Pure.

Between two anchors the risk grows with the logarithm of the price; outside them it stays at the nearest one's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

ANCHORS_MIN = 2
ANCHORS_MAX = 41
BANDS = 10
RARITY_MAX = 1.6
RARITY_SPAN = 0.6
# A tenth written in binary lies a hair beside itself: 0.3 belongs to the fourth band, not to the third.
BAND_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Anchor:
    """At this price, in the quote currency, the risk is this much."""

    risk: float
    price: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The anchors of one symbol that count from `valid_from` on, until a later curve's day.

    Raises ValueError, naming the rule, unless there are 2 to 41 anchors with positive prices and risks of 0 to 1 that
    grow together.
    """

    valid_from: date
    anchors: tuple[Anchor, ...]

    def __post_init__(self) -> None:
        if not ANCHORS_MIN <= len(self.anchors) <= ANCHORS_MAX:
            raise ValueError(
                f"a curve has {ANCHORS_MIN} to {ANCHORS_MAX} anchors, this one {len(self.anchors)}"
            )
        for anchor in self.anchors:
            # NaN compares false with everything, so each rule is written as what must hold.
            if not 0 <= anchor.risk <= 1:
                raise ValueError(f"risk must lie between 0 and 1, not {anchor.risk}")
            if not (0 < anchor.price < np.inf):
                raise ValueError(f"price must be a positive number, not {anchor.price}")
        for lower, upper in pairwise(self.anchors):
            if not (lower.risk < upper.risk and lower.price < upper.price):
                raise ValueError(
                    f"risk and price must grow together: {lower.risk:g} @ {lower.price:g}, then "
                    f"{upper.risk:g} @ {upper.price:g}"
                )

    def risk_at(self, prices: Floats) -> Floats:
        """The risk at each of these positive prices."""
        known = np.log([anchor.price for anchor in self.anchors])
        return np.interp(np.log(prices), known, [anchor.risk for anchor in self.anchors])


def curve_of(valid_from: date, anchors: Sequence[Anchor]) -> Curve:
    """The curve through these anchors, given in any order."""
    return Curve(valid_from, tuple(sorted(anchors, key=lambda anchor: (anchor.risk, anchor.price))))


def curve_on(day: date, curves: Sequence[Curve]) -> Curve | None:
    """The newest of the curves that count on this day."""
    counting = [curve for curve in curves if curve.valid_from <= day]
    return max(counting, key=lambda curve: curve.valid_from, default=None)


def bands_of(values: Floats) -> Counts:
    """Each value's band: 0 for up to a tenth, 9 for nine tenths and more."""
    return np.clip(np.floor(values * BANDS + BAND_TOLERANCE), 0, BANDS - 1).astype(np.int64)


def rarity_of(days: Counts) -> Floats:
    """How rare each band is, by the days spent in it: 1.6 for the rarest, 1.0 for the most usual (FACTS §15).

    `days` has a row for each moment and a column for each band. Where all bands are alike none is rare: 1.0.
    """
    fewest, most = days.min(axis=-1, keepdims=True), days.max(axis=-1, keepdims=True)
    spread = np.maximum(most - fewest, 1)
    rarity = RARITY_MAX - (days - fewest) * RARITY_SPAN / spread
    usual = RARITY_MAX - RARITY_SPAN
    # Rounding may leave the most usual band a hair below 1.
    return np.where(most > fewest, np.clip(rarity, usual, RARITY_MAX), usual)
