"""The only place where agents' calls speak SQL: their keys in A, the age of their sources in B."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call that was made under this key before."""

    body_sha256: str
    answer: str | None
    running: bool


async def find_call(pool: Pool, user_id: UUID, key: str) -> KnownCall | None:
    record = await pool.fetchrow(SQL["find_call"], user_id, key)
    return KnownCall(**record) if record else None


async def claim_call(
    connection: Connection, user_id: UUID, key: str, body_sha256: str, hold_id: UUID
) -> bool:
    return bool(await connection.fetchval(SQL["claim_call"], user_id, key, body_sha256, hold_id))


async def answer_call(connection: Connection, user_id: UUID, key: str, hold_id: UUID, answer: str) -> None:
    await connection.execute(SQL["answer_call"], user_id, key, hold_id, answer)


async def newest_data(trading: Pool) -> dict[str, datetime | None]:
    """When the newest datum of each source was observed; None where there is none."""
    record = await trading.fetchrow(SQL["newest_data"])
    assert record is not None, "a select of subqueries always has a row"
    return dict(record)
