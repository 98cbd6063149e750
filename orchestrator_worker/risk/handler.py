"""compute_risk: a symbol's missing daily candles in, the risk of each day that has none yet out."""

import asyncio

import polars as pl

from orchestrator_worker.candles.filling import bring
from orchestrator_worker.candles.gaps import newest_bars
from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.instruments.known import is_known
from orchestrator_worker.resources import Resources
from orchestrator_worker.risk import store
from orchestrator_worker.risk.metric import closes_needed, history_of
from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable
from zmarty.market import Timeframe
from zmarty.messages import ComputeRisk
from zmarty.queue import Delivery

# Twenty years: longer than any of these has been traded.
DAYS_MAX = 7_300
POSTPONE_SECONDS_MIN = 5.0
POSTPONE_SECONDS_MAX = 3_600.0


async def handle(delivery: Delivery[ComputeRisk], resources: Resources) -> Ending:
    symbol, trading, now = delivery.message.symbol, resources.trading, utc_now()
    if not await is_known(trading, symbol):
        return Bury("symbol_unknown", f"{symbol} is no instrument that Zmarty knows")
    newest = Timeframe.DAY_1.newest_closed(now)
    known_until = await store.newest_day(trading, symbol)
    if known_until is not None and known_until >= newest.date():
        return Discard(f"risk_known: {symbol} has its risk of {known_until}")
    try:
        await bring(resources, symbol, Timeframe.DAY_1, newest_bars(Timeframe.DAY_1, DAYS_MAX, now=now))
    except RequestRefused as error:
        return Bury(error.code, error.message)
    except SourceUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
        return Postpone(seconds, error.message, code=error.code)

    closes = await store.daily_closes(trading, symbol, newest, days_max=DAYS_MAX)
    curves = await store.curves(trading, symbol)
    needed = closes_needed(curves, newest.date())
    if closes.height < needed:
        return Discard(f"not_enough_data: have {closes.height}, need {needed} daily closes of {symbol}")
    # In a thread: the history of ten years takes a moment, in which other messages want to go on.
    history = await asyncio.to_thread(history_of, closes, curves)
    unknown = history.filter(pl.col("observed_on") > known_until) if known_until is not None else history
    if unknown.is_empty():
        return Discard(f"candle_missing: no daily candle of {symbol} after {known_until}")

    async with delivery.completing(trading) as connection:
        await store.save_days(connection, symbol, unknown)
    return None
