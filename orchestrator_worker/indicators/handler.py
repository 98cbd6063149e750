"""ingest_indicators: one pair's new candles, readings and indicators in; messages to judge and analyse the newest out."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Bury, Ending, Postpone
from orchestrator_worker.indicators import store
from orchestrator_worker.indicators.history import delisted, frame_of, merged, news_in, progress_after
from orchestrator_worker.indicators.observations import observe
from orchestrator_worker.indicators.store import IndicatorRow
from orchestrator_worker.indicators.technical import BARS_NEEDED, indicators_of, technical_reading
from orchestrator_worker.liquidations import maps
from orchestrator_worker.liquidations.monitor import Price
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import HistorySource, fetch_candles, utc_now
from orchestrator_worker.sources.readings import ClusterMap, Reading
from orchestrator_worker.sources.vendor import AnswerTooShort, RequestRefused, SourceUnavailable, hurried
from orchestrator_worker.sources.vendors import Vendors
from zmarty import queue
from zmarty.market import Candle
from zmarty.messages import AnalyzeMarket, ComputeRisk, ComputeSignals, IngestIndicators
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

HISTORY_BARS = max(2_000, BARS_NEEDED)
# A request may fail once; an exchange that fails again is away, and the next one's candles are taken.
FALLBACK_ATTEMPT = 2
# One question to Cryptometer a second: eight pairs that are ingested first at once would wait sixteen for each other.
FIRST_PATIENCE_SECONDS = 2.0
POSTPONE_SECONDS_MIN = 1.0
# A vendor may shut us out for days; the job looks again each hour, as an operator may have lifted the pause.
POSTPONE_SECONDS_MAX = 3_600.0


@dataclass(frozen=True, slots=True)
class Found:
    """One exchange's candles of a pair, those stored and those fetched now, oldest first."""

    exchange: str
    stored: Sequence[Candle]
    fetched: Sequence[Candle]


async def handle(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
    pair, trading, now = delivery.message, resources.trading, utc_now()
    is_traded = await store.is_traded(trading, pair.symbol)
    if is_traded is None:
        return Bury("symbol_unknown", f"{pair.symbol} is no instrument that Zmarty knows")
    so_far = await store.ingest_progress(trading, pair.symbol, pair.timeframe)
    failures = so_far.failures if so_far else 0
    # Its candles may be there already: the risk of a symbol is computed from its days, whoever watches those. So may
    # its row: cron writes one for each watched pair before it sends the first message.
    is_first = so_far is None or so_far.last_opened_at is None
    if not is_traded:
        async with delivery.completing(trading) as connection:
            await store.save_progress(connection, pair.symbol, pair.timeframe, delisted(failures, now=now))
        return None
    try:
        found = await _fetch(resources, pair, now=now, may_fall_back=delivery.read_count >= FALLBACK_ATTEMPT)
    except RequestRefused as error:
        return Bury(error.code, error.message)
    except SourceUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
        return Postpone(seconds, error.message, code=error.code)

    news = news_in(found.fetched, found.stored)
    candles = merged(found.stored, news, limit=HISTORY_BARS)
    progress = progress_after(pair.timeframe, found.stored, candles, failures=failures, now=now)
    judged = candles[-1] if candles and (news or is_first or _is_by_hand(delivery)) else None
    # Whoever has just begun to watch a pair waits for its first signal, and for candles, not for what they lack.
    patience = FIRST_PATIENCE_SECONDS if is_first or not found.stored else None
    readings: dict[str, Reading] = {}
    clusters = None
    if judged is not None:
        observed, clusters = await asyncio.gather(
            observe(resources, pair.symbol, pair.timeframe, now=now, patience_seconds=patience),
            _current_map(resources, pair, now=now, patience_seconds=patience),
        )
        readings = {**observed, "clusters": clusters} if clusters is not None else {**observed}
    # In a thread: the loop also renews the leases of the jobs that run beside this one.
    rows = await asyncio.to_thread(_rows, candles, readings) if judged else []
    if news:
        await candles_store.ensure_partitions(trading, news[0].opened_at, news[-1].opened_at)

    async with delivery.completing(trading) as connection:
        await store.save_progress(connection, pair.symbol, pair.timeframe, progress)
        if news:
            await candles_store.save_candles(connection, pair.symbol, pair.timeframe, found.exchange, news)
        if clusters is not None and judged is not None:
            price = Price(judged.close, judged.closed_at)
            await maps.keep(connection, pair.symbol, clusters, price, now=now)
        if judged is not None:
            await store.save_readings(connection, pair.symbol, pair.timeframe, judged.opened_at, rows)
            await queue.send_once(
                connection,
                ComputeSignals(symbol=pair.symbol, timeframe=pair.timeframe, opened_at=judged.opened_at),
            )
            await queue.send_once(connection, AnalyzeMarket(symbol=pair.symbol, timeframe=pair.timeframe))
        if news and not found.stored:
            # A newly watched symbol need not wait for the daily round; where it has its risk already, little is done.
            await queue.send_once(connection, ComputeRisk(symbol=pair.symbol))
    return None


async def _fetch(
    resources: Resources, pair: IngestIndicators, *, now: datetime, may_fall_back: bool
) -> Found:
    """Ask the exchanges in their order, each for what its own candles lack, until one answers."""
    failures: list[SourceUnavailable] = []
    for exchange in resources.vendors.exchanges():
        stored = await candles_store.newest_candles(
            resources.trading, pair.symbol, pair.timeframe, exchange=exchange.name, limit=HISTORY_BARS
        )
        try:
            fetched = await _fetch_from(resources.vendors, exchange, pair, stored, now=now)
        except SourceUnavailable as error:
            failures.append(error)
            if not may_fall_back and not isinstance(error, RequestRefused):
                break
            continue
        return Found(exchange.name, stored, fetched)
    # Refused by all it is refused for good; else whoever may know it is asked again.
    raise next((error for error in failures if not isinstance(error, RequestRefused)), failures[0])


async def _fetch_from(
    vendors: Vendors,
    exchange: HistorySource,
    pair: IngestIndicators,
    stored: Sequence[Candle],
    *,
    now: datetime,
) -> list[Candle]:
    async def fetch(since: datetime | None) -> list[Candle]:
        return await fetch_candles(
            vendors.candle_sources(exchange, history=since is None, timeframe=pair.timeframe),
            pair.symbol,
            pair.timeframe,
            since=since,
            newest=pair.timeframe.newest_closed(now),
            limit=HISTORY_BARS,
        )

    if not stored:
        return await fetch(None)
    try:
        # The newest stored candle is asked for once more: its vendor may have corrected it since.
        return await fetch(stored[-1].opened_at)
    except AnswerTooShort:
        # The newest bars now, and the gap before them for backfill_candles, rather than nothing for ever.
        return await fetch(None)


async def _current_map(
    resources: Resources, pair: IngestIndicators, *, now: datetime, patience_seconds: float | None
) -> ClusterMap | None:
    try:
        async with asyncio.timeout(patience_seconds):
            with hurried(patience_seconds):
                return await maps.current_map(resources.vendors, resources.trading, pair.symbol, now=now)
    except TimeoutError:
        log.warning("reading_missing", source="clusters", reason=f"not told within {patience_seconds} s")
        return None


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
