"""The only place where voice speaks SQL."""

from dataclasses import dataclass
from uuid import UUID

from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A spoken answer: whose it is, and where its audio lies."""

    id: UUID
    user_id: UUID
    message_id: UUID
    path: str
    byte_count: int
    character_count: int


async def save_recording(connection: Connection, recording: Recording) -> None:
    await connection.execute(
        SQL["save_recording"],
        recording.id,
        recording.user_id,
        recording.message_id,
        recording.path,
        recording.byte_count,
        recording.character_count,
    )


async def recording(pool: Pool, recording_id: UUID) -> Recording | None:
    record = await pool.fetchrow(SQL["recording"], recording_id)
    return Recording(**record) if record else None
