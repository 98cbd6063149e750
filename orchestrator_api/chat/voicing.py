"""The spoken side of an answer: whether it may be spoken, the speaking, and what the client is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from orchestrator_api.chat.events import STOPPED
from orchestrator_api.chat.exchange import Draft, Exchange
from orchestrator_api.chat.plan import Budget, Plan
from orchestrator_api.chat.question import Question
from orchestrator_api.chat.store import Limits
from orchestrator_api.credits.pricing import VOICE_CREDITS, CreditsExhausted, SpendingLimitReached
from orchestrator_api.resources import Resources
from zmarty.errors import FieldInvalid

if TYPE_CHECKING:
    from orchestrator_api.chat.briefing import Briefing
    from orchestrator_api.voice.store import Recording
    from orchestrator_api.voice.voice import Voice


@dataclass(frozen=True, slots=True)
class Speech:
    """A wish for voice: granted when there is no refusal. The answer comes either way."""

    refusal: str | None = None


NOT_IN_PLAN = Speech("forbidden: the plan has no voice; nothing was charged for it")
NOT_OFFERED = Speech("voice_unavailable: voice is not offered here; nothing was charged for it")
NOT_PAID = Speech(
    f"credits_exhausted: {VOICE_CREDITS} more credits are needed for voice; nothing was charged for it"
)
FAILED = "voice_unavailable: the answer could not be spoken; nothing was charged for it"
CUT_SHORT = "voice_unavailable: the answer was stopped before it was spoken; nothing was charged for it"


def plan_spoken(
    resources: Resources,
    question: Question,
    limits: Limits,
    budget: Budget,
    planned: Callable[[Budget], tuple[Plan, Briefing]],
) -> tuple[Plan, Briefing, Speech | None]:
    """The answer's plan, and whether it will be spoken: decided before credits are held. None when nobody asked for it.

    What was asked for goes before what a model might write or look up: both take all they may. Raises what `planned`
    raises when the budget does not even pay for the answer.
    """
    if not question.voice:
        return *planned(budget), None
    if not limits.voice:
        return *planned(budget), NOT_IN_PLAN
    if resources.voice is None:
        return *planned(budget), NOT_OFFERED
    plan, briefing = planned(budget)
    lean = replace(budget, kept=VOICE_CREDITS)
    try:
        leaner, told = planned(lean)
    except (CreditsExhausted, SpendingLimitReached, FieldInvalid):
        return plan, briefing, NOT_PAID
    # A voice may cost an answer its length, but not whom it is asked of.
    if leaner.credits > lean.credits or _asked(leaner) != _asked(plan):
        return plan, briefing, NOT_PAID
    return leaner, told, Speech()


def _asked(plan: Plan) -> list[str]:
    """The models that answer when none of them fails."""
    models = [candidate.model.id for candidate in plan.candidates]
    return models if plan.is_ensemble else models[:1]


def with_voice(plan: Plan, speech: Speech | None) -> Plan:
    """What is held: the answer's highest price, and the voice's when it will be spoken."""
    if speech is None or speech.refusal is not None:
        return plan
    return replace(plan, credits=plan.credits + VOICE_CREDITS)


async def voiced(
    resources: Resources, exchange: Exchange, draft: Draft, speech: Speech | None, stop: asyncio.Event
) -> Draft:
    """The draft with its recording and its price, or with the reason why there is none. Never raises for want of a voice.

    Whoever sets `stop` wants no voice any more.
    """
    if speech is None:
        return draft
    if speech.refusal is not None or resources.voice is None:
        return _without(draft, speech.refusal or FAILED)
    if draft.finish_reason == STOPPED or stop.is_set():
        return _without(draft, CUT_SHORT)
    # What costs nothing is no answer; and calls of a client's tools are not for ears.
    if not draft.credits or draft.calls:
        return _without(draft, FAILED)
    recording = await _spoken_or_stop(resources.voice, exchange, draft, stop)
    # Audio that was kept all the same has no row: nobody hears it, and the sweep deletes it with its day.
    if stop.is_set():
        return _without(draft, CUT_SHORT)
    if recording is None:
        return _without(draft, FAILED)
    return replace(
        draft,
        recording=recording,
        credits=draft.credits + VOICE_CREDITS,
        metadata={**draft.metadata, "recording_id": str(recording.id)},
    )


async def _spoken_or_stop(
    voice: Voice, exchange: Exchange, draft: Draft, stop: asyncio.Event
) -> Recording | None:
    speaking = asyncio.create_task(
        voice.speak(draft.text, user_id=exchange.user_id, message_id=exchange.message_id)
    )
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({speaking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return speaking.result() if speaking.done() else None
    finally:
        speaking.cancel()
        stopping.cancel()
        await asyncio.gather(speaking, stopping, return_exceptions=True)


def audio_url_of(resources: Resources, user_id: UUID, metadata: Mapping[str, Any]) -> str | None:
    """A fresh link to the recording of a stored answer."""
    recording_id = metadata.get("recording_id")
    if recording_id is None or resources.voice is None:
        return None
    return resources.public.api_url + resources.voice.link(UUID(recording_id), user_id)


def _without(draft: Draft, refusal: str) -> Draft:
    return replace(draft, metadata={**draft.metadata, "voice_refusal": refusal})
