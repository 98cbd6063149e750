"""Gathers what is known for a question: the user's watched symbols and history from A, the markets from B."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.user import User
from orchestrator_api.chat import store
from orchestrator_api.chat.facts import Pair, SignalFact, fact_lines
from orchestrator_api.chat.knowledge import gather
from orchestrator_api.chat.mentions import mentioned_symbols
from orchestrator_api.chat.prompt import PLAIN, Tone, prompt_from
from orchestrator_api.chat.question import Question, recent_turns
from orchestrator_api.chat.store import CachedAnswer
from orchestrator_api.chat.voicing import Speech
from orchestrator_api.model_router.provider import Prompt, Tool
from orchestrator_api.resources import Resources
from orchestrator_api.tools.tools import TOOLS
from zmarty.errors import SymbolUnknown
from zmarty.postgres import Pool

WATCHED_MAX = 20
SYMBOLS_MAX = 6
HISTORY_TURNS_MAX = 20


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a model, or a data brief, may use to answer one question."""

    prompt: Prompt
    lines: tuple[str, ...]
    signals: tuple[SignalFact, ...]
    composed_at: datetime
    user_id: UUID
    # What we look up when the model asks for it. Empty when the client brings tools of its own.
    tools: tuple[Tool, ...] = ()
    # Set when the user wants the answer spoken.
    speech: Speech | None = None
    # Kept with the answer, beside what happened to it.
    record: Mapping[str, Any] = field(default_factory=dict)
    # Under which the answer may be given again, and the one that is given again now.
    cache_key: str | None = None
    cached: CachedAnswer | None = None
    tone: Tone = PLAIN


async def compose_briefing(resources: Resources, user: User, question: Question) -> Briefing:
    """Raises SymbolUnknown when the question names a symbol that no exchange of ours has."""
    async with as_user(resources.chat, user) as connection:
        watched = await store.watched_pairs(connection, user.id, limit=WATCHED_MAX)
        tone = await store.tone_of(connection, user.id)
        history = question.history
        if history is None:
            history = recent_turns(
                await store.history_of(
                    connection,
                    question.conversation_id,
                    user.id,
                    limit=HISTORY_TURNS_MAX,
                    before=question.anew_since,
                )
            )
    symbols = await _wanted_symbols(resources.trading, question, watched)
    knowledge = await gather(resources.trading, symbols, watched)
    now = datetime.now(UTC)
    lines = fact_lines(knowledge, now=now)
    if lines and resources.market_note:
        lines = (f"- Note on all market data: {resources.market_note}", *lines)
    asked = f"{question.frame}\n\n{question.text}" if question.frame else question.text
    prompt = prompt_from(
        lines, history, asked, conversation_id=str(question.conversation_id), now=now, tone=tone
    )
    # The client's tools are the client's to do; with them in the prompt, ours would only confuse.
    prompt = replace(prompt, turns=(*prompt.turns, *question.following), tools=question.tools or ())
    return Briefing(
        prompt,
        lines,
        tuple(knowledge.signals),
        now,
        user.id,
        tools=TOOLS if question.tools is None else (),
        record=question.record,
        tone=tone,
    )


async def _wanted_symbols(pool: Pool, question: Question, watched: Sequence[Pair]) -> tuple[str, ...]:
    """What is asked for, then what is spoken of, then what is watched; only what exists."""
    asked = (question.symbol,) if question.symbol else ()
    spoken = mentioned_symbols(question.text)
    existing = await store.existing_symbols(pool, [*asked, *spoken])
    if question.symbol and question.symbol not in existing:
        raise SymbolUnknown(f"No instrument is called {question.symbol}.", symbol=question.symbol)
    found = [*asked, *(symbol for symbol in spoken if symbol in existing)]
    return tuple(dict.fromkeys([*found, *(pair.symbol for pair in watched)]))[:SYMBOLS_MAX]
