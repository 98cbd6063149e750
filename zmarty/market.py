"""Values of the market that refuse to be wrong: symbols, timeframes, directions, candles. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from zmarty.errors import FieldInvalid, SymbolUnsupported, ZmartyError

SYMBOL_LENGTH_MAX = 20
PARSED_KEPT = 4_096
QUOTES = ("FDUSD", "USDT", "USDC", "USD", "EUR", "BTC", "ETH", "BNB")
QUOTE_DEFAULT = "USDT"
# Weekly buckets start on Mondays: 2001-01-01 was one. Postgres uses the same origin in date_bin.
BUCKET_ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)

_PART = re.compile(r"[A-Z0-9]{2,12}")
_DERIVATIVE = re.compile(r"(:[A-Z0-9]*|\.P|[-_/]?PERP)$")


class Symbol(str):
    """A spot pair in its one canonical form, `BTC/USDT`. Make one with `Symbol.parse`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object, *, field: str = "symbol") -> Self:
        """Read `BTC/USDT`, `BTCUSDT`, `btc-usdt`, `BTC_USDT` or `BTC` (quoted in USDT).

        Raises FieldInvalid for what is no symbol and SymbolUnsupported for derivatives.
        """
        if not isinstance(text, str):
            raise FieldInvalid(field, "must be text like BTC/USDT")
        written = text.strip().upper()
        if not written or len(written) > SYMBOL_LENGTH_MAX:
            raise FieldInvalid(field, f"must have 1 to {SYMBOL_LENGTH_MAX} characters, like BTC/USDT")
        if _DERIVATIVE.search(written):
            raise SymbolUnsupported(
                f"{written} names a derivative; Zmarty watches spot pairs such as BTC/USDT.", field=field
            )
        parts = re.split(r"[/_-]", written)
        base, quote = parts if len(parts) == 2 else _split(written)
        if not (_PART.fullmatch(base) and _PART.fullmatch(quote)):
            raise FieldInvalid(field, "must be BASE/QUOTE, each of 2 to 12 letters or digits, like BTC/USDT")
        return cls(f"{base}/{quote}")

    @property
    def base(self) -> str:
        return self.split("/")[0]

    @property
    def quote(self) -> str:
        return self.split("/")[1]

    @property
    def path(self) -> str:
        """As it stands in URLs, where a slash would end the segment: `BTC-USDT`."""
        return self.replace("/", "-")

    @property
    def compact(self) -> str:
        """As exchanges and vendors write it: `BTCUSDT`."""
        return self.replace("/", "")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            _refusing_as_value_error(cls.parse), core_schema.str_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "maxLength": SYMBOL_LENGTH_MAX,
            "description": "A spot pair. BTC/USDT, BTC-USDT, BTCUSDT and BTC all mean the same.",
            "examples": ["BTC/USDT"],
        }


def _split(written: str) -> tuple[str, str]:
    for quote in sorted(QUOTES, key=len, reverse=True):
        if written.endswith(quote) and len(written) > len(quote):
            return written[: -len(quote)], quote
    return written, QUOTE_DEFAULT


class Timeframe(StrEnum):
    """How long one candle lasts. A candle opened at `t` may be known from `closed_at(t)` on."""

    MINUTE_1 = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    MINUTES_30 = "30m"
    HOUR_1 = "1h"
    HOURS_4 = "4h"
    DAY_1 = "1d"
    WEEK_1 = "1w"

    @classmethod
    def parse(cls, text: object, *, field: str = "timeframe") -> Self:
        """Read `1h` and its like; `d` is Cryptometer's word for a day. Raises FieldInvalid."""
        written = text.strip().lower() if isinstance(text, str) else ""
        try:
            return cls({"d": "1d", "w": "1w"}.get(written, written))
        except ValueError:
            raise FieldInvalid(field, f"must be one of {', '.join(cls)}") from None

    @property
    def seconds(self) -> int:
        return _SECONDS[self]

    @property
    def delta(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    def floor(self, when: datetime) -> datetime:
        """The opening time of the candle that `when` lies in."""
        return when - (when - BUCKET_ORIGIN) % self.delta

    def closed_at(self, opened_at: datetime) -> datetime:
        return opened_at + self.delta

    def newest_closed(self, now: datetime) -> datetime:
        """The opening time of the newest candle that is closed at `now`."""
        return self.floor(now) - self.delta

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            _refusing_as_value_error(cls.parse), core_schema.str_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": [str(timeframe) for timeframe in cls]}


_SECONDS = {
    Timeframe.MINUTE_1: 60,
    Timeframe.MINUTES_5: 300,
    Timeframe.MINUTES_15: 900,
    Timeframe.MINUTES_30: 1_800,
    Timeframe.HOUR_1: 3_600,
    Timeframe.HOURS_4: 14_400,
    Timeframe.DAY_1: 86_400,
    Timeframe.WEEK_1: 604_800,
}


class Direction(StrEnum):
    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One closed bar. Prices in the quote currency, volume in the base currency, times in UTC.

    Raises ValueError when the bar cannot be true: prices that are not positive, a high below the low,
    an open or close outside their range, a negative volume, or an opening time off its timeframe's grid.
    """

    symbol: Symbol
    timeframe: Timeframe
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    exchange: str
    source: str
    volume_usd: Decimal | None = None
    trades_count: int | None = None
    vwap: Decimal | None = None

    def __post_init__(self) -> None:
        # NaN compares false with everything, so each rule is written as what must hold.
        if not all(price.is_finite() and price > 0 for price in (self.open, self.high, self.low, self.close)):
            raise ValueError(f"prices must be positive numbers: {self}")
        if not (self.low <= min(self.open, self.close) and max(self.open, self.close) <= self.high):
            raise ValueError(f"open and close must lie between low and high: {self}")
        if not (self.volume.is_finite() and self.volume >= 0):
            raise ValueError(f"volume must not be negative: {self}")
        if self.timeframe.floor(self.opened_at) != self.opened_at:
            raise ValueError(f"opened_at is not the start of a {self.timeframe} candle: {self}")

    @property
    def closed_at(self) -> datetime:
        return self.timeframe.closed_at(self.opened_at)


def _refusing_as_value_error(parse: Any) -> Any:
    # pydantic reports ValueErrors with the field they belong to; our own errors would pass it by.
    def validate(text: str) -> Any:
        try:
            return parse(text)
        except ZmartyError as error:
            raise ValueError(error.details.get("rule", error.message)) from error

    # Job messages name the same few pairs over and over. Only short texts are kept: padding must not fill the memory.
    kept = lru_cache(PARSED_KEPT)(validate)
    return lambda text: kept(text) if len(text) <= SYMBOL_LENGTH_MAX else validate(text)
