"""What is told of a pair beside its candles: asked now, or known from before. What nobody tells is missing, never made up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from orchestrator_worker.context import store
from orchestrator_worker.context.asking import ask_once
from orchestrator_worker.context.questions import Pair, question_about
from orchestrator_worker.context.recall import is_fresh, recall
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.plan import BY_NAME
from orchestrator_worker.sources.readings import Reading
from orchestrator_worker.sources.vendor import SourceUnavailable
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)

STALE_BARS = 3
STALE_MIN = timedelta(hours=1)

Ask: TypeAlias = Callable[[], Awaitable[Reading]]


async def observe(
    resources: Resources, symbol: Symbol, timeframe: Timeframe, *, now: datetime
) -> Mapping[str, Reading]:
    """By source, what this pair was not told before and is not stale.

    Rows stand with the candle at whose close they became known: a later candle finds the last one by looking back, and
    its age shows. Asked at the close are ls_ratio, liquidations and trend; the others by `observe_market`.
    """
    pool, pair = resources.trading, Pair(symbol, timeframe)
    async with asyncio.TaskGroup() as asking:
        tasks = {
            source: asking.create_task(_answer(pool, pair, source, ask, now=now))
            for source, ask in _questions(resources, symbol, timeframe).items()
        }
    readings = await recall(pool, symbol, timeframe, now=now)
    for source, task in tasks.items():
        reading = task.result()
        if reading is None:
            continue
        # A vendor that stopped looking keeps answering; what it saw hours ago is no word on this candle.
        if not _is_fresh(source, timeframe, reading.observed_at, now=now):
            log.warning("reading_stale", source=source, observed_at=reading.observed_at.isoformat())
            continue
        readings[source] = reading
    told = await store.told_until(pool, symbol, timeframe, [*readings])
    return {
        source: reading
        for source, reading in readings.items()
        if source not in told or reading.observed_at > told[source]
    }


def _questions(resources: Resources, symbol: Symbol, timeframe: Timeframe) -> dict[str, Ask]:
    cryptometer = resources.vendors.cryptometer
    questions: dict[str, Ask] = {}
    if cryptometer is not None:
        questions["ls_ratio"] = lambda: cryptometer.long_short_ratio(symbol, timeframe)
        questions["liquidations"] = lambda: cryptometer.liquidations(symbol)
        questions["trend"] = cryptometer.trend
    return questions


async def _answer(pool: Pool, pair: Pair, source: str, ask: Ask, *, now: datetime) -> Reading | None:
    planned = BY_NAME.get(source)
    try:
        # What is in no plan is asked with every candle; the trend's answer is shared by the client itself.
        if planned is None or planned.asked_by != "ingest":
            return await ask()
        question = question_about(planned, pair)
        reading = await ask_once(pool, question, ask, now=now)
        if reading is not None:
            await store.keep_answer(pool, question, reading)
        return reading
    except SourceUnavailable as error:
        log.warning("reading_missing", source=source, vendor=error.vendor, reason=error.reason)
        return None


def _is_fresh(source: str, timeframe: Timeframe, observed_at: datetime, *, now: datetime) -> bool:
    if source in BY_NAME:
        return is_fresh(source, timeframe, observed_at, now=now)
    return observed_at >= now - max(STALE_BARS * timeframe.delta, STALE_MIN)
