"""Gathers what is known for a question: the user's watched symbols and history from A, the markets from B."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.user import User
from orchestrator_api.chat import store
from orchestrator_api.chat.facts import BOUNDS, Knowledge, Pair, SignalFact, fact_lines
from orchestrator_api.chat.mentions import mentioned_symbols
from orchestrator_api.chat.prompt import prompt_from
from orchestrator_api.chat.question import Question, recent_turns
from orchestrator_api.model_router.provider import Prompt
from orchestrator_api.resources import Resources
from zmarty.errors import SymbolUnknown
from zmarty.market import Timeframe
from zmarty.postgres import Connection

WATCHED_MAX = 20
SYMBOLS_MAX = 6
PAIRS_MAX = 10
CLUSTERS_MAX = 6
HISTORY_TURNS_MAX = 20
SOURCES = ("technical", *BOUNDS)
# The longer ones first: they carry more weight when the facts have to be cut.
TIMEFRAMES = tuple(str(timeframe) for timeframe in reversed(Timeframe))


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a model, or a data brief, may use to answer one question."""

    prompt: Prompt
    lines: tuple[str, ...]
    signals: tuple[SignalFact, ...]
    composed_at: datetime


async def compose_briefing(resources: Resources, user: User, question: Question) -> Briefing:
    """Raises SymbolUnknown when the question names a symbol that no exchange of ours has."""
    async with as_user(resources.chat, user) as connection:
        watched = await store.watched_pairs(connection, user.id, limit=WATCHED_MAX)
        history = question.history
        if history is None:
            history = recent_turns(
                await store.history_of(connection, question.conversation_id, user.id, limit=HISTORY_TURNS_MAX)
            )
    async with resources.trading.acquire() as connection:
        symbols = await _wanted_symbols(connection, question, watched)
        knowledge = await _gather(connection, symbols, watched)
    now = datetime.now(UTC)
    lines = fact_lines(knowledge, now=now)
    if lines and resources.market_note:
        lines = (f"- Note on all market data: {resources.market_note}", *lines)
    prompt = prompt_from(
        lines, history, question.text, conversation_id=str(question.conversation_id), now=now
    )
    return Briefing(prompt, lines, tuple(knowledge.signals), now)


async def _wanted_symbols(
    connection: Connection, question: Question, watched: Sequence[Pair]
) -> tuple[str, ...]:
    """What is asked for, then what is spoken of, then what is watched; only what exists."""
    asked = (question.symbol,) if question.symbol else ()
    spoken = mentioned_symbols(question.text)
    existing = await store.existing_symbols(connection, [*asked, *spoken])
    if question.symbol and question.symbol not in existing:
        raise SymbolUnknown(f"No instrument is called {question.symbol}.", symbol=question.symbol)
    found = [*asked, *(symbol for symbol in spoken if symbol in existing)]
    return tuple(dict.fromkeys([*found, *(pair.symbol for pair in watched)]))[:SYMBOLS_MAX]


async def _gather(connection: Connection, symbols: Sequence[str], watched: Sequence[Pair]) -> Knowledge:
    if not symbols:
        return Knowledge()
    signals = await store.latest_signals(connection, symbols, TIMEFRAMES)
    wanted = [*(pair for pair in watched if pair.symbol in symbols), *(signal.pair for signal in signals)]
    pairs = sorted(dict.fromkeys(wanted), key=lambda pair: symbols.index(pair.symbol))[:PAIRS_MAX]
    return Knowledge(
        symbols=symbols,
        signals=[signal for signal in signals if signal.pair in pairs],
        win_rates=await store.win_rates_of(connection, pairs),
        candles=await store.latest_candles(connection, pairs),
        readings=await store.latest_readings(connection, pairs, SOURCES),
        clusters=await store.latest_clusters(connection, symbols, limit=CLUSTERS_MAX),
        risks=await store.latest_risks(connection, symbols),
        monitors=await store.latest_monitors(connection, symbols),
    )
