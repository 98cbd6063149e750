"""What an operator changes for a user by hand: credits and tier, each audited in the transaction that changes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from console.audit import USER_AGENT, operator
from console.migrations import CONNECT_SECONDS, SQL
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Correction
from zmarty.postgres import Connection, set_types


class UserUnknown(Exception):
    """No user has this e-mail address."""


class TierUnknown(Exception):
    """No tier has this name."""


async def connect(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    await set_types(connection)
    return connection


async def find_user(connection: Connection, email: str) -> UUID:
    user_id: UUID | None = await connection.fetchval(SQL["find_user"], email.strip())
    if user_id is None:
        raise UserUnknown(f"no user has the address {email}")
    return user_id


async def grant_credits(
    dsn: str,
    email: str,
    credits_granted: int,
    reason: str,
    *,
    key: str | None = None,
    kind: str = "bonus",
    expires_at: datetime | None = None,
) -> int:
    """Grant once for each key and answer the balance; without a key each call grants anew."""
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            done = await ledger.grant(
                connection,
                await find_user(connection, email),
                credits=credits_granted,
                key=f"console:{key or uuid4()}",
                reason=reason,
                kind=kind,
                expires_at=expires_at,
                actor=operator(),
            )
            await _audit_correction(connection, "credits_granted", done, {"reason": reason, "kind": kind})
            return done.balance
    finally:
        await connection.close()


async def refund_charge(
    dsn: str, entry_id: int, credits_refunded: int | None, reason: str, *, key: str | None = None
) -> Correction:
    """Give back a charge, or a part of it, once for each key; without a key each call is a refund of its own."""
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            done = await ledger.refund(
                connection,
                entry_id,
                credits=credits_refunded,
                key=f"console:{key or uuid4()}",
                reason=reason,
                actor=operator(),
            )
            await _audit_correction(
                connection, "credits_refunded", done, {"reason": reason, "refund_of": entry_id}
            )
            return done
    finally:
        await connection.close()


async def _audit_correction(
    connection: Connection, action: str, done: Correction, told: dict[str, object]
) -> None:
    # A repeated key changes nothing, and what never was must not be in the log.
    if done.is_new:
        await audit(
            connection,
            action,
            f"user:{done.user_id}",
            old={"balance": done.balance - done.amount},
            new={"balance": done.balance, "entry_id": done.entry_id, **told},
        )


async def set_tier(dsn: str, email: str, tier: str) -> str:
    """Move a user to a tier and answer the one before."""
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            user_id = await find_user(connection, email)
            tiers = [row["tier"] for row in await connection.fetch(SQL["tiers"])]
            if tier not in tiers:
                raise TierUnknown(f"no tier is called {tier}; there are {', '.join(tiers)}")
            before: str = await connection.fetchval(SQL["lock_tier"], user_id)
            if before != tier:
                await connection.execute(SQL["set_tier"], user_id, tier)
                # Who moves up need not wait for tonight's round.
                granted = await connection.fetchval(SQL["grant_monthly_to"], user_id)
                await audit(
                    connection,
                    "tier_changed",
                    f"user:{user_id}",
                    old={"tier": before},
                    new={"tier": tier, "credits_granted": granted},
                )
            return before
    finally:
        await connection.close()


async def audit(
    connection: Connection, action: str, entity: str, *, old: dict[str, object], new: dict[str, object]
) -> None:
    await connection.execute(SQL["audit"], operator(), action, entity, old, new, USER_AGENT)
