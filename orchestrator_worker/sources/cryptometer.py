"""Cryptometer: every endpoint that Zmarty knows of it, out of envelopes of strings.

Its key travels as a query parameter, so addresses are never logged. Its lists are newest first, and the first row of
bars is the one that is still open. Parsers are beside it: `cryptometer_market` and `cryptometer_symbol`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from orchestrator_worker.sources import cryptometer_market as market
from orchestrator_worker.sources import cryptometer_symbol as symbols
from orchestrator_worker.sources import plan
from orchestrator_worker.sources.answers import Answers
from orchestrator_worker.sources.budget import Budget, Unbudgeted
from orchestrator_worker.sources.candle_source import closed_candles, utc_now
from orchestrator_worker.sources.market_readings import MarketReading, Ticker
from orchestrator_worker.sources.quotes import EXCHANGE
from orchestrator_worker.sources.readings import (
    Liquidations,
    LongShortRatio,
    OpenInterest,
    ScreenerRecord,
    TradedVolume,
    Trend,
    WhaleTrades,
)
from orchestrator_worker.sources.vendor import (
    PATIENCE_SECONDS,
    AnswerTooShort,
    AnswerUnreadable,
    RequestRefused,
    Vendor,
)
from zmarty.market import Candle, Symbol, Timeframe

log = structlog.get_logger(__name__)

NAME = market.NAME
FUTURES = "binance_futures"
BARS_MAX = 40
# The exchange has the same candles, so nobody waits long for ours; the readings are nowhere else.
CANDLES_PATIENCE_SECONDS = 5.0
# One question for all symbols: an ingest that comes before the next tick takes the answer of the last one.
TREND_FRESH_SECONDS = plan.due_again(plan.BY_NAME["trend"], None).total_seconds()
# Clocks differ a little.
AHEAD_MAX = timedelta(minutes=5)
TIMEFRAMES = {
    Timeframe.MINUTES_5: "5m",
    Timeframe.MINUTES_15: "15m",
    Timeframe.MINUTES_30: "30m",
    Timeframe.HOUR_1: "1h",
    Timeframe.HOURS_4: "4h",
    Timeframe.DAY_1: "d",
}

Read = TypeVar("Read")

# The parameters of each market-wide question and its parser. Flows and volatility are those of one hour.
MARKET: dict[str, tuple[dict[str, str], Callable[..., MarketReading]]] = {
    "rapid_movements": ({}, market.rapid_movements_from),
    # A pair is required and changes nothing: all pairs are answered.
    "large_trades": ({"e": EXCHANGE, "pair": "BTC-USDT"}, market.large_trades_from),
    "volume_flow": ({"timeframe": "1h"}, market.volume_flow_from),
    "liquidity_lens": ({"timeframe": "1h"}, market.liquidity_lens_from),
    "volatility_index": ({"e": EXCHANGE, "timeframe": "1h"}, market.volatility_index_from),
    "tickers": ({"e": EXCHANGE}, market.tickers_from),
    "ticker_list": ({"e": EXCHANGE}, market.tickers_from),
    "ai_screener": ({"type": "full"}, market.screener_from),
    "coin_info": ({}, market.coin_info_from),
    "crypto_info": ({"e": EXCHANGE, "filter": "all"}, market.crypto_info_from),
    "forex_rates": ({"source": "USD"}, market.forex_rates_from),
    "coin_list": ({"e": EXCHANGE}, market.coin_list_from),
}


class Cryptometer:
    """A CandleSource for the newest bars, and all readings. Every question goes through the budget of the plan.

    Raises SourceUnavailable; OverBudget, one of its kinds, where the month is to be kept for more valuable questions.
    """

    name = NAME

    def __init__(self, vendor: Vendor, answers: Answers, budget: Budget | None = None) -> None:
        self._vendor = vendor
        self._answers = answers
        self._budget = budget or Unbudgeted()

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, since: datetime | None, limit: int
    ) -> list[Candle]:
        now = utc_now()
        if since is not None and (timeframe.newest_closed(now) - since) // timeframe.delta >= BARS_MAX:
            raise AnswerTooShort(NAME, f"has the newest {BARS_MAX} bars only")
        params = {"e": EXCHANGE, "pair": symbol.path, "timeframe": _timeframe(timeframe)}

        def read(rows: object) -> list[Candle]:
            return closed_candles(
                NAME, _listed(rows), lambda row: symbols.candle_from(row, symbol, timeframe), now=now
            )

        candles = await self._ask("candles", read, params, patience_seconds=CANDLES_PATIENCE_SECONDS)
        if since is None:
            return candles[-limit:]
        # What lies between `since` and the first bar would stay a hole for ever, so a short list is refused.
        if candles and candles[0].opened_at > since:
            raise AnswerTooShort(NAME, f"reaches back to {candles[0].opened_at.isoformat()} only")
        return [candle for candle in candles if candle.opened_at >= since][:limit]

    async def long_short_ratio(self, symbol: Symbol, timeframe: Timeframe) -> LongShortRatio:
        """The ratio over the newest closed bar."""
        newest = timeframe.newest_closed(utc_now())
        return await self._ask(
            "ls_ratio",
            lambda rows: symbols.long_short_ratio_from(_listed(rows), timeframe, newest=newest),
            {"e": FUTURES, "pair": symbol.path, "timeframe": _timeframe(timeframe)},
        )

    async def liquidations(self, symbol: Symbol) -> Liquidations:
        # The answer carries no time of its own; it holds at the moment it was given.
        return await self._ask(
            "liquidations",
            lambda rows: symbols.liquidations_from(_listed(rows), observed_at=utc_now()),
            {"symbol": symbol.base.lower()},
        )

    async def whale_trades(self, symbol: Symbol) -> WhaleTrades:
        """Those of the coin against all its quotes on the exchange."""
        return await self._ask(
            "whale_trades",
            lambda rows: symbols.whale_trades_from(rows, observed_at=utc_now()),
            {"e": EXCHANGE, "symbol": symbol.base.lower()},
        )

    async def merged_volume(self, symbol: Symbol, timeframe: Timeframe) -> TradedVolume:
        """What was traded of the coin on all spot exchanges within the running bar."""
        return await self._ask(
            "merged_volume",
            lambda rows: symbols.traded_volume_from(rows, observed_at=utc_now()),
            {"symbol": symbol.base, "timeframe": _timeframe(timeframe), "exchange_type": "spot"},
        )

    async def volume_24h(self, symbol: Symbol) -> TradedVolume:
        return await self._ask(
            "volume_24h",
            lambda rows: symbols.traded_volume_from(rows, observed_at=utc_now()),
            {"e": EXCHANGE, "pair": symbol.path},
        )

    async def open_interest(self, symbol: Symbol) -> OpenInterest:
        return await self._ask(
            "open_interest",
            lambda rows: symbols.open_interest_from(rows, FUTURES, observed_at=utc_now()),
            {"e": FUTURES, "market_pair": symbol.compact.lower()},
        )

    async def ai_screener_analysis(self, symbol: Symbol) -> ScreenerRecord:
        return await self._ask(
            "ai_screener_analysis",
            lambda answer: symbols.screener_record_from(answer, observed_at=utc_now()),
            {"symbol": symbol.base},
        )

    async def ticker(self, symbol: Symbol) -> Ticker:
        """One pair's last day; the market-wide tickers tell the same of all pairs at once."""
        return await self._ask(
            "ticker",
            lambda rows: market.ticker_from(market.first_of(rows)),
            {"e": EXCHANGE, "market_pair": symbol.compact.lower()},
        )

    async def trend(self) -> Trend:
        """The whole market's trend: asked once for all symbols and processes while it is fresh."""
        trend = await self._shared("trend", market.trend_from, fresh_seconds=TREND_FRESH_SECONDS)
        # A word from the future would look fresh for as long as it lies ahead.
        if trend.observed_at > utc_now() + AHEAD_MAX:
            raise AnswerUnreadable(NAME, f"tells of {trend.observed_at.isoformat()}, which is not yet")
        return trend

    async def market_wide(self, source: str) -> MarketReading:
        """The answer of one market-wide source of the plan, complete."""
        if source == "trend":
            return await self.trend()
        params, read = MARKET[source]
        reading = await self._ask(source, lambda data: read(data, observed_at=utc_now()), params)
        if reading.refused:
            log.warning("rows_refused", vendor=NAME, source=source, refused=reading.refused)
        return reading

    async def _ask(
        self,
        source: str,
        read: Callable[[Any], Read],
        params: Mapping[str, str],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Read:
        """Ask one question of the plan, if its month allows, and count how that ended."""
        async with self._budget.asking(NAME, source):
            answer = await self._vendor.get(
                plan.BY_NAME[source].path, weight=1, patience_seconds=patience_seconds, **params
            )
            return _parsed(lambda: read(self._data_in(answer)))

    async def _shared(self, source: str, read: Callable[[Any], Read], *, fresh_seconds: float) -> Read:
        """The answer that holds for all symbols; asked once for all of them and all processes."""
        path = plan.BY_NAME[source].path

        def reading_of(body: str) -> Read:
            return _parsed(lambda: read(self._data_in(self._vendor.read(body))))

        async def fetch() -> str:
            async with self._budget.asking(NAME, source):
                body = await self._vendor.fetch(path)
                # Read once before it is shared: a failure in an envelope is nobody's answer.
                reading_of(body)
                return body

        return reading_of(await self._answers.body(NAME, path, fetch, fresh_seconds=fresh_seconds))

    def _data_in(self, answer: object) -> Any:
        """What an envelope holds, a list or an object. Raises AnswerUnreadable when it reports a failure."""
        if not isinstance(answer, dict):
            raise AnswerUnreadable(NAME, "the answer is not an object")
        # The envelope says `"true"` and `"false"`, or, after some failures, a sentence in `error` or `message`.
        succeeded = str(answer.get("success")).lower() == "true"
        if not succeeded or str(answer.get("error", "false")).lower() != "false":
            said = answer.get("message") or answer.get("error")
            raise AnswerUnreadable(NAME, f"reports a failure: {self._vendor.redacted(str(said))}")
        data = answer.get("data")
        if not isinstance(data, list | dict):
            raise AnswerUnreadable(NAME, "data is neither a list nor an object")
        return data


def _listed(data: object) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError("data is not a list")  # noqa: TRY004 — it is the vendor's answer that is wrong
    return data


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
