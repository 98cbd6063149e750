"""Liquidation clusters that the price is heading for. Pure.

Rule: near a price at which many leveraged positions would be closed by force, the forced orders themselves move the market
there (FACTS §14). A cluster counts when it is large, the price has turned towards it, it lies within a day's reach, nothing
as large waits on the way or nearer on the other side, and it has not been hit, which is coming within ±0.2 % of it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from orchestrator_worker.intelligence.patterns.chart import Chart, Point, Shape, Swing, between

HIT_MAX = 0.002
WEIGHTS = MappingProxyType({"small": 0.2, "medium": 0.4, "large": 0.8, "xlarge": 1.0})
WEIGHT_MIN = 0.8
# In ATR from the close.
DISTANCE_MAX = 12.0
# A swing this long is a turn towards the cluster.
TURN_ATR = 3.0
# Of the distance to the cluster, behind the close: where the price has turned away from it.
RETREAT = 0.6


class Cluster(Protocol):
    """A row of a liquidation map: its `side` is above or below the price, its `size` one of WEIGHTS."""

    @property
    def side(self) -> str: ...
    @property
    def price(self) -> Decimal | float: ...
    @property
    def size(self) -> str: ...


def magnets(chart: Chart, swings: Sequence[Swing], clusters: Sequence[Cluster], kind: str) -> Iterator[Shape]:
    """The cluster above the last close of this chart that it is heading for; the chart may be upside down."""
    towards, away = ("above", "below") if chart.side > 0 else ("below", "above")
    last = chart.bars_count - 1
    close, atr = float(chart.close[last]), float(chart.atr[last])
    ahead = [(float(one.price) * chart.side - close, one) for one in clusters if one.side == towards]
    behind = [close - float(one.price) * chart.side for one in clusters if one.side == away and _weighs(one)]
    reachable = [
        (distance, one) for distance, one in ahead if _weighs(one) and 0.0 < distance <= DISTANCE_MAX * atr
    ]
    if not reachable or not swings or swings[-1].is_high:
        return
    distance, cluster = min(reachable, key=lambda one: one[0])
    price, turn = close + distance, swings[-1]
    rival = min((gap for gap in behind if gap > 0.0), default=float("inf"))
    hit = float(chart.high[turn.bar :].max()) >= price - HIT_MAX * abs(price)
    if hit or rival < distance:
        return
    yield Shape(
        kind=kind,
        side=chart.side,
        points=(Point("turn", turn.bar, turn.price),),
        confirmed=last,
        fits={
            "large": between(WEIGHTS[cluster.size], 0.4, 1.0),
            "near": between(distance / atr, DISTANCE_MAX, 2.0),
            "alone": between(rival / distance, 0.5, 2.0),
        },
        neckline=price,
        target=price,
        invalidation=close - RETREAT * distance,
    )


def _weighs(cluster: Cluster) -> bool:
    return WEIGHTS.get(cluster.size, 0.0) >= WEIGHT_MIN
