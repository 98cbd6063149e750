"""Work that somebody waits for: a row that tells how far it is. The work itself is a queue message that names the job.

State is in the table alone, so a job outlives every process: a worker that dies leaves the row, its message comes back
with the end of its lease, and whoever takes it goes on. A job ends once; later calls change nothing and say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast
from uuid import UUID

from zmarty import sql
from zmarty.postgres import Connection, Pool

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]

# A pool, or a connection whose transaction the change shall be part of.
Database: TypeAlias = "Pool | Connection"

ERROR_LENGTH_MAX = 2_000

_SQL = sql.load(__package__)


@dataclass(frozen=True, slots=True)
class Job:
    """`user_id` is None for the system's own jobs. `progress` goes from 0 to 1; `ended_at` is set once."""

    id: UUID
    user_id: UUID | None
    kind: str
    state: State
    progress: float
    detail: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    cancel_requested_at: datetime | None
    ended_at: datetime | None


async def create(
    connection: Database, *, kind: str, user_id: UUID | None, detail: Mapping[str, Any] | None = None
) -> UUID:
    """Make a queued job in the caller's transaction, which also sends the message that does the work."""
    return cast(UUID, await connection.fetchval(_SQL["create_job"], kind, user_id, dict(detail or {})))


async def progress(
    pool: Database, job_id: UUID, share: float, *, detail: Mapping[str, Any] | None = None
) -> bool:
    """Report how far the work is and learn whether it may go on; the first report starts the job.

    False means stop: somebody cancelled the job (it is cancelled from now on), or it is over. `detail` is merged into
    the job's own.
    """
    # By way of its text: 0.4 as it is meant, not with the thirty digits of the nearest double.
    reported = Decimal(str(round(min(max(share, 0.0), 1.0), 4)))
    return bool(await pool.fetchval(_SQL["progress_job"], job_id, reported, dict(detail or {})))


async def finish(connection: Database, job_id: UUID, result: Mapping[str, Any] | None = None) -> bool:
    """End a job well, best in the transaction that completes its message. False when it was over already."""
    told = None if result is None else dict(result)
    return await connection.fetchval(_SQL["finish_job"], job_id, told) is not None


async def fail(connection: Database, job_id: UUID, error: str) -> bool:
    """End a job for a reason that people can read. False when it was over already."""
    return await connection.fetchval(_SQL["fail_job"], job_id, error[:ERROR_LENGTH_MAX]) is not None


async def is_cancelled(pool: Database, job_id: UUID) -> bool:
    """Whether somebody wishes the job to stop, without reporting progress."""
    return bool(await pool.fetchval(_SQL["is_job_cancelled"], job_id))


async def cancel(pool: Database, job_id: UUID) -> Job | None:
    """Stop a job: at once while it is queued, at its next progress call while it runs. Safe to repeat; None: no such job."""
    await pool.execute(_SQL["cancel_job"], job_id)
    return await find(pool, job_id)


async def find(pool: Database, job_id: UUID) -> Job | None:
    record = await pool.fetchrow(_SQL["find_job"], job_id)
    return Job(**record) if record else None


async def of_user(
    pool: Database,
    user_id: UUID,
    *,
    kind: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Job]:
    """A user's jobs, newest first, from a place in that order on."""
    records = await pool.fetch(_SQL["jobs_of_user"], user_id, kind, *(before or (None, None)), limit)
    return [Job(**record) for record in records]


async def count_open(pool: Database, user_id: UUID) -> int:
    """How many of a user's jobs wait or run."""
    return cast(int, await pool.fetchval(_SQL["count_open_jobs"], user_id))
