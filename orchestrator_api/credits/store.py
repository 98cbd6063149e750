"""The only place where credits speak SQL: the verbs of the ledger and what users may see of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from zmarty.postgres import Connection
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class HoldResult:
    """`hold_id` is None when fewer credits were available than asked for."""

    hold_id: UUID | None
    balance: int | None
    available: int | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a hold ended, whoever ended it: what was charged and what is left."""

    charged: int
    balance: int
    available: int
    state: str


@dataclass(frozen=True, slots=True)
class Balance:
    balance: int
    held: int
    available: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of credits."""

    id: int
    kind: str
    amount: int
    balance_after: int
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reason: str
    created_at: datetime


async def hold_credits(connection: Connection, user_id: UUID, *, credits: int, seconds: int) -> HoldResult:
    record = await connection.fetchrow(SQL["hold_credits"], user_id, credits, seconds)
    assert record is not None
    return HoldResult(**record)


async def settle_hold(
    connection: Connection,
    hold_id: UUID,
    *,
    credits: int,
    provider: str | None,
    model: str | None,
    input_tokens: int,
    output_tokens: int,
    reason: str,
    metadata: Mapping[str, Any],
) -> Settlement:
    record = await connection.fetchrow(
        SQL["settle_hold"],
        hold_id,
        credits,
        provider,
        model,
        input_tokens,
        output_tokens,
        reason,
        dict(metadata),
    )
    assert record is not None
    return Settlement(**record)


async def release_hold(connection: Connection, hold_id: UUID) -> bool:
    return bool(await connection.fetchval(SQL["release_hold"], hold_id))


async def balance_of(connection: Connection, user_id: UUID) -> Balance | None:
    record = await connection.fetchrow(SQL["balance_of"], user_id)
    return Balance(**record) if record else None


async def entries_of(connection: Connection, user_id: UUID, *, before: int | None, limit: int) -> list[Entry]:
    return [Entry(**record) for record in await connection.fetch(SQL["entries_of"], user_id, before, limit)]
