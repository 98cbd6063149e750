"""observe_market: every five minutes, asks what is due of the reading plan, and sends for what people say."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from orchestrator_worker.context import store
from orchestrator_worker.context.asking import ask_once
from orchestrator_worker.context.questions import Pair, Question, due, questions_of
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.budget import OverBudget
from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.cryptometer import Cryptometer
from orchestrator_worker.sources.plan import SENTIMENT
from orchestrator_worker.sources.readings import Reading
from orchestrator_worker.sources.vendor import SourceLimited, SourceUnavailable
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ObserveMarket, ObserveSentiment
from zmarty.postgres import Pool
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

# What fails is asked by the next tick; this message only takes it there.
ATTEMPTS_MAX = 2
PAIRS_MAX = 5_000
# At a request a second, so many leave half of the five minutes to the ingests.
QUESTIONS_MAX = 90
ASKING_SECONDS_MAX = 150.0


class Ask(Protocol):
    async def __call__(
        self, cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None
    ) -> Reading: ...


async def handle(delivery: Delivery[ObserveMarket], resources: Resources) -> Ending:
    cryptometer, trading, now = resources.vendors.cryptometer, resources.trading, utc_now()
    if cryptometer is None and resources.vendors.xai_search is None:
        return Discard("no vendor of the market's context is configured")
    watched = await store.watched_pairs(trading, limit=PAIRS_MAX)
    symbols = sorted({pair.symbol for pair in watched})
    due_at = await store.due_times(trading, symbols)
    if cryptometer is not None:
        questions = due(questions_of(watched), due_at, now=now, limit=QUESTIONS_MAX)
        await _ask_all(trading, cryptometer, questions, watched)
    searched = _due_sentiments(symbols, due_at, now=now) if resources.vendors.xai_search else []

    async with delivery.completing(trading) as connection:
        for symbol in searched:
            await queue.send_once(connection, ObserveSentiment(symbol=symbol))
    return None


async def _ask_all(
    pool: Pool, cryptometer: Cryptometer, questions: Sequence[Question], watched: Collection[Pair]
) -> None:
    """Ask one after the other; each answer is kept at once, so that none that was paid for can be lost."""
    wanted = {name for pair in watched for name in (pair.symbol.path, pair.symbol.base)}
    ends = time.monotonic() + ASKING_SECONDS_MAX
    answered, dropped, failed = 0, [], []
    for question in questions:
        if time.monotonic() >= ends:
            break
        try:
            answered += await _ask(pool, cryptometer, question, wanted)
        except OverBudget:
            dropped.append(question.source.name)
        except SourceLimited:
            # The vendor is paused, or its month is over: nobody after this one would be let through.
            failed.append(question.source.name)
            break
        except SourceUnavailable:
            failed.append(question.source.name)
    write = log.warning if dropped or failed else log.info
    write(
        "market_observed",
        due=len(questions),
        answered=answered,
        dropped=sorted(set(dropped)),
        failed=sorted(set(failed)),
    )


async def _ask(pool: Pool, cryptometer: Cryptometer, question: Question, wanted: Collection[str]) -> bool:
    name, now = question.source.name, utc_now()
    if question.symbol is None:
        told = await ask_once(pool, question, lambda: cryptometer.market_wide(name), now=now)
        if told is not None:
            await store.keep_snapshot(pool, question, told.trimmed(wanted, question.source.rows_max))
        return told is not None
    symbol, timeframe = question.symbol, question.timeframe
    reading = await ask_once(pool, question, lambda: ASKED[name](cryptometer, symbol, timeframe), now=now)
    if reading is not None:
        await store.keep_answer(pool, question, reading)
    return reading is not None


def _due_sentiments(
    symbols: Sequence[Symbol], due_at: Mapping[tuple[str, str, str], datetime], *, now: datetime
) -> list[Symbol]:
    asked = [Question(SENTIMENT, symbol) for symbol in symbols]
    return [
        question.symbol
        for question in asked
        if question.symbol is not None and due_at.get(question.key, now) <= now
    ]


async def _whale_trades(cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None) -> Reading:
    return await cryptometer.whale_trades(symbol)


async def _open_interest(cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None) -> Reading:
    return await cryptometer.open_interest(symbol)


async def _merged_volume(cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None) -> Reading:
    assert timeframe is not None, "its scope is a pair"
    return await cryptometer.merged_volume(symbol, timeframe)


async def _volume_24h(cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None) -> Reading:
    return await cryptometer.volume_24h(symbol)


async def _ai_screener_analysis(
    cryptometer: Cryptometer, symbol: Symbol, timeframe: Timeframe | None
) -> Reading:
    return await cryptometer.ai_screener_analysis(symbol)


ASKED: Mapping[str, Ask] = {
    "whale_trades": _whale_trades,
    "open_interest": _open_interest,
    "merged_volume": _merged_volume,
    "volume_24h": _volume_24h,
    "ai_screener_analysis": _ai_screener_analysis,
}
