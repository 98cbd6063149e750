"""What an operator changes for a user by hand: credits and tier, each audited in the transaction that changes it."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg

from console.audit import USER_AGENT, operator
from console.migrations import CONNECT_SECONDS, SQL
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
    dsn: str, email: str, credits_granted: int, reason: str, *, key: str | None = None
) -> int:
    """Grant once for each key and answer the balance; without a key each call grants anew."""
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            user_id = await find_user(connection, email)
            before = await connection.fetchval(SQL["balance"], user_id) or 0
            await connection.fetchval(
                SQL["grant_credits"],
                user_id,
                credits_granted,
                f"console:{key or uuid4()}",
                reason,
                {"actor": operator()},
            )
            after: int = await connection.fetchval(SQL["balance"], user_id)
            # A repeated key grants nothing, and a grant that never was must not be in the log.
            if after != before:
                await audit(
                    connection,
                    "credits_granted",
                    f"user:{user_id}",
                    old={"balance": before},
                    new={"balance": after, "reason": reason},
                )
            return after
    finally:
        await connection.close()


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
                await audit(
                    connection, "tier_changed", f"user:{user_id}", old={"tier": before}, new={"tier": tier}
                )
            return before
    finally:
        await connection.close()


async def audit(
    connection: Connection, action: str, entity: str, *, old: dict[str, object], new: dict[str, object]
) -> None:
    await connection.execute(SQL["audit"], operator(), action, entity, old, new, USER_AGENT)
