"""The one row that says how a symbol stands among its clusters: the nearest ones, the cascade risk, the pattern. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestrator_worker.liquidations import cascade
from orchestrator_worker.liquidations.margin import distances
from orchestrator_worker.sources.readings import Cluster, ClusterMap

SOURCES = ("king_fisher", "pushed", "screenshot", "estimated")
"""Whose map is preferred, best first."""

FRESH = timedelta(minutes=20)
"""Two refreshes: up to here a better source's older map says more than a poorer one's newest."""

HITS_MAX = 5


@dataclass(frozen=True, slots=True)
class Price:
    """The newest close of a symbol, and when its candle closed."""

    close: Decimal
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A row of `liquidation_monitor`, without its symbol."""

    source: str
    observed_at: datetime
    confidence: float | None
    link: str | None
    price: Decimal
    price_at: datetime
    nearest_above: dict[str, Any] | None
    nearest_below: dict[str, Any] | None
    hits: list[dict[str, Any]]
    cascade_risk: float | None
    cascade_band: str | None
    cascade_parts: dict[str, Any]
    pattern: str | None
    pattern_parts: dict[str, Any]
    distances: dict[str, Any]


def best_of(maps: Iterable[ClusterMap | None], *, now: datetime) -> ClusterMap | None:
    """The map to judge by: of the fresh ones the best source's, else the newest."""
    known = [found for found in maps if found is not None]
    fresh = [found for found in known if now - found.observed_at <= FRESH]
    if fresh:
        # Of one source's maps the newest.
        return min(fresh, key=lambda found: (SOURCES.index(found.vendor), now - found.observed_at))
    return max(known, key=lambda found: found.observed_at, default=None)


def monitor_of(found: ClusterMap, price: Price, base: str) -> Monitor:
    """What this map says at this price; `base` is the symbol's base currency."""
    close = float(price.close)
    risk, pattern = (
        cascade.cascade_of(found.clusters, close, base),
        cascade.pattern_of(found.clusters, close, base),
    )
    parts, held = asdict(risk), asdict(pattern)
    return Monitor(
        source=found.vendor,
        observed_at=found.observed_at,
        confidence=found.confidence,
        link=found.link,
        price=price.close,
        price_at=price.closed_at,
        nearest_above=_nearest(found.clusters, "above", close),
        nearest_below=_nearest(found.clusters, "below", close),
        hits=[
            _told(cluster, close)
            for cluster in _by_distance(found.clusters, close)
            if cascade.is_hit(cluster, close)
        ][:HITS_MAX],
        cascade_risk=parts.pop("risk"),
        cascade_band=parts.pop("band"),
        cascade_parts=parts,
        pattern=held.pop("kind"),
        pattern_parts=held,
        distances=distances(close),
    )


def _nearest(clusters: Sequence[Cluster], side: str, price: float) -> dict[str, Any] | None:
    # Where the price has passed a cluster since the map was made, it lies on the other side now and threatens nobody.
    standing = [
        cluster
        for cluster in clusters
        if cluster.side == side and (float(cluster.price) > price) == (side == "above")
    ]
    nearest = next(iter(_by_distance(standing, price)), None)
    return _told(nearest, price) if nearest is not None else None


def _by_distance(clusters: Sequence[Cluster], price: float) -> list[Cluster]:
    return sorted(clusters, key=lambda cluster: cascade.distance_percent(cluster, price))


def _told(cluster: Cluster, price: float) -> dict[str, Any]:
    return {
        "side": cluster.side,
        "price": float(cluster.price),
        "size": cluster.size,
        "notional": None if cluster.notional is None else float(cluster.notional),
        "distance_percent": round(cascade.distance_percent(cluster, price), 4),
    }
