"""The history a simulation runs over: what is stored, and before it what a candle source still remembers."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from orchestrator_worker.candles.store import candles_between, ensure_partitions, save_candles
from orchestrator_worker.resources import Resources
from orchestrator_worker.signals.readings import AGE_BARS_MAX, RISK_AGE_DAYS_MAX, SOURCES
from orchestrator_worker.signals.store import readings_between, risk_between
from orchestrator_worker.simulation import store
from orchestrator_worker.simulation.soundness import sound
from orchestrator_worker.simulation.strategies import History
from orchestrator_worker.sources.candle_source import fetch_candles
from orchestrator_worker.sources.exchange import EXCHANGE
from orchestrator_worker.sources.vendor import SourceUnavailable
from zmarty.market import Symbol, Timeframe
from zmarty.specs import BARS_MAX

log = structlog.get_logger(__name__)

# Candles of one request, and how many requests one simulation may make: a year of five-minute candles and more.
PAGE_BARS = 2_000
PAGES_MAX = 60

Report = Callable[[float], Awaitable[None]]


async def load_history(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    since: datetime,
    now: datetime,
    bars_max: int,
    report: Report,
) -> History:
    """Return the newest `bars_max` candles from `since` on and the readings beside them.

    What is not stored is fetched and stored page by page, so that a worker that dies loses one page; `report` hears of
    each page. A source that is away leaves what there is. Raises HistoryInvalid when stored candles cannot be true.
    """
    await _fill(resources, symbol, timeframe, since=since, now=now, report=report)
    candles = sound(
        await candles_between(resources.trading, symbol, timeframe, since=since, bars_max=bars_max), timeframe
    )
    if candles.is_empty():
        return History(candles, timeframe)
    first, last = candles["opened_at"][0], candles["opened_at"][-1]
    readings = await readings_between(
        resources.trading, symbol, timeframe, SOURCES, first - AGE_BARS_MAX * timeframe.delta, last
    )
    oldest = timeframe.closed_at(first) - timedelta(days=RISK_AGE_DAYS_MAX)
    risk = await risk_between(resources.trading, symbol, timeframe, oldest, timeframe.closed_at(last))
    return History(candles, timeframe, [*readings, *risk])


async def _fill(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    since: datetime,
    now: datetime,
    report: Report,
) -> None:
    newest = timeframe.newest_closed(now)
    wanted = timeframe.floor(since)
    oldest = await store.oldest_opened_at(resources.trading, symbol, timeframe, wanted)
    # One bar of slack: `since` need not lie on the grid.
    if oldest is not None and oldest <= wanted + timeframe.delta:
        return
    until = newest if oldest is None else oldest
    bars = min((until - wanted) / timeframe.delta, float(BARS_MAX))
    for page in range(PAGES_MAX):
        if wanted >= until:
            return
        try:
            fetched = await fetch_candles(
                resources.vendors.candle_sources(history=True),
                symbol,
                timeframe,
                since=wanted,
                newest=min(newest, wanted + (PAGE_BARS - 1) * timeframe.delta),
                limit=PAGE_BARS,
            )
        except SourceUnavailable as error:
            log.warning("history_not_reached", symbol=symbol, timeframe=timeframe, reason=error.reason)
            return
        missing = [candle for candle in fetched if candle.opened_at < until or oldest is None]
        if not missing:
            return
        await ensure_partitions(resources.trading, missing[0].opened_at, missing[-1].opened_at)
        async with resources.trading.acquire() as connection, connection.transaction():
            await save_candles(connection, symbol, timeframe, EXCHANGE, missing)
        wanted = timeframe.closed_at(missing[-1].opened_at)
        await report(min((page + 1) * PAGE_BARS / max(bars, 1.0), 1.0))
