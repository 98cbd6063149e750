"""The outbox as the relay sees it: claim, then deliver, postpone or park; each fenced by the claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from zmarty import sql
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)


@dataclass(frozen=True)
class Event:
    """An outbox row in flight. `attempts` counts this attempt and tells whether the claim is still ours."""

    id: int
    user_id: UUID
    payload: Mapping[str, Any]
    attempts: int


async def take_turn(connection: Connection) -> None:
    await connection.execute(SQL["take_turn"])


async def claim(connection: Connection, *, relay_id: str, lease_seconds: float, limit: int) -> list[Event]:
    records = await connection.fetch(SQL["claim"], relay_id, lease_seconds, limit)
    return [Event(**record) for record in records]


async def seconds_until_due(pool: Pool) -> float | None:
    seconds: float | None = await pool.fetchval(SQL["seconds_until_due"])
    return seconds


async def mark_delivered(connection: Connection, event: Event, *, relay_id: str) -> bool:
    return await connection.fetchval(SQL["mark_delivered"], event.id, relay_id, event.attempts) is not None


async def claim_following(
    connection: Connection, event: Event, *, relay_id: str, lease_seconds: float
) -> Event | None:
    record = await connection.fetchrow(SQL["claim_following"], event.user_id, relay_id, lease_seconds)
    return Event(**record) if record else None


async def postpone(pool: Pool, event: Event, *, relay_id: str, seconds: float, error: str) -> bool:
    arguments = (event.id, relay_id, event.attempts, seconds, error)
    return await pool.fetchval(SQL["postpone"], *arguments) is not None


async def park(pool: Pool, event: Event, *, relay_id: str, error: str) -> bool:
    return await pool.fetchval(SQL["park"], event.id, relay_id, event.attempts, error) is not None
