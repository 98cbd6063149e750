"""Liquidation clusters from an HTTP source in our own contract; King Fisher itself has no public interface."""

from typing import Any

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.readings import Cluster, ClusterMap
from orchestrator_worker.sources.vendor import AnswerUnreadable, Vendor
from zmarty.errors import ZmartyError
from zmarty.market import Symbol

NAME = "king_fisher"
SIDES = ("above", "below")
SIZES = ("small", "medium", "large", "xlarge")
CLUSTERS_MAX = 500


class KingFisher:
    """`GET /clusters/BTC-USDT`. Raises SourceUnavailable."""

    name = NAME

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def clusters(self, symbol: Symbol) -> ClusterMap:
        answer = await self._vendor.get(f"/clusters/{symbol.path}")
        try:
            return clusters_from(answer, symbol)
        except ValueError as error:
            raise AnswerUnreadable(NAME, str(error)) from error


def clusters_from(answer: object, symbol: Symbol) -> ClusterMap:
    """Read one map. Raises ValueError, also when it is the map of another symbol."""
    if _symbol(fields.field(answer, "symbol")) != symbol:
        raise ValueError(f"the map is not of {symbol}")
    rows = fields.field(answer, "clusters")
    if not isinstance(rows, list) or len(rows) > CLUSTERS_MAX:
        raise ValueError(f"clusters must be a list of at most {CLUSTERS_MAX}")
    by_place = {(cluster.side, cluster.price): cluster for cluster in map(_cluster, rows)}
    return ClusterMap(
        vendor=NAME,
        observed_at=fields.time(fields.field(answer, "observed_at"), "observed_at"),
        clusters=tuple(by_place.values()),
    )


def _cluster(row: Any) -> Cluster:
    side, size = fields.field(row, "side"), fields.field(row, "size")
    if side not in SIDES or size not in SIZES:
        raise ValueError(f"side must be one of {SIDES}, size one of {SIZES}")
    price = fields.number(fields.field(row, "price"), "price")
    if price <= 0:
        raise ValueError("price must be positive")
    notional = row.get("notional")
    worth = None if notional is None else fields.number(notional, "notional")
    if worth is not None and worth < 0:
        raise ValueError("notional is negative")
    return Cluster(side=side, price=price, size=size, notional=worth)


def _symbol(text: object) -> Symbol:
    try:
        return Symbol.parse(text)
    except ZmartyError as error:
        raise ValueError(error.message) from error
