"""A pair's newest candles for whoever needs them now: fetched and stored where the stored ones are behind."""

from datetime import datetime

from orchestrator_worker.candles import store
from orchestrator_worker.indicators.history import news_in
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import fetch_candles
from orchestrator_worker.sources.exchange import EXCHANGE
from zmarty.market import Symbol, Timeframe


async def freshen(
    resources: Resources, symbol: Symbol, timeframe: Timeframe, *, now: datetime, bars: int
) -> None:
    """Fetch and store what has closed since the newest stored candle, or the newest `bars` of an unknown pair.

    Nothing is asked of a vendor when the newest closed candle is stored. Raises SourceUnavailable.
    """
    pool, newest = resources.trading, timeframe.newest_closed(now)
    stored = await store.newest_candles(pool, symbol, timeframe, exchange=EXCHANGE, limit=1)
    if stored and stored[-1].opened_at >= newest:
        return
    since = stored[-1].opened_at if stored else None
    fetched = await fetch_candles(
        resources.vendors.candle_sources(history=since is None),
        symbol,
        timeframe,
        since=since,
        newest=newest,
        limit=bars,
    )
    if news := news_in(fetched, stored):
        await store.ensure_partitions(pool, news[0].opened_at, news[-1].opened_at)
        async with pool.acquire() as connection, connection.transaction():
            await store.save_candles(connection, symbol, timeframe, EXCHANGE, news)
