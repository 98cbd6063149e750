"""What a vendor tells about the whole market at one moment: tables by pair or coin, and lists. Pure.

Every value knows who said it and when it holds. `data` is what is stored: JSON with numbers, bounded by `trimmed`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Protocol, Self, TypeVar


class MarketReading(Protocol):
    """One vendor's word on the whole market."""

    @property
    def vendor(self) -> str: ...

    @property
    def observed_at(self) -> datetime: ...

    @property
    def refused(self) -> int:
        """Rows of the answer that could not be true and were left out."""
        ...

    @property
    def data(self) -> dict[str, Any]: ...

    def trimmed(self, wanted: Collection[str], rows_max: int) -> "MarketReading":
        """The same with at most `rows_max` rows of each kind: those of `wanted` pairs and coins first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A price that ran away within minutes: how far in percent, on which exchange, when that was noticed."""

    pair: str
    exchange: str
    change_percent: Decimal
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeTrade:
    """One large trade of the last minutes; the vendor gives no time. `total` counts the pair's quote currency."""

    pair: str
    side: str
    quantity: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money that went from one coin into another within the timeframe, in dollars."""

    coming_from: str
    going_to: str
    volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinLiquidity:
    """What flowed into a coin and out of it within the timeframe, in dollars."""

    inflow: Decimal
    outflow: Decimal
    netflow: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVolatility:
    """How far a pair's price and volume lie from their averages; 1.000 is an ordinary volatility."""

    volatility: Decimal
    price: Decimal
    average_price: Decimal
    change_percent: Decimal
    volume: Decimal
    volume_change_percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """A pair's last day. Volume counts the quote currency; a change that the vendor does not know is null."""

    price: Decimal
    price_usd: Decimal | None
    high: Decimal
    low: Decimal
    volume_day: Decimal
    change_hour: Decimal | None = None
    change_day: Decimal | None = None
    change_week: Decimal | None = None
    change_month: Decimal | None = None
    change_quarter: Decimal | None = None
    change_year: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedTrade:
    """An entry that the vendor's screener proposed, and how far its price has come since."""

    pair: str
    coin: str
    exchange: str
    side: str
    entry_price: Decimal
    price_reached: Decimal
    gain_percent: Decimal
    entered_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinInfo:
    """A coin's supply and worth in dollars. A supply of 0 means that the vendor does not know it: null here."""

    name: str
    supply: Decimal | None
    circulating: Decimal | None
    market_cap: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInfo:
    """A pair of one exchange with its coin's supply."""

    name: str
    supply: Decimal | None
    circulating: Decimal | None
    ticker: Ticker


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Row]):
    """Rows by pair (`BTC-USDT`) or coin (`BTC`), the weightiest first."""

    vendor: str
    observed_at: datetime
    key: str
    rows: Mapping[str, Row]
    refused: int = 0

    @property
    def data(self) -> dict[str, Any]:
        return {self.key: {name: json_of(row) for name, row in self.rows.items()}}

    def trimmed(self, wanted: Collection[str], rows_max: int) -> Self:
        ranked = sorted(self.rows, key=lambda name: name not in wanted)[:rows_max]
        return replace(self, rows={name: self.rows[name] for name in ranked})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """Rows in the vendor's order: the newest or the largest first."""

    vendor: str
    observed_at: datetime
    key: str
    rows: tuple[Row, ...]
    refused: int = 0

    @property
    def data(self) -> dict[str, Any]:
        return {self.key: [json_of(row) for row in self.rows]}

    def trimmed(self, wanted: Collection[str], rows_max: int) -> Self:
        ranked = sorted(self.rows, key=lambda row: getattr(row, "pair", None) not in wanted)[:rows_max]
        # Back in the vendor's order, which says what is newest.
        kept = {id(row) for row in ranked}
        return replace(self, rows=tuple(row for row in self.rows if id(row) in kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFlow:
    """The largest flows between coins; what is not listed is smaller than the smallest that is, and not zero."""

    vendor: str
    observed_at: datetime
    inflow: tuple[Flow, ...]
    outflow: tuple[Flow, ...]
    netflow: tuple[Flow, ...]
    refused: int = 0

    @property
    def data(self) -> dict[str, Any]:
        return {name: [json_of(flow) for flow in getattr(self, name)] for name in FLOWS}

    def trimmed(self, wanted: Collection[str], rows_max: int) -> Self:
        return replace(self, **{name: getattr(self, name)[:rows_max] for name in FLOWS})


FLOWS = ("inflow", "outflow", "netflow")


def json_of(value: Any) -> Any:
    """A value as JSON: numbers as numbers, times as ISO 8601, our rows as objects."""
    match value:
        case Decimal():
            return float(value)
        case datetime():
            return value.isoformat()
        case None | str() | bool() | int():
            return value
        case _:
            return {entry.name: json_of(getattr(value, entry.name)) for entry in fields(value)}
