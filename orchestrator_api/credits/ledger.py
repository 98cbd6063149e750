"""The front verbs of credits: hold, then settle or release. Each is one statement, and a hold resolves once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from orchestrator_api.credits import store
from orchestrator_api.credits.pricing import CreditsExhausted, Usage
from orchestrator_api.credits.store import Balance as Balance
from orchestrator_api.credits.store import Settlement as Settlement
from zmarty.postgres import Connection

# Longer than the hard deadline of any request, so that the sweeper never takes a hold that is still in use.
HOLD_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits set aside for one request."""

    id: UUID
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a request used, as the ledger records it."""

    credits: int
    reason: str
    usage: Usage = field(default_factory=Usage)
    provider: str | None = None
    model: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


async def hold(connection: Connection, user_id: UUID, *, credits: int, seconds: int = HOLD_SECONDS) -> Hold:
    """Set credits aside. Raises CreditsExhausted, and nothing has changed then."""
    result = await store.hold_credits(connection, user_id, credits=credits, seconds=seconds)
    if result.hold_id is None:
        raise CreditsExhausted(needed=credits, available=result.available or 0)
    return Hold(result.hold_id, credits)


async def settle(connection: Connection, held: Hold, charge: Charge) -> Settlement:
    """Charge what was used, at most what was held. When the hold is resolved already, tells how and moves nothing."""
    return await store.settle_hold(
        connection,
        held.id,
        credits=charge.credits,
        provider=charge.provider,
        model=charge.model,
        input_tokens=charge.usage.input_tokens,
        output_tokens=charge.usage.output_tokens,
        reason=charge.reason,
        metadata=charge.metadata,
    )


async def release(connection: Connection, held: Hold) -> bool:
    """Give the hold back uncharged; False when it was resolved already."""
    return await store.release_hold(connection, held.id)


async def balance(connection: Connection, user_id: UUID) -> Balance:
    """What a user has, what is set aside, and what is free. A user without an account has nothing."""
    return await store.balance_of(connection, user_id) or Balance(balance=0, held=0, available=0)
