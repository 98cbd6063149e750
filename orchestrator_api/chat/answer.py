"""Writes one answer in a task of its own: the client may leave, the bill is settled all the same, exactly once."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

import structlog

from orchestrator_api.chat.briefing import Briefing
from orchestrator_api.chat.data_brief import LABEL
from orchestrator_api.chat.drafting import write_draft
from orchestrator_api.chat.events import Completed, Event, Failed, Opened, Tell, Token, signal_json
from orchestrator_api.chat.exchange import Draft, Exchange, complete_exchange, discard_exchange
from orchestrator_api.chat.plan import Plan
from orchestrator_api.chat.recording import Recording
from orchestrator_api.chat.rounds import Spending
from orchestrator_api.chat.store import StoredAnswer
from orchestrator_api.chat.ui_stream import ui_frames
from orchestrator_api.chat.voicing import audio_url_of, voiced
from orchestrator_api.chat.work import Work, stopped_draft
from orchestrator_api.credits.ledger import Settlement
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.losses import PASSING_LOSSES
from orchestrator_api.model_router.provider import ToolCall
from orchestrator_api.resources import Resources
from zmarty.backoff import full_jitter
from zmarty.errors import DatabaseUnavailable, ZmartyError
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)

# A database that restarts is back within seconds; the hold outlives this by minutes.
SETTLE_SECONDS = 20.0
SETTLE_PAUSE_SECONDS = 0.2
SETTLE_PAUSE_SECONDS_MAX = 2.0


class AnswerLost(ZmartyError):
    """A fault of ours; the credits went back."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"


class AnswerStopped(ZmartyError):
    """The user stopped it before it said anything."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "answer_stopped"


def answer(
    resources: Resources, exchange: Exchange, plan: Plan, briefing: Briefing
) -> AsyncGenerator[Event, None]:
    """Begin the answer now and return what happens to it; whether anybody listens makes no difference to it.

    The last event is Completed or Failed.
    """
    # Unbounded, but their content is bounded by output_tokens_max: a client that stops reading must not stop the work.
    told: asyncio.Queue[Event | None] = asyncio.Queue()
    kept: asyncio.Queue[Event | None] = asyncio.Queue()
    recording = resources.recorder.record(exchange.message_id, ui_frames(_events(kept)))

    def tell(event: Event | None) -> None:
        told.put_nowait(event)
        kept.put_nowait(event)

    resources.background.start(
        _answer(resources, exchange, plan, briefing, recording, tell), name=f"answer {exchange.message_id}"
    )
    return _events(told)


async def replay(
    stored: StoredAnswer, balance: int, audio_url: str | None = None
) -> AsyncGenerator[Event, None]:
    """Tell a stored answer again, as the events of a fresh one."""
    signals = stored.metadata.get("signals", [])
    yield Opened(stored.id, stored.conversation_id, signals)
    yield Token(stored.content)
    yield Completed(
        message_id=stored.id,
        conversation_id=stored.conversation_id,
        text=stored.content,
        provider=stored.provider,
        model=stored.model or LABEL,
        finish_reason=stored.metadata.get("finish_reason", "stop"),
        usage=Usage(input_tokens=stored.input_tokens, output_tokens=stored.output_tokens),
        credits=stored.credits,
        balance=balance,
        signals=signals,
        calls=[ToolCall(**call) for call in stored.metadata.get("tool_calls", [])],
        audio_url=audio_url,
        voice_refusal=stored.metadata.get("voice_refusal"),
        is_cached=stored.metadata.get("cached", False),
    )


async def _events(told: "asyncio.Queue[Event | None]") -> AsyncGenerator[Event, None]:
    while (event := await told.get()) is not None:
        yield event


async def _answer(
    resources: Resources,
    exchange: Exchange,
    plan: Plan,
    briefing: Briefing,
    recording: Recording,
    tell: Tell,
) -> None:
    signals = [signal_json(signal) for signal in briefing.signals]
    tell(Opened(exchange.message_id, exchange.conversation_id, signals))
    try:
        work = Work(Spending(plan.credits))
        draft = await _draft_or_stop(resources, plan, briefing, work, recording, tell)
        if draft is None:
            await discard_exchange(resources.chat, exchange)
            return tell(Failed(AnswerStopped("You stopped this answer; nothing is charged.")))
        draft.metadata.update(briefing.record, signals=signals, duration_ms=int(work.seconds * 1000))
        # The text has been told; only its end waits for the audio, for a bounded time.
        draft = await voiced(resources, exchange, draft, briefing.speech, recording.stop)
        settlement = await _settle(resources.chat, exchange, draft)
    except PASSING_LOSSES as error:
        # Whether the last attempt took effect is not known. If it did not, the sweeper gives the credits back.
        log.error("answer_unsettled", hold_id=str(exchange.hold.id), error=type(error).__name__)
        tell(Failed(DatabaseUnavailable("The answer could not be stored; it is not charged. Ask again.")))
    except BaseException:
        # Also when the process ends: a release that finds the hold settled changes nothing.
        try:
            await discard_exchange(resources.chat, exchange)
        finally:
            tell(Failed(AnswerLost("The answer was lost on our side; it is not charged. Ask again.")))
        raise
    else:
        audio_url = audio_url_of(resources, exchange.user_id, draft.metadata)
        tell(_completed(exchange, draft, settlement, signals, audio_url))
        log.info(
            "credits_settled",
            hold_id=str(exchange.hold.id),
            provider=draft.provider,
            model=draft.model,
            credits=settlement.charged,
            input_tokens=draft.usage.input_tokens,
            output_tokens=draft.usage.output_tokens,
        )
    finally:
        tell(None)
    return None


async def _draft_or_stop(
    resources: Resources, plan: Plan, briefing: Briefing, work: Work, recording: Recording, tell: Tell
) -> Draft | None:
    """The draft, whole or as far as it came when it was stopped; None when there is nothing to keep of it."""
    writing = asyncio.create_task(write_draft(resources, plan, briefing, work, tell))
    stopping = asyncio.create_task(recording.stop.wait())
    try:
        await asyncio.wait({writing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if writing.done():
            return writing.result()
        writing.cancel()
        await asyncio.wait({writing})
        return stopped_draft(work)
    finally:
        writing.cancel()
        stopping.cancel()
        await asyncio.gather(writing, stopping, return_exceptions=True)


async def _settle(pool: Pool, exchange: Exchange, draft: Draft) -> Settlement:
    attempt, started = 1, time.monotonic()
    while True:
        try:
            return await complete_exchange(pool, exchange, draft)
        except PASSING_LOSSES:
            if time.monotonic() - started >= SETTLE_SECONDS:
                raise
        pause = full_jitter(
            attempt,
            base_seconds=SETTLE_PAUSE_SECONDS,
            cap_seconds=SETTLE_PAUSE_SECONDS_MAX,
            random=random.random,
        )
        await asyncio.sleep(SETTLE_PAUSE_SECONDS + pause)
        attempt += 1


def _completed(
    exchange: Exchange,
    draft: Draft,
    settlement: Settlement,
    signals: list[dict[str, Any]],
    audio_url: str | None,
) -> Completed:
    return Completed(
        message_id=exchange.message_id,
        conversation_id=exchange.conversation_id,
        text=draft.text,
        provider=draft.provider,
        model=draft.model,
        finish_reason=draft.finish_reason,
        usage=draft.usage,
        credits=settlement.charged,
        balance=settlement.balance,
        signals=signals,
        calls=draft.calls,
        audio_url=audio_url,
        voice_refusal=draft.metadata.get("voice_refusal"),
        is_cached=draft.is_cached,
    )
