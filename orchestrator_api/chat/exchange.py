"""One question and its answer as the databases see it: opened with a hold, then completed or discarded, each in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from orchestrator_api.auth.user import User
from orchestrator_api.chat import store
from orchestrator_api.chat.plan import Plan
from orchestrator_api.chat.question import Question
from orchestrator_api.chat.store import StoredAnswer
from orchestrator_api.conversations.titles import title_of
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge, Hold, Settlement
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import ToolCall
from orchestrator_api.voice.store import Recording, save_recording
from zmarty.errors import FieldInvalid, NotFound, ZmartyError
from zmarty.postgres import Connection, Pool

KEY_LENGTH_MAX = 255
DONE = "done"
IN_PROGRESS = "This request is being answered; ask again with the same key in a moment."


class RequestInProgress(ZmartyError):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "request_in_progress"


class IdempotencyKeyReused(ZmartyError):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The client's own name for a request, and what it named."""

    key: str
    body_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question whose answer is paid for by a hold."""

    user_id: UUID
    conversation_id: UUID
    message_id: UUID
    question: str
    asked_at: datetime
    hold: Hold
    key: str | None
    # When the question was asked that is answered anew; its earlier answers are superseded by this one.
    anew_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole answer that is not settled yet."""

    text: str
    provider: str | None
    model: str
    finish_reason: str
    usage: Usage
    credits: int
    metadata: dict[str, Any]
    # What the ledger keeps of it beside tokens and credits.
    billed: Mapping[str, Any] = field(default_factory=dict)
    # Of the client's own tools: the answer is these calls, and goes on with their results in another request.
    calls: tuple[ToolCall, ...] = ()
    # The answer spoken, when it was; its price is in the credits.
    recording: Recording | None = None
    # Given before, to the same question on the same facts.
    is_cached: bool = False

    @property
    def reason(self) -> str:
        """What the ledger says it was."""
        if self.is_cached:
            return "cached_answer"
        return "chat" if self.provider else "data_brief"


def request_key(header: str | None, path: str, body: bytes) -> RequestKey | None:
    """Raises FieldInvalid for a key that is too long to keep."""
    if not header:
        return None
    if len(header) > KEY_LENGTH_MAX or not header.isprintable():
        raise FieldInvalid("Idempotency-Key", f"must have at most {KEY_LENGTH_MAX} printable characters")
    return RequestKey(header, hashlib.sha256(path.encode() + b"\n" + body).hexdigest())


async def find_answer(pool: Pool, user: User, key: RequestKey | None) -> StoredAnswer | None:
    """The answer that this request got before. Raises RequestInProgress, IdempotencyKeyReused and NotFound; writes nothing."""
    known = await store.find_key(pool, user.id, key.key) if key else None
    if key is None or known is None:
        return None
    if known.body_sha256 != key.body_sha256:
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request; use a new one.")
    if known.state == DONE and known.message_id is not None:
        stored = await store.stored_answer(pool, known.message_id, user.id)
        if stored is None:
            raise NotFound("The answer to this request was deleted with its conversation; use a new key.")
        return stored
    if known.running:
        raise RequestInProgress(IN_PROGRESS)
    # Its request died before it answered; the key is claimed anew.
    return None


async def open_exchange(
    pool: Pool, user: User, question: Question, plan: Plan, key: RequestKey | None
) -> Exchange:
    """Claim the key, hold the credits, keep the conversation: all or nothing.

    Raises RequestInProgress, CreditsExhausted, SpendingLimitReached and NotFound.
    """
    async with pool.acquire() as connection, connection.transaction():
        if key:
            await _claim(connection, user, key)
        hold = await ledger.hold(connection, user.id, credits=plan.credits)
        if key:
            await store.bind_key(connection, user.id, key.key, hold.id)
        asked_at = await store.keep_conversation(
            connection, question.conversation_id, user.id, title_of(question.text)
        )
        if asked_at is None:
            raise NotFound("You have no such conversation.")
        message_id = uuid4()
        await store.announce_answer(connection, message_id, question.conversation_id, user.id)
    return Exchange(
        user_id=user.id,
        conversation_id=question.conversation_id,
        message_id=message_id,
        question=question.text,
        asked_at=asked_at,
        hold=hold,
        key=key.key if key else None,
        anew_since=question.anew_since,
    )


async def complete_exchange(pool: Pool, exchange: Exchange, draft: Draft) -> Settlement:
    """Charge and store the answer together: no bill without an answer, no answer without its bill.

    May be called again when it is not known whether it took effect; the hold is settled once.
    """
    async with pool.acquire() as connection, connection.transaction():
        settlement = await ledger.settle(
            connection,
            exchange.hold,
            Charge(
                credits=draft.credits,
                reason=draft.reason,
                usage=draft.usage,
                provider=draft.provider,
                model=draft.model if draft.provider else None,
                metadata={"message_id": str(exchange.message_id), **draft.billed},
            ),
        )
        if draft.recording is not None:
            await save_recording(connection, draft.recording)
        answer = StoredAnswer(
            id=exchange.message_id,
            conversation_id=exchange.conversation_id,
            content=draft.text,
            provider=draft.provider,
            model=draft.model,
            input_tokens=draft.usage.input_tokens,
            output_tokens=draft.usage.output_tokens,
            credits=settlement.charged,
            metadata=draft.metadata,
        )
        since = exchange.anew_since
        if since is not None:
            await store.supersede_answers(
                connection, exchange.conversation_id, exchange.user_id, since, except_id=exchange.message_id
            )
        is_new = await store.save_answer(
            connection, answer, user_id=exchange.user_id, hold_id=exchange.hold.id
        )
        if is_new and since is None:
            await store.save_question(
                connection, exchange.conversation_id, exchange.user_id, exchange.question, exchange.asked_at
            )
        if exchange.key:
            await store.finish_key(
                connection, exchange.user_id, exchange.key, exchange.hold.id, exchange.message_id
            )
    return settlement


async def discard_exchange(pool: Pool, exchange: Exchange) -> None:
    """Give the credits back and free the key, so that the same request may be asked again."""
    async with pool.acquire() as connection, connection.transaction():
        await ledger.release(connection, exchange.hold)
        if exchange.key:
            await store.forget_key(connection, exchange.user_id, exchange.key, exchange.hold.id)


async def _claim(connection: Connection, user: User, key: RequestKey) -> None:
    if await store.claim_key(connection, user.id, key.key, key.body_sha256):
        return
    await store.lock_key(connection, user.id, key.key)
    if not await store.reclaim_key(connection, user.id, key.key, key.body_sha256):
        raise RequestInProgress(IN_PROGRESS)
