"""The outbox as the relay sees it: claim, then deliver, postpone, park or hand back; each fenced by the claim's own name."""

from collections.abc import Sequence

from orchestrator_worker.relay.batch import Event
from zmarty import sql
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)


async def take_turn(connection: Connection) -> None:
    await connection.execute(SQL["take_turn"])


async def claim(
    connection: Connection, *, claim_id: str, lease_seconds: float, rows_max: int, rows_of_user_max: int
) -> list[Event]:
    records = await connection.fetch(SQL["claim"], claim_id, lease_seconds, rows_max, rows_of_user_max)
    return [Event(**record) for record in records]


async def seconds_until_due(pool: Pool) -> float | None:
    seconds: float | None = await pool.fetchval(SQL["seconds_until_due"])
    return seconds


async def mark_delivered(pool: Pool, events: Sequence[Event], *, claim_id: str) -> int:
    return len(await pool.fetch(SQL["mark_delivered"], _ids(events), claim_id))


async def postpone(pool: Pool, events: Sequence[Event], *, claim_id: str, seconds: float, error: str) -> int:
    return len(await pool.fetch(SQL["postpone"], _ids(events), claim_id, seconds, error))


async def hand_back(connection: Connection, events: Sequence[Event], *, claim_id: str) -> int:
    return len(await connection.fetch(SQL["hand_back"], _ids(events), claim_id))


async def park(pool: Pool, event: Event, *, claim_id: str, error: str) -> bool:
    return await pool.fetchval(SQL["park"], event.id, claim_id, error) is not None


def _ids(events: Sequence[Event]) -> list[int]:
    return [event.id for event in events]
