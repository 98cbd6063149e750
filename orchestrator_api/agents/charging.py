"""One call of an agent and its price: held before, charged when it brought something, given back when not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from orchestrator_api.agents import store
from orchestrator_api.chat.exchange import IN_PROGRESS, IdempotencyKeyReused, RequestInProgress, RequestKey
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge, Hold
from orchestrator_api.credits.pricing import DATA_CREDITS
from orchestrator_api.resources import Resources
from orchestrator_api.tools.tools import Found

REASON = "mcp"


@dataclass(frozen=True, slots=True)
class Charged:
    """What was found, and what that cost this time."""

    found: Found
    credits: int


async def charge(
    resources: Resources,
    user_id: UUID,
    name: str,
    key: RequestKey | None,
    find: Callable[[], Awaitable[Found]],
) -> Charged:
    """Find, and charge one credit if something was found. Under a key seen before: the same answer again, free.

    Raises CreditsExhausted, RequestInProgress and IdempotencyKeyReused; nothing was looked up then.
    """
    if key is not None and (answer := await _answer_before(resources, user_id, key)) is not None:
        return Charged(Found(answer, is_charged=True), 0)
    async with resources.chat.acquire() as connection, connection.transaction():
        held = await ledger.hold(connection, user_id, credits=DATA_CREDITS)
        if key is not None and not await store.claim_call(
            connection, user_id, key.key, key.body_sha256, held.id
        ):
            # Raised inside the transaction: the hold goes with it.
            raise RequestInProgress(IN_PROGRESS)
    try:
        found = await find()
    except BaseException:
        # Also when the agent has gone: its credit comes back all the same.
        await asyncio.shield(_release(resources, held))
        raise
    if not found.is_charged:
        await _release(resources, held)
        return Charged(found, 0)
    async with resources.chat.acquire() as connection, connection.transaction():
        settlement = await ledger.settle(
            connection, held, Charge(credits=DATA_CREDITS, reason=REASON, metadata={"tool": name})
        )
        if key is not None:
            await store.answer_call(connection, user_id, key.key, held.id, found.text)
    return Charged(found, settlement.charged)


async def _answer_before(resources: Resources, user_id: UUID, key: RequestKey) -> str | None:
    known = await store.find_call(resources.chat, user_id, key.key)
    if known is None:
        return None
    if known.body_sha256 != key.body_sha256:
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request; use a new one.")
    if known.answer is None and known.running:
        raise RequestInProgress(IN_PROGRESS)
    return known.answer


async def _release(resources: Resources, held: Hold) -> None:
    async with resources.chat.acquire() as connection:
        await ledger.release(connection, held)
