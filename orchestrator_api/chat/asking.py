"""The front verb of the chat: context → model → ledger → stream, for every form of question."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

from orchestrator_api.auth.user import Forbidden, User
from orchestrator_api.chat import store
from orchestrator_api.chat.answer import answer, replay
from orchestrator_api.chat.briefing import Briefing, compose_briefing
from orchestrator_api.chat.caching import cache_key
from orchestrator_api.chat.equipping import equip
from orchestrator_api.chat.events import Completed, Event, Failed
from orchestrator_api.chat.exchange import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    find_answer,
    open_exchange,
)
from orchestrator_api.chat.plan import Budget, Plan
from orchestrator_api.chat.planning import models_for, plan_answer
from orchestrator_api.chat.question import Question
from orchestrator_api.chat.voicing import audio_url_of, plan_spoken, with_voice
from orchestrator_api.credits import ledger
from orchestrator_api.credits.pricing import CreditsExhausted, SpendingLimitReached
from orchestrator_api.limits.limiter import RateLimited
from orchestrator_api.resources import Resources
from zmarty.errors import (
    BodyMalformed,
    DatabaseUnavailable,
    FieldInvalid,
    NotFound,
    SymbolUnknown,
    SymbolUnsupported,
)

REFUSALS = (
    BodyMalformed,
    CreditsExhausted,
    SpendingLimitReached,
    Forbidden,
    SymbolUnknown,
    NotFound,
    RequestInProgress,
    IdempotencyKeyReused,
    FieldInvalid,
    SymbolUnsupported,
    RateLimited,
    DatabaseUnavailable,
)


async def ask(
    resources: Resources,
    user: User,
    question: Question,
    key: RequestKey | None,
    *,
    may_be_cached: bool = True,
) -> AsyncGenerator[Event, None]:
    """Begin the answer and return what happens to it, or what happened when this request was made before.

    Unless `may_be_cached` is false, an answer of the last minutes to the same question on the same facts is told again.
    Raises one of REFUSALS, and nothing is charged then.
    """
    if (stored := await find_answer(resources.chat, user, key)) is not None:
        async with resources.chat.acquire() as connection:
            balance = await ledger.balance(connection, user.id)
        return replay(stored, balance.balance, audio_url_of(resources, user.id, stored.metadata))
    limits = await store.limits_of(resources.chat, user.id)
    if limits is None:
        raise Forbidden("This account has no profile here; sign up again.")
    briefing = await compose_briefing(resources, user, question)
    budget = Budget(
        limits.available, limits.price_cap, question.price_cap, limits.per_request, limits.left_today
    )
    output_tokens_max = min(limits.tokens_max, question.output_tokens_max or limits.tokens_max)
    models = models_for(resources.router, question, tier=limits.tier)
    name = cache_key(question, briefing, output_tokens_max=output_tokens_max)
    if name is not None and models:
        cached = await store.cached_answer(resources.chat, name) if may_be_cached else None
        briefing = replace(briefing, cache_key=name, cached=cached)
    # What has been answered needs no model, and is priced as data.
    models = models if briefing.cached is None else ()

    def planned(within: Budget) -> tuple[Plan, Briefing]:
        plan = plan_answer(
            models, question, briefing.prompt, output_tokens_max=output_tokens_max, budget=within
        )
        return equip(plan, briefing, within)

    plan, briefing, speech = plan_spoken(resources, question, limits, budget, planned)
    exchange = await open_exchange(resources.chat, user, question, with_voice(plan, speech), key)
    return answer(resources, exchange, plan, replace(briefing, speech=speech))


def wants_cached(headers: Mapping[str, str]) -> bool:
    """Whether the client takes an answer of some minutes ago, as HTTP has it."""
    control = headers.get("cache-control", "").lower()
    return not any(word.strip() in ("no-cache", "no-store", "max-age=0") for word in control.split(","))


async def completed(events: AsyncGenerator[Event, None]) -> Completed:
    """Wait for the end. Raises what failed."""
    async for event in events:
        if isinstance(event, Completed):
            return event
        if isinstance(event, Failed):
            raise event.error
    raise AssertionError("the last event is Completed or Failed")
