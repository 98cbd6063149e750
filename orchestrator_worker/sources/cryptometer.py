"""Cryptometer: new candles, the long/short ratio, liquidations and the market's trend, out of envelopes of strings.

Its key travels as a query parameter, so addresses are never logged. Its lists are newest first, and their first
row is the bar that is still open.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.answers import Answers
from orchestrator_worker.sources.candle_source import closed_candles, utc_now
from orchestrator_worker.sources.exchange import DOLLARS, EXCHANGE, vwap_of
from orchestrator_worker.sources.readings import Liquidations, LongShortRatio, Trend
from orchestrator_worker.sources.vendor import (
    PATIENCE_SECONDS,
    AnswerTooShort,
    AnswerUnreadable,
    RequestRefused,
    Vendor,
)
from zmarty.market import Candle, Symbol, Timeframe

NAME = "cryptometer"
FUTURES = "binance_futures"
BARS_MAX = 40
LIQUIDATION_EXCHANGES_MAX = 50
# The exchange has the same candles, so nobody waits long for ours; the readings are nowhere else.
CANDLES_PATIENCE_SECONDS = 5.0
# One question for all symbols; new with every candle of the shortest timeframe that Cryptometer knows.
TREND_FRESH_SECONDS = 240.0
TIMEFRAMES = {
    Timeframe.MINUTES_5: "5m",
    Timeframe.MINUTES_15: "15m",
    Timeframe.MINUTES_30: "30m",
    Timeframe.HOUR_1: "1h",
    Timeframe.HOURS_4: "4h",
    Timeframe.DAY_1: "d",
}

Read = TypeVar("Read")


class Cryptometer:
    """A CandleSource for the newest bars, and three readings. Raises SourceUnavailable."""

    name = NAME

    def __init__(self, vendor: Vendor, answers: Answers) -> None:
        self._vendor = vendor
        self._answers = answers

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        now = utc_now()
        if since is not None and (timeframe.newest_closed(now) - since) // timeframe.delta >= BARS_MAX:
            raise AnswerTooShort(NAME, f"has the newest {BARS_MAX} bars only")
        rows = await self._rows(
            "/ohlcv/",
            patience_seconds=CANDLES_PATIENCE_SECONDS,
            e=EXCHANGE,
            pair=symbol.path,
            timeframe=_timeframe(timeframe),
        )
        candles = closed_candles(NAME, rows, lambda row: candle_from(row, symbol, timeframe), now=now)
        candles = [candle for candle in candles if until is None or candle.opened_at <= until]
        if since is None:
            return candles[-limit:]
        # What lies between `since` and the first bar would stay a hole for ever, so a short list is refused.
        if candles and candles[0].opened_at > since:
            raise AnswerTooShort(NAME, f"reaches back to {candles[0].opened_at.isoformat()} only")
        return [candle for candle in candles if candle.opened_at >= since][:limit]

    async def long_short_ratio(self, symbol: Symbol, timeframe: Timeframe) -> LongShortRatio:
        """The ratio over the newest closed bar."""
        newest = timeframe.newest_closed(utc_now())
        rows = await self._rows("/ls-ratio/", e=FUTURES, pair=symbol.path, timeframe=_timeframe(timeframe))
        return _parsed(lambda: long_short_ratio_from(rows, timeframe, newest=newest))

    async def liquidations(self, symbol: Symbol) -> Liquidations:
        rows = await self._rows("/liquidation-data-v2/", symbol=symbol.base.lower())
        # The answer carries no time of its own; it holds at the moment it was given.
        return _parsed(lambda: liquidations_from(rows, observed_at=utc_now()))

    async def trend(self) -> Trend:
        return await self._market_wide("/trend-indicator-v3/", trend_from, fresh_seconds=TREND_FRESH_SECONDS)

    async def _market_wide(
        self, path: str, read: Callable[[list[Any]], Read], *, fresh_seconds: float
    ) -> Read:
        """The answer that holds for all symbols; asked once for all of them and all processes."""

        def reading_of(body: str) -> Read:
            return _parsed(lambda: read(self._rows_in(self._vendor.read(body))))

        async def fetch() -> str:
            body = await self._vendor.fetch(path)
            # Read once before it is shared: a failure in an envelope is nobody's answer.
            reading_of(body)
            return body

        return reading_of(await self._answers.body(NAME, path, fetch, fresh_seconds=fresh_seconds))

    async def _rows(
        self, path: str, *, patience_seconds: float = PATIENCE_SECONDS, **params: str
    ) -> list[Any]:
        return self._rows_in(
            await self._vendor.get(path, weight=1, patience_seconds=patience_seconds, **params)
        )

    def _rows_in(self, answer: object) -> list[Any]:
        if not isinstance(answer, dict):
            raise AnswerUnreadable(NAME, "the answer is not an object")
        # The envelope says `"true"` and `"false"`, or, after some failures, the sentence itself in `error`.
        if (
            str(answer.get("success")).lower() != "true"
            or str(answer.get("error", "false")).lower() != "false"
        ):
            raise AnswerUnreadable(
                NAME, f"reports a failure: {self._vendor.redacted(str(answer.get('error')))}"
            )
        rows = answer.get("data")
        if not isinstance(rows, list):
            raise AnswerUnreadable(NAME, "data is not a list")
        return rows


def candle_from(row: object, symbol: Symbol, timeframe: Timeframe) -> Candle:
    """A row of /ohlcv/. Its `volume` counts the quote currency; the base currency is what was bought and sold."""
    volume = fields.number(fields.field(row, "buy"), "buy") + fields.number(fields.field(row, "sell"), "sell")
    quote_volume = fields.number(fields.field(row, "volume"), "volume")
    return Candle(
        symbol=symbol,
        timeframe=timeframe,
        opened_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
        open=fields.number(fields.field(row, "open"), "open"),
        high=fields.number(fields.field(row, "high"), "high"),
        low=fields.number(fields.field(row, "low"), "low"),
        close=fields.number(fields.field(row, "close"), "close"),
        volume=volume,
        volume_usd=quote_volume if symbol.quote in DOLLARS else None,
        trades_count=int(fields.number(fields.field(row, "tradecount"), "tradecount")),
        vwap=vwap_of(quote_volume, volume),
        exchange=EXCHANGE,
        source=NAME,
    )


def long_short_ratio_from(
    rows: Sequence[object], timeframe: Timeframe, *, newest: datetime
) -> LongShortRatio:
    """The newest row of /ls-ratio/ whose bar, opened at `newest` or before, is closed. Raises ValueError when there is none."""
    closed = [
        (opened_at, row)
        for row in rows
        if (opened_at := fields.time(fields.field(row, "timestamp"), "timestamp")) <= newest
    ]
    if not closed:
        raise ValueError("no ratio of a closed bar")
    opened_at, row = max(closed, key=lambda pair: pair[0])
    return LongShortRatio(
        vendor=NAME,
        observed_at=timeframe.closed_at(opened_at),
        ratio=_at_least_zero(row, "ratio"),
        long_percent=_percent(row, "buy"),
        short_percent=_percent(row, "sell"),
    )


def liquidations_from(rows: Sequence[object], *, observed_at: datetime) -> Liquidations:
    """The one row of /liquidation-data-v2/. A side that an exchange does not name is 0: nobody was liquidated there.

    Raises ValueError when no exchange is named at all: then nothing is known, which is not the same as nothing.
    """
    row = rows[0] if rows else None
    if not isinstance(row, dict) or not row or len(row) > LIQUIDATION_EXCHANGES_MAX:
        raise ValueError("no exchange is named")
    return Liquidations(
        vendor=NAME,
        observed_at=observed_at,
        exchanges={
            exchange: (_side(sides, "longs"), _side(sides, "shorts")) for exchange, sides in row.items()
        },
    )


def trend_from(rows: Sequence[object]) -> Trend:
    """The one row of /trend-indicator-v3/. Raises ValueError."""
    row = rows[0] if rows else None
    return Trend(
        vendor=NAME,
        observed_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
        score=_percent(row, "trend_score"),
        buy_pressure=_percent(row, "buy_pressure"),
        sell_pressure=_percent(row, "sell_pressure"),
    )


def _side(sides: object, name: str) -> Decimal:
    if not isinstance(sides, dict):
        raise fields.FieldUnreadable("an exchange's liquidations are not an object")
    return _at_least_zero(sides, name) if name in sides else Decimal(0)


def _at_least_zero(row: object, name: str) -> Decimal:
    value = fields.number(fields.field(row, name), name)
    if value < 0:
        raise ValueError(f"{name} is negative")
    return value


def _percent(row: object, name: str) -> Decimal:
    value = _at_least_zero(row, name)
    if value > 100:
        raise ValueError(f"{name} is above 100")
    return value


def _timeframe(timeframe: Timeframe) -> str:
    try:
        return TIMEFRAMES[timeframe]
    except KeyError:
        raise RequestRefused(NAME, f"knows no timeframe {timeframe}") from None


def _parsed(read: Callable[[], Read]) -> Read:
    try:
        return read()
    except ValueError as error:
        raise AnswerUnreadable(NAME, str(error)) from error
