"""The front verbs of credits: hold, then settle or release. Each is one statement, and a hold resolves once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import asyncpg

from orchestrator_api.credits import store
from orchestrator_api.credits.pricing import CreditsExhausted, SpendingLimitReached, Usage
from orchestrator_api.credits.store import Balance as Balance
from orchestrator_api.credits.store import Correction as Correction
from orchestrator_api.credits.store import Settlement as Settlement
from zmarty.errors import FieldInvalid, NotFound, ZmartyError
from zmarty.postgres import Connection

# Longer than the hard deadline of any request, so that the sweeper never takes a hold that is still in use.
HOLD_SECONDS = 900


# The database's own word for a refund beyond its charge.
BEYOND_CHARGE = "ZM003"


class CorrectionKeyReused(ZmartyError):
    """The key names another correction; nothing was changed."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "idempotency_key_reused"


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
    """Set credits aside. Raises CreditsExhausted or SpendingLimitReached, and nothing has changed then."""
    result = await store.hold_credits(connection, user_id, credits=credits, seconds=seconds)
    if result.limit_reached is not None:
        raise SpendingLimitReached(limit=result.limit_reached, needed=credits, left=result.limit_left or 0)
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


async def grant(
    connection: Connection,
    user_id: UUID,
    *,
    credits: int,
    key: str,
    reason: str,
    kind: str,
    expires_at: datetime | None,
    actor: str,
) -> Correction:
    """Add credits once for each key. Raises NotFound, FieldInvalid, CorrectionKeyReused."""
    request_id = str(uuid4())
    try:
        entry_id = await store.grant_credits(
            connection,
            user_id,
            credits=credits,
            key=key,
            reason=reason,
            kind=kind,
            expires_at=expires_at,
            metadata={"actor": actor, "request": request_id},
        )
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("There is no such user.") from None
    except asyncpg.InvalidParameterValueError as error:
        field, _, rule = str(error).partition(": ")
        raise FieldInvalid(field, rule) from None
    done = await store.correction(connection, entry_id, request_id=request_id)
    if (done.kind, done.amount) != ("grant", credits):
        raise _key_reused(done)
    return done


async def refund(
    connection: Connection, entry_id: int, *, credits: int | None, key: str, reason: str, actor: str
) -> Correction:
    """Give back a charge, or a part of it, once for each key; without `credits` all that is left of it.

    Raises NotFound, FieldInvalid, CorrectionKeyReused.
    """
    request_id = str(uuid4())
    try:
        refunded_by = await store.refund_charge(
            connection,
            entry_id,
            credits=credits,
            key=key,
            reason=reason,
            metadata={"actor": actor, "request": request_id},
        )
    except asyncpg.NoDataFoundError:
        raise NotFound(f"There is no charge {entry_id}.") from None
    except asyncpg.PostgresError as error:
        if error.sqlstate != BEYOND_CHARGE:
            raise
        raise FieldInvalid("credits", str(error).removeprefix("credits: ")) from None
    done = await store.correction(connection, refunded_by, request_id=request_id)
    if done.refund_of != entry_id or credits not in (None, done.amount):
        raise _key_reused(done)
    return done


def _key_reused(done: Correction) -> CorrectionKeyReused:
    return CorrectionKeyReused(
        f"This key names entry {done.entry_id}, a {done.kind} of {done.amount}; use a new one.",
        entry_id=done.entry_id,
    )
