"""Candles from an exchange's public klines, in Binance's wire shape: all the history there is, a thousand bars a call."""

from datetime import datetime, timedelta
from typing import Any

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.candle_source import closed_candles, utc_now
from orchestrator_worker.sources.quotes import DOLLARS, EXCHANGE, vwap_of
from orchestrator_worker.sources.vendor import AnswerUnreadable, Vendor
from zmarty.market import Candle, Symbol, Timeframe

__all__ = ["DOLLARS", "EXCHANGE", "ExchangeKlines", "vwap_of"]

PAGE_BARS = 1_000
# What Binance counts for one call of klines, whatever its limit.
KLINES_WEIGHT = 2

OPENED_AT, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, TRADES = 0, 1, 2, 3, 4, 5, 7, 8


class ExchangeKlines:
    """A CandleSource over `GET /api/v3/klines`."""

    name = EXCHANGE

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, since: datetime | None, limit: int
    ) -> list[Candle]:
        now = utc_now()
        newest = timeframe.newest_closed(now)
        if since is None:
            rows = await self._newest(symbol, timeframe, newest, limit)
        else:
            rows = await self._following(symbol, timeframe, since, newest, limit)
        return closed_candles(self.name, rows, lambda row: _candle(row, symbol, timeframe), now=now)

    async def _newest(self, symbol: Symbol, timeframe: Timeframe, newest: datetime, limit: int) -> list[Any]:
        """Page backwards until `limit` bars are there or the history ends, wherever that is."""
        rows: list[Any] = []
        end = newest
        for _ in range(_pages(limit)):
            asked = min(PAGE_BARS, limit - len(rows))
            page = await self._page(symbol, timeframe, asked, endTime=_milliseconds(end))
            rows = page + rows
            if len(page) < asked:
                break
            end = _opened_at(self.name, page[0]) - timeframe.delta
        return rows

    async def _following(
        self, symbol: Symbol, timeframe: Timeframe, since: datetime, newest: datetime, limit: int
    ) -> list[Any]:
        """Page forwards by the bars received: a halt, however long, only leaves its bars out."""
        rows: list[Any] = []
        start = since
        for _ in range(_pages(limit)):
            asked = min(PAGE_BARS, limit - len(rows))
            page = await self._page(
                symbol, timeframe, asked, startTime=_milliseconds(start), endTime=_milliseconds(newest)
            )
            rows += page
            if len(page) < asked:
                break
            start = _opened_at(self.name, page[-1]) + timeframe.delta
        return rows

    async def _page(self, symbol: Symbol, timeframe: Timeframe, limit: int, **span: int) -> list[Any]:
        page = await self._vendor.get(
            "/api/v3/klines",
            weight=KLINES_WEIGHT,
            symbol=symbol.compact,
            interval=timeframe.value,
            limit=limit,
            **span,
        )
        if not isinstance(page, list):
            raise AnswerUnreadable(self.name, "klines are not a list")
        return page


def _candle(row: object, symbol: Symbol, timeframe: Timeframe) -> Candle:
    if not isinstance(row, list) or len(row) <= TRADES:
        raise ValueError("a kline is a list of at least nine fields")
    volume = fields.number(row[VOLUME], "volume")
    quote_volume = fields.number(row[QUOTE_VOLUME], "quote volume")
    return Candle(
        symbol=symbol,
        timeframe=timeframe,
        opened_at=fields.milliseconds(row[OPENED_AT], "open time"),
        open=fields.number(row[OPEN], "open"),
        high=fields.number(row[HIGH], "high"),
        low=fields.number(row[LOW], "low"),
        close=fields.number(row[CLOSE], "close"),
        volume=volume,
        volume_usd=quote_volume if symbol.quote in DOLLARS else None,
        trades_count=int(fields.number(row[TRADES], "trades")),
        vwap=vwap_of(quote_volume, volume),
        exchange=EXCHANGE,
        source=EXCHANGE,
    )


def _opened_at(vendor: str, row: object) -> datetime:
    try:
        return fields.milliseconds(row[OPENED_AT] if isinstance(row, list) and row else None, "open time")
    except ValueError as error:
        raise AnswerUnreadable(vendor, f"a kline at the edge of a page: {error}") from error


def _pages(bars: int) -> int:
    return -(-bars // PAGE_BARS)


def _milliseconds(when: datetime) -> int:
    return (when - fields.EPOCH) // timedelta(milliseconds=1)
