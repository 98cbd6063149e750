"""compute_risk: a symbol's missing daily candles in, the risk of each day that has none yet out."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import polars as pl

from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.indicators import store as candles_store
from orchestrator_worker.resources import Resources
from orchestrator_worker.risk import store
from orchestrator_worker.risk.metric import closes_needed, history_of
from orchestrator_worker.sources.candle_source import fetch_candles, utc_now
from orchestrator_worker.sources.exchange import EXCHANGE
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.messages import ComputeRisk
from zmarty.queue import Delivery

# Twenty years: longer than any of these has been traded.
DAYS_MAX = 7_300
POSTPONE_SECONDS_MIN = 5.0
POSTPONE_SECONDS_MAX = 3_600.0


async def handle(delivery: Delivery[ComputeRisk], resources: Resources) -> Ending:
    symbol, trading, now = delivery.message.symbol, resources.trading, utc_now()
    if not await store.is_known(trading, symbol):
        return Bury("symbol_unknown", f"{symbol} is no instrument that Zmarty knows")
    newest = Timeframe.DAY_1.newest_closed(now)
    known_until = await store.newest_day(trading, symbol)
    if known_until is not None and known_until >= newest.date():
        return Discard(f"risk_known: {symbol} has its risk of {known_until}")
    stored = await store.daily_closes(trading, symbol, newest, days_max=DAYS_MAX)
    try:
        fetched = await _fetch(resources, symbol, since=known_until, newest=newest)
    except RequestRefused as error:
        return Bury(error.code, error.message)
    except SourceUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
        return Postpone(seconds, error.message, code=error.code)

    closes = merged(stored, fetched)
    curves = await store.curves(trading, symbol)
    needed = closes_needed(curves, newest.date())
    if closes.height < needed:
        return Discard(f"not_enough_data: have {closes.height}, need {needed} daily closes of {symbol}")
    # In a thread: the history of ten years takes a moment, in which other messages want to go on.
    history = await asyncio.to_thread(history_of, closes, curves)
    unknown = history.filter(pl.col("observed_on") > known_until) if known_until is not None else history
    if unknown.is_empty():
        return Discard(f"candle_missing: no daily candle of {symbol} after {known_until}")
    if fetched:
        await candles_store.ensure_partitions(trading, fetched[0].opened_at, fetched[-1].opened_at)

    async with delivery.completing(trading) as connection:
        if fetched:
            await candles_store.save_candles(connection, symbol, Timeframe.DAY_1, EXCHANGE, fetched)
        await store.save_days(connection, symbol, unknown)
    return None


async def _fetch(
    resources: Resources, symbol: Symbol, *, since: date | None, newest: datetime
) -> list[Candle]:
    """All daily candles there are the first time, later those after the newest known day."""
    start = None if since is None else datetime.combine(since, time(), UTC) + Timeframe.DAY_1.delta
    return await fetch_candles(
        resources.vendors.candle_sources(history=True),
        symbol,
        Timeframe.DAY_1,
        since=start,
        newest=newest,
        limit=DAYS_MAX,
    )


def merged(stored: pl.DataFrame, fetched: Sequence[Candle]) -> pl.DataFrame:
    """The closes of both by day. Of a day that is in both the stored one holds: it is what was known before."""
    news = pl.DataFrame(
        [(candle.opened_at.date(), float(candle.close)) for candle in fetched],
        schema=stored.schema,
        orient="row",
    )
    return (
        pl.concat([stored, news]).unique("observed_on", keep="first", maintain_order=True).sort("observed_on")
    )
