"""ingest_indicators: one pair's new candles, readings and indicators in; a message to judge its newest candle out."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator_worker.ending import Bury, Ending, Postpone
from orchestrator_worker.indicators import store
from orchestrator_worker.indicators.history import frame_of, merged, news_in, progress_after
from orchestrator_worker.indicators.observations import observe
from orchestrator_worker.indicators.store import IndicatorRow
from orchestrator_worker.indicators.technical import BARS_NEEDED, indicators_of, technical_reading
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import fetch_candles, utc_now
from orchestrator_worker.sources.exchange import EXCHANGE
from orchestrator_worker.sources.readings import ClusterMap, Reading
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable
from orchestrator_worker.sources.vendors import Vendors
from zmarty import queue
from zmarty.market import Candle
from zmarty.messages import ComputeSignals, IngestIndicators
from zmarty.queue import Delivery

HISTORY_BARS = max(2_000, BARS_NEEDED)
POSTPONE_SECONDS_MIN = 1.0
# A vendor may shut us out for days; the job looks again each hour, as an operator may have lifted the pause.
POSTPONE_SECONDS_MAX = 3_600.0


async def handle(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
    pair, trading, now = delivery.message, resources.trading, utc_now()
    if not await store.is_known(trading, pair.symbol):
        return Bury("symbol_unknown", f"{pair.symbol} is no instrument that Zmarty knows")
    state = await store.ingest_state(trading, pair.symbol, pair.timeframe)
    stored = await store.newest_candles(
        trading, pair.symbol, pair.timeframe, exchange=EXCHANGE, limit=HISTORY_BARS
    )
    try:
        fetched = await _fetch(resources.vendors, pair, since=state.last_opened_at, now=now)
    except RequestRefused as error:
        return Bury(error.code, error.message)
    except SourceUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
        return Postpone(seconds, error.message, code=error.code)

    news = news_in(fetched, stored)
    candles = merged(stored, news, limit=HISTORY_BARS)
    progress = progress_after(pair.timeframe, stored, candles, failures=state.failures, now=now)
    judged = candles[-1] if candles and (news or _is_by_hand(delivery)) else None
    readings = await observe(resources.vendors, pair.symbol, pair.timeframe, now=now) if judged else {}
    # In a thread: the loop also renews the leases of the jobs that run beside this one.
    rows = await asyncio.to_thread(_rows, candles, readings) if judged else []
    clusters = readings.get("clusters")
    if news:
        await store.ensure_partitions(trading, news[0].opened_at, news[-1].opened_at)

    async with delivery.completing(trading) as connection:
        await store.save_progress(connection, pair.symbol, pair.timeframe, progress)
        if news:
            await store.save_candles(connection, pair.symbol, pair.timeframe, EXCHANGE, news)
        if isinstance(clusters, ClusterMap):
            await store.save_clusters(connection, pair.symbol, clusters)
        if judged is not None:
            await store.save_readings(connection, pair.symbol, pair.timeframe, judged.opened_at, rows)
            await queue.send_once(
                connection,
                ComputeSignals(symbol=pair.symbol, timeframe=pair.timeframe, opened_at=judged.opened_at),
            )
    return None


async def _fetch(
    vendors: Vendors, pair: IngestIndicators, *, since: datetime | None, now: datetime
) -> list[Candle]:
    # The newest stored candle is asked for once more: its vendor may have corrected it since.
    return await fetch_candles(
        vendors.candle_sources(history=since is None),
        pair.symbol,
        pair.timeframe,
        since=since,
        newest=pair.timeframe.newest_closed(now),
        limit=HISTORY_BARS,
    )


def _is_by_hand(delivery: Delivery[IngestIndicators]) -> bool:
    """Whether somebody asked for this ingest. Only our own coalescing sender marks its messages with a key."""
    return "key" not in json.loads(delivery.lease.text or "{}")


def _rows(candles: Sequence[Candle], readings: Mapping[str, Reading]) -> list[IndicatorRow]:
    technical = IndicatorRow(
        source="technical",
        data=technical_reading(indicators_of(frame_of(candles))),
        # Computed from closed candles alone, so it is as old as the last close, whenever the computing happens.
        observed_at=candles[-1].closed_at,
    )
    told = [
        IndicatorRow(source=source, data=reading.data, observed_at=reading.observed_at)
        for source, reading in readings.items()
    ]
    return [technical, *told]
