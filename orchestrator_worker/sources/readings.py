"""What vendors tell about a market beside its candles, as values that know who said it and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol


class Reading(Protocol):
    """One vendor's word on a market. `data` is what is stored: JSON with numbers, the vendor and the time of observation."""

    @property
    def observed_at(self) -> datetime: ...

    @property
    def data(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortRatio:
    """How accounts on futures lean over one bar: longs to shorts, and both as percentages."""

    vendor: str
    observed_at: datetime
    ratio: Decimal
    long_percent: Decimal
    short_percent: Decimal

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "ratio": float(self.ratio),
            "long_percent": float(self.long_percent),
            "short_percent": float(self.short_percent),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidations:
    """Positions closed by force in the last day, in dollars, by exchange: `{exchange: (longs, shorts)}`."""

    vendor: str
    observed_at: datetime
    exchanges: Mapping[str, tuple[Decimal, Decimal]]

    @property
    def longs(self) -> Decimal:
        return sum((longs for longs, _ in self.exchanges.values()), Decimal(0))

    @property
    def shorts(self) -> Decimal:
        return sum((shorts for _, shorts in self.exchanges.values()), Decimal(0))

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "longs": float(self.longs),
            "shorts": float(self.shorts),
            "exchanges": {
                name: {"longs": float(longs), "shorts": float(shorts)}
                for name, (longs, shorts) in self.exchanges.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The whole market's trend: 0 falling … 100 rising, and the shares of buying and selling in percent."""

    vendor: str
    observed_at: datetime
    score: Decimal
    buy_pressure: Decimal
    sell_pressure: Decimal

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "trend_score": float(self.score),
            "buy_pressure": float(self.buy_pressure),
            "sell_pressure": float(self.sell_pressure),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A price near which many positions would be liquidated."""

    side: str
    price: Decimal
    size: str
    notional: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMap:
    """The liquidation clusters of one symbol as they stood at one moment, by a source of `liq_clusters`.

    `confidence` is the source's own, 0 to 1, where it has one; `link` leads to where the map can be looked at.
    """

    vendor: str
    observed_at: datetime
    clusters: tuple[Cluster, ...]
    confidence: float | None = None
    link: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "clusters": [
                {
                    "side": cluster.side,
                    "price": float(cluster.price),
                    "size": cluster.size,
                    "notional": None if cluster.notional is None else float(cluster.notional),
                }
                for cluster in self.clusters
            ]
        }


def _origin(reading: LongShortRatio | Liquidations | Trend | ClusterMap) -> dict[str, Any]:
    return {"vendor": reading.vendor, "observed_at": reading.observed_at.isoformat()}
