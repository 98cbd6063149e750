"""Candles from any exchange that ccxt speaks. ccxt knows each exchange's words; the door, with its limits, is ours.

Of ccxt only the public market data is used, and only what stands between its words and ours: which address to ask, and
what the answer means. The request itself goes through `Vendor`, so a worker's processes share one bucket an exchange, and
every timeout and bound holds here as for every other vendor.
"""

import asyncio
import importlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.candle_source import closed_candles, utc_now
from orchestrator_worker.sources.fields import FieldUnreadable
from orchestrator_worker.sources.vendor import (
    PAUSE_SECONDS,
    AnswerTooShort,
    AnswerUnreadable,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
    Vendor,
)
from zmarty.errors import ZmartyError
from zmarty.market import Candle, Symbol, Timeframe

# How many bars an exchange gives at once where ccxt does not say.
PAGE_BARS_DEFAULT = 100
# An exchange that is asked for a window answers nothing where it traded nothing; after so many of them we stop looking.
EMPTY_PAGES_MAX = 20
# No exchange is older.
MARKETS_BEGAN_AT = datetime(2010, 1, 1, tzinfo=UTC)
# A symbol that is not listed may be by now: the list is fetched anew, but not for everybody who asks.
LISTING_SECONDS = 3_600.0
TOO_MANY_REQUESTS = 429
# What a reader of foreign answers stumbles with when they are not what the exchange documents.
STUMBLES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)

_NAME = re.compile(r"[a-z][a-z0-9]{1,29}")
_ORIGIN = re.compile(r"https?://[^/]+")


class ExchangeUnusable(ZmartyError):
    """An exchange of the settings that this worker cannot ask; the message says what to do."""

    code = "exchange_unusable"


@dataclass(frozen=True, slots=True)
class ExchangeChoice:
    """One entry of EXCHANGES: the name that ccxt gives the exchange and, if it is not its own, its address."""

    name: str
    url: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kraken` or `kraken=https://…`. Raises ValueError."""
        name, _, url = text.partition("=")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{text!r} is no exchange; write names of ccxt such as kraken, okx")
        if url and not _ORIGIN.match(url):
            raise ValueError(f"the address of {name} must begin with https:// or http://")
        return cls(name, url.rstrip("/") or None)


class CcxtCandles:
    """A CandleSource over one exchange's public candles."""

    def __init__(self, choice: ExchangeChoice, vendor: Vendor) -> None:
        """Raises ExchangeUnusable when ccxt is not installed, or does not know the exchange or its candles."""
        self.name = choice.name
        self._vendor = vendor
        self._ccxt = _ccxt(choice.name)
        self._client = self._open(choice)
        told = ((self._client.features or {}).get("spot") or {}).get("fetchOHLCV") or {}
        # One less than it gives: the newest page also brings the bar that is still open.
        self.page_bars: int = (told.get("limit") or PAGE_BARS_DEFAULT) - 1
        # One at a time: ccxt lets callers wait on each other's request, and a caller that is cancelled would end them all.
        self._listing = asyncio.Lock()
        self._listed_at: float | None = None

    def _open(self, choice: ExchangeChoice) -> Any:
        # Our buckets are shared by all processes; ccxt's own pace also holds for exchanges that have no row there.
        client = getattr(self._ccxt, choice.name)({"enableRateLimit": True})
        if client.has.get("fetchOHLCV") is not True:
            raise ExchangeUnusable(f"EXCHANGES: {choice.name} publishes no candles.")
        client.number = Decimal
        client.fetch = self._fetch
        # ccxt would leave out what lies outside of what was asked, and with it the sign that a time has another unit.
        client.parse_ohlcvs = self._unfiltered
        # Networks and fees of currencies: for some exchanges a second megabyte, and nothing that a candle needs.
        client.has["fetchCurrencies"] = False
        client.options["fetchMarkets"] = {"types": ["spot"]}
        if choice.url:
            client.urls["api"] = _moved(client.urls["api"], choice.url)
        return client

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        if timeframe.value not in (self._client.timeframes or {}):
            raise RequestRefused(self.name, f"has no candles of {timeframe}")
        await self._require(symbol)
        now = utc_now()
        newest = timeframe.newest_closed(now)
        last = min(until, newest) if until else newest
        first = since or last - (limit - 1) * timeframe.delta
        rows = await self._rows(symbol, timeframe, first, last, limit, whole=since is not None)
        candles = closed_candles(self.name, rows, lambda row: self._candle(row, symbol, timeframe), now=now)
        return [candle for candle in candles if first <= candle.opened_at <= last][:limit]

    async def begins_at(self, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
        # There is no one question for it that all exchanges understand, and a page of days is most of a year.
        if Timeframe.DAY_1.value not in (self._client.timeframes or {}):
            return None
        await self._require(symbol)
        start, now = MARKETS_BEGAN_AT, utc_now()
        while start < now:
            page = await self._page(symbol, Timeframe.DAY_1, start)
            if page:
                begins_at = self._edges(page)[0]
                return None if self._is_cut(page, Timeframe.DAY_1, start) else begins_at
            start += self.page_bars * Timeframe.DAY_1.delta
        return None

    async def listed(self) -> frozenset[Symbol]:
        """The spot pairs that are traded now, as far as they have a name of ours."""
        async with self._listing:
            await self._load_listing()
        traded = (market for market in self._client.markets.values() if _is_traded(market))
        found = (fields.symbol(market.get("base"), market.get("quote")) for market in traded)
        return frozenset(symbol for symbol in found if symbol is not None)

    async def _rows(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        first: datetime,
        last: datetime,
        limit: int,
        *,
        whole: bool,
    ) -> list[Any]:
        """Page forwards from `first`. `whole`: an answer that leaves out its beginning is refused, for nobody would notice."""
        rows: list[Any] = []
        start, span = first, self.page_bars * timeframe.delta
        for _ in range(-(-limit // self.page_bars) + EMPTY_PAGES_MAX):
            if start > last or len(rows) >= limit:
                return rows
            page = await self._page(symbol, timeframe, start)
            if page and whole and self._is_cut(page, timeframe, start):
                raise AnswerTooShort(self.name, f"has the newest {len(page)} bars of {timeframe} only")
            rows += page
            # By the bars received, so that no bar is passed over; an empty window lies behind us as a whole.
            start = max(start, self._edges(page)[1]) + timeframe.delta if page else start + span
        if len(rows) < limit and start <= last:
            raise AnswerTooShort(self.name, f"has no {timeframe} candles near {first.isoformat()}")
        return rows

    def _is_cut(self, page: list[Any], timeframe: Timeframe, start: datetime) -> bool:
        """Whether the exchange gave its newest bars whatever was asked, as Kraken does beyond 720 of them."""
        begins, ends = self._edges(page)
        return (
            begins >= start + timeframe.delta
            and len(page) >= self.page_bars
            and ends >= timeframe.newest_closed(utc_now())
        )

    async def _page(self, symbol: Symbol, timeframe: Timeframe, start: datetime) -> list[Any]:
        since = (start - fields.EPOCH) // timedelta(milliseconds=1)
        rows = await self._ask(self._client.fetch_ohlcv(symbol, timeframe.value, since, self.page_bars + 1))
        assert isinstance(rows, list), "our own _unfiltered makes it"
        return rows

    def _unfiltered(self, rows: list[Any], market: Any = None, *_: Any) -> list[Any]:
        return [self._client.parse_ohlcv(row, market) for row in rows]

    def _edges(self, page: list[Any]) -> tuple[datetime, datetime]:
        """The first and the last opening time of a page, in whichever order the exchange writes it."""
        try:
            opened_at = [fields.milliseconds(row[0], "open time") for row in page]
        except FieldUnreadable as error:
            raise AnswerUnreadable(self.name, str(error)) from error
        return min(opened_at), max(opened_at)

    async def _require(self, symbol: Symbol) -> None:
        async with self._listing:
            if not _is_traded((self._client.markets or {}).get(symbol)):
                await self._load_listing()
        if not _is_traded(self._client.markets.get(symbol)):
            raise RequestRefused(self.name, f"does not list {symbol}")

    async def _load_listing(self) -> None:
        if self._listed_at is not None and time.monotonic() - self._listed_at < LISTING_SECONDS:
            return
        await self._ask(self._client.load_markets(True))
        self._listed_at = time.monotonic()

    async def _ask(self, question: Any) -> Any:
        """Await one of ccxt's questions and say in our words how it failed."""
        ccxt = self._ccxt
        try:
            return await question
        except (ccxt.RateLimitExceeded, ccxt.DDoSProtection) as error:
            seconds = PAUSE_SECONDS[TOO_MANY_REQUESTS]
            await self._vendor.pause(seconds, reason="asked us to slow down")
            raise SourceLimited(self.name, self._said(error), retry_after_seconds=seconds) from error
        except (ccxt.BadSymbol, ccxt.BadRequest, ccxt.NotSupported) as error:
            raise RequestRefused(self.name, self._said(error)) from error
        except ccxt.OperationFailed as error:
            raise SourceUnavailable(self.name, self._said(error)) from error
        except (ccxt.BaseError, *STUMBLES) as error:
            raise AnswerUnreadable(self.name, self._said(error)) from error

    async def _fetch(
        self, url: str, method: str = "GET", headers: object = None, body: object = None
    ) -> object:
        """What ccxt calls instead of its own HTTP client. Nothing but reading passes."""
        assert method == "GET" and not body, "only public market data is asked for"
        parts = urlsplit(url)
        params: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        text = await self._vendor.fetch(f"{parts.scheme}://{parts.netloc}{parts.path}", **params)
        answer = self._client.parse_json(text)
        self._client.handle_errors(200, "OK", url, method, {}, text, answer, headers, body)
        if not isinstance(answer, dict | list):
            raise AnswerUnreadable(self.name, "the answer is not JSON", answered=200)
        return answer

    def _candle(self, row: object, symbol: Symbol, timeframe: Timeframe) -> Candle:
        if not isinstance(row, list) or len(row) < 6:
            raise ValueError("a candle is a list of six fields")
        opened_at, opened, high, low, close, volume = row[:6]
        return Candle(
            symbol=symbol,
            timeframe=timeframe,
            opened_at=fields.milliseconds(opened_at, "open time"),
            open=fields.number(opened, "open"),
            high=fields.number(high, "high"),
            low=fields.number(low, "low"),
            close=fields.number(close, "close"),
            volume=fields.number(volume, "volume"),
            exchange=self.name,
            source=self.name,
        )

    def _said(self, error: Exception) -> str:
        # ccxt puts its own name and the exchange's words into one text.
        return self._vendor.redacted(str(error).removeprefix(self.name).strip() or type(error).__name__)


def _ccxt(name: str) -> Any:
    """ccxt, loaded only where an exchange is configured: it takes seconds and eighty megabytes."""
    try:
        ccxt = importlib.import_module("ccxt.async_support")
    except ImportError as error:
        raise ExchangeUnusable(
            f"EXCHANGES names {name}, but ccxt is not installed: install requirements-exchanges.lock, or empty EXCHANGES."
        ) from error
    if name not in ccxt.exchanges:
        raise ExchangeUnusable(f"EXCHANGES: ccxt knows no exchange named {name}.")
    return ccxt


def _moved(address: Any, url: str) -> Any:
    """An exchange's addresses, at another place: tests and mirrors."""
    if isinstance(address, str):
        return _ORIGIN.sub(lambda _: url, address, count=1)
    if isinstance(address, Mapping):
        return {name: _moved(value, url) for name, value in address.items()}
    return address


def _is_traded(market: Any) -> bool:
    return bool(market) and bool(market.get("spot")) and market.get("active") is not False
