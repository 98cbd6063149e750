"""Asks the vendors for what they tell beside candles, all at once. What is not answered is missing, never made up."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import structlog

from orchestrator_worker.sources.readings import Reading
from orchestrator_worker.sources.vendor import SourceUnavailable, hurried
from orchestrator_worker.sources.vendors import Vendors
from zmarty.market import Symbol, Timeframe

log = structlog.get_logger(__name__)

STALE_BARS = 3
STALE_MIN = timedelta(hours=1)

Question: TypeAlias = Coroutine[Any, Any, Reading]


async def observe(
    vendors: Vendors,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    now: datetime,
    patience_seconds: float | None = None,
) -> Mapping[str, Reading]:
    """The readings by source: ls_ratio, liquidations, trend, clusters; as many of them as were given and are fresh.

    With a patience, what has not been told by its end is missing, and no turn is taken that comes later.
    """
    async with asyncio.TaskGroup() as asking:
        tasks = {
            source: asking.create_task(_answer(source, question, patience_seconds))
            for source, question in _questions(vendors, symbol, timeframe).items()
        }
    oldest = now - max(STALE_BARS * timeframe.delta, STALE_MIN)
    readings: dict[str, Reading] = {}
    for source, task in tasks.items():
        reading = task.result()
        if reading is None:
            continue
        # A vendor that stopped looking keeps answering; what it saw hours ago is no word on this candle.
        if reading.observed_at < oldest:
            log.warning("reading_stale", source=source, observed_at=reading.observed_at.isoformat())
            continue
        readings[source] = reading
    return readings


def _questions(vendors: Vendors, symbol: Symbol, timeframe: Timeframe) -> dict[str, Question]:
    questions: dict[str, Question] = {}
    if vendors.cryptometer is not None:
        questions["ls_ratio"] = vendors.cryptometer.long_short_ratio(symbol, timeframe)
        questions["liquidations"] = vendors.cryptometer.liquidations(symbol)
        questions["trend"] = vendors.cryptometer.trend()
    if vendors.king_fisher is not None:
        questions["clusters"] = vendors.king_fisher.clusters(symbol)
    return questions


async def _answer(source: str, question: Question, patience_seconds: float | None) -> Reading | None:
    try:
        async with asyncio.timeout(patience_seconds):
            with hurried(patience_seconds):
                return await question
    except SourceUnavailable as error:
        log.warning("reading_missing", source=source, vendor=error.vendor, reason=error.reason)
    except TimeoutError:
        log.warning("reading_missing", source=source, reason=f"not told within {patience_seconds} s")
    return None
