"""Prices from which the market has turned: support below the close, resistance above it, with their touches. Pure.

A level is a cluster of confirmed swings whose prices lie within TOLERANCE_ATR of each other (Edwards & Magee, 1948, chapter
XIII: the more often and the more recently a price has turned the market, the more it means). Strength, 0 … 1, is the sum of
its touches, each halved for every HALF_LIFE_BARS since, against STRONG_TOUCHES of today.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from orchestrator_worker.intelligence.pivots import swings

LEVELS_BARS = 500
# Of each kind, the nearest to the close.
LEVELS_MAX = 5
TOUCHES_MIN = 2
TOLERANCE_ATR = 0.75
HALF_LIFE_BARS = 150
STRONG_TOUCHES = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    kind: Literal["support", "resistance"]
    price: float
    touches: int
    strength: float
    last_touched_at: datetime

    def row(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "price": self.price,
            "touches": self.touches,
            "strength": round(self.strength, 4),
            "last_touched_at": self.last_touched_at.isoformat(),
        }


def levels_of(bars: pl.DataFrame) -> list[Level]:
    """Return the levels of the last LEVELS_BARS of `bars` (opened_at, high, low, close, atr_14), nearest first."""
    newest = bars.tail(LEVELS_BARS)
    atr, close = newest["atr_14"][-1], float(newest["close"][-1])
    if atr is None or not atr > 0.0:
        return []
    found = swings(newest).select("price", "row").sort("price").rows()
    opened_at, last = newest["opened_at"], newest.height - 1
    levels = [
        Level(
            kind="support" if price < close else "resistance",
            price=float(f"{price:.10g}"),
            touches=len(touches),
            strength=min(
                sum(0.5 ** ((last - row) / HALF_LIFE_BARS) for row in touches) / STRONG_TOUCHES, 1.0
            ),
            last_touched_at=opened_at[max(touches)],
        )
        for price, touches in _clusters(found, TOLERANCE_ATR * float(atr))
        if len(touches) >= TOUCHES_MIN
    ]
    levels.sort(key=lambda level: abs(level.price - close))
    return [level for kind in ("support", "resistance") for level in _of_kind(levels, kind)[:LEVELS_MAX]]


def _of_kind(levels: Sequence[Level], kind: str) -> list[Level]:
    return [level for level in levels if level.kind == kind]


def _clusters(found: Sequence[tuple[float, int]], width: float) -> list[tuple[float, list[int]]]:
    """Mean price and rows of the swings, cut where the next price lies farther than `width` from the cluster's first."""
    clusters: list[list[tuple[float, int]]] = []
    for price, row in found:
        if clusters and price - clusters[-1][0][0] <= width:
            clusters[-1].append((price, row))
        else:
            clusters.append([(price, row)])
    return [
        (sum(price for price, _ in cluster) / len(cluster), [row for _, row in cluster])
        for cluster in clusters
    ]
