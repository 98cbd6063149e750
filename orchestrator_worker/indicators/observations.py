"""What is told of a pair beside its candles: asked now, or known from before. What nobody tells is missing, never made up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias

import structlog

from orchestrator_worker.context import store
from orchestrator_worker.context.asking import ask_once
from orchestrator_worker.context.questions import Pair, question_about
from orchestrator_worker.context.recall import is_fresh, recall
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.plan import BY_NAME
from orchestrator_worker.sources.readings import Reading
from orchestrator_worker.sources.vendor import SourceUnavailable, hurried
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)


Ask: TypeAlias = Callable[[], Awaitable[Reading]]


async def observe(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    now: datetime,
    patience_seconds: float | None = None,
) -> Mapping[str, Reading]:
    """By source, what this pair was not told before and is not stale.

    Rows stand with the candle at whose close they became known: a later candle finds the last one by looking back, and
    its age shows. Asked at the close are ls_ratio, liquidations and trend; the others by `observe_market`. With a
    patience, what has not been told by its end is missing, and no turn is taken that comes later.
    """
    pool, pair = resources.trading, Pair(symbol, timeframe)
    async with asyncio.TaskGroup() as asking:
        tasks = {
            source: asking.create_task(_told(pool, pair, source, ask, patience_seconds, now=now))
            for source, ask in _questions(resources, symbol, timeframe).items()
        }
    readings = await recall(pool, symbol, timeframe, now=now)
    for source, task in tasks.items():
        reading = task.result()
        if reading is None:
            continue
        # A vendor that stopped looking keeps answering; what it saw hours ago is no word on this candle.
        if not is_fresh(source, timeframe, reading.observed_at, now=now):
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


async def _told(
    pool: Pool, pair: Pair, source: str, ask: Ask, patience_seconds: float | None, *, now: datetime
) -> Reading | None:
    try:
        async with asyncio.timeout(patience_seconds):
            with hurried(patience_seconds):
                return await _answer(pool, pair, source, ask, now=now)
    except TimeoutError:
        log.warning("reading_missing", source=source, reason=f"not told within {patience_seconds} s")
        return None


async def _answer(pool: Pool, pair: Pair, source: str, ask: Ask, *, now: datetime) -> Reading | None:
    planned = BY_NAME[source]
    try:
        # The trend's answer is shared by the client itself.
        if planned.asked_by != "ingest":
            return await ask()
        question = question_about(planned, pair)
        reading = await ask_once(pool, question, ask, now=now)
        if reading is not None:
            await store.keep_answer(pool, question, reading)
        return reading
    except SourceUnavailable as error:
        log.warning("reading_missing", source=source, vendor=error.vendor, reason=error.reason)
        return None
