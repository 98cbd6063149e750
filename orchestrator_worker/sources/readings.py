"""What vendors tell about a market beside its candles, as values that know who said it and when. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, Self


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
    refused: int = 0

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "trend_score": float(self.score),
            "buy_pressure": float(self.buy_pressure),
            "sell_pressure": float(self.sell_pressure),
        }

    def trimmed(self, wanted: Collection[str], rows_max: int) -> Self:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleTrade:
    """One trade far above the ordinary, as an exchange printed it. `total` counts the pair's quote currency."""

    pair: str
    side: str
    price: Decimal
    size: Decimal
    total: Decimal
    traded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleTrades:
    """A coin's whale trades since a time: how many on each side, and their dollars where they were paid in dollars."""

    vendor: str
    observed_at: datetime
    since: datetime
    buys: int
    sells: int
    bought_usd: Decimal
    sold_usd: Decimal
    largest: WhaleTrade | None

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "since": self.since.isoformat(),
            "buys": self.buys,
            "sells": self.sells,
            "bought_usd": float(self.bought_usd),
            "sold_usd": float(self.sold_usd),
            "largest": None
            if self.largest is None
            else {
                "pair": self.largest.pair,
                "side": self.largest.side,
                "price": float(self.largest.price),
                "total": float(self.largest.total),
                "traded_at": self.largest.traded_at.isoformat(),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedVolume:
    """What was bought and sold of a coin or pair, in coins: merged over exchanges, or over the last day."""

    vendor: str
    observed_at: datetime
    bought: Decimal
    sold: Decimal

    @property
    def data(self) -> dict[str, Any]:
        volume = self.bought + self.sold
        return _origin(self) | {
            "bought": float(self.bought),
            "sold": float(self.sold),
            # Nothing traded has no share: null, not one half.
            "buy_percent": float(100 * self.bought / volume) if volume else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest:
    """Contracts that are open on an exchange's futures of a pair, in the unit the exchange counts."""

    vendor: str
    observed_at: datetime
    exchange: str
    open_interest: Decimal

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {"exchange": self.exchange, "open_interest": float(self.open_interest)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenerRecord:
    """How the vendor's screener did on one coin, by its own account: the share it won, of how many trades."""

    vendor: str
    observed_at: datetime
    won_percent: Decimal
    trades: int
    average_gain_percent: Decimal
    newest_at: datetime

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "won_percent": float(self.won_percent),
            "trades": self.trades,
            "average_gain_percent": float(self.average_gain_percent),
            "newest_at": self.newest_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A page or post that a summary rests on."""

    url: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """What people say of a coin on X and in the news: −1 all negative … 1 all positive, by a model that cites."""

    vendor: str
    observed_at: datetime
    model: str
    score: Decimal
    mentions: int
    summary: str
    citations: tuple[Citation, ...]

    @property
    def data(self) -> dict[str, Any]:
        return _origin(self) | {
            "model": self.model,
            "score": float(self.score),
            "mentions": self.mentions,
            "summary": self.summary,
            "citations": [{"url": cited.url, "title": cited.title} for cited in self.citations],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A reading that was stored before, or the symbol's part of a market-wide one: its data as it stands."""

    observed_at: datetime
    data: dict[str, Any]


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


class _Told(Protocol):
    @property
    def vendor(self) -> str: ...

    @property
    def observed_at(self) -> datetime: ...


def _origin(reading: _Told) -> dict[str, Any]:
    return {"vendor": reading.vendor, "observed_at": reading.observed_at.isoformat()}
