"""The only place where credits speak SQL: the verbs of the ledger and what users may see of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from zmarty.postgres import Connection
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class HoldResult:
    """`hold_id` is None when fewer credits were available than asked for, or when a limit of the user was reached."""

    hold_id: UUID | None
    balance: int | None
    available: int | None
    limit_reached: str | None
    limit_left: int | None


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
class Grant:
    """Credits that came together and end together."""

    id: int
    kind: str
    credits: int
    remaining: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What bounds a user's spending, and what they get next."""

    per_request: int | None
    per_day: int | None
    used_today: int
    low_since: datetime | None
    monthly_credits: int
    monthly_granted: bool
    month_ends_at: datetime
    now: datetime


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
    refund_of: int | None
    conversation_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries: all of them unless said."""

    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What moved in a month by one kind and model."""

    kind: str
    model: str | None
    entries: int
    credits: int


@dataclass(frozen=True, slots=True)
class Day:
    """What was spent on a day."""

    day: date
    credits: int


@dataclass(frozen=True, slots=True)
class Correction:
    """An entry that an operator asked for, and whether its key named it before."""

    entry_id: int
    user_id: UUID
    kind: str
    amount: int
    refund_of: int | None
    balance: int
    is_new: bool


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


async def grants_of(connection: Connection, user_id: UUID) -> list[Grant]:
    return [Grant(**record) for record in await connection.fetch(SQL["grants_of"], user_id)]


async def standing_of(connection: Connection, user_id: UUID) -> Standing | None:
    record = await connection.fetchrow(SQL["standing_of"], user_id)
    return Standing(**record) if record else None


async def set_limits(
    connection: Connection, user_id: UUID, *, per_request: int | None, per_day: int | None
) -> None:
    await connection.execute(SQL["set_limits"], user_id, per_request, per_day)


async def entries_of(
    connection: Connection, user_id: UUID, *, asked: EntryFilter, before: int | None, limit: int
) -> list[Entry]:
    records = await connection.fetch(
        SQL["entries_of"], user_id, before, limit, asked.kind, asked.since, asked.until, asked.model
    )
    return [Entry(**record) for record in records]


async def opening_of(connection: Connection, user_id: UUID, since: datetime) -> int:
    return int(await connection.fetchval(SQL["opening_of"], user_id, since))


async def totals_of(connection: Connection, user_id: UUID, since: datetime, until: datetime) -> list[Total]:
    return [Total(**record) for record in await connection.fetch(SQL["totals_of"], user_id, since, until)]


async def spent_by_day(connection: Connection, user_id: UUID, since: datetime, until: datetime) -> list[Day]:
    return [Day(**record) for record in await connection.fetch(SQL["spent_by_day"], user_id, since, until)]


async def grant_credits(
    connection: Connection,
    user_id: UUID,
    *,
    credits: int,
    key: str,
    reason: str,
    kind: str,
    expires_at: datetime | None,
    metadata: Mapping[str, Any],
) -> int:
    return int(
        await connection.fetchval(
            SQL["grant_credits"], user_id, credits, key, reason, dict(metadata), kind, expires_at
        )
    )


async def refund_charge(
    connection: Connection,
    entry_id: int,
    *,
    credits: int | None,
    key: str,
    reason: str,
    metadata: Mapping[str, Any],
) -> int:
    return int(
        await connection.fetchval(SQL["refund_charge"], entry_id, credits, key, reason, dict(metadata))
    )


async def correction(connection: Connection, entry_id: int, *, request_id: str) -> Correction:
    record = await connection.fetchrow(SQL["correction"], entry_id, request_id)
    assert record is not None
    return Correction(**record)
