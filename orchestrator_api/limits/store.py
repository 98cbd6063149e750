"""The only place where limits speak SQL: one statement a check, and the leases of streams."""

from dataclasses import dataclass
from uuid import UUID

from orchestrator_api.auth.user import User
from orchestrator_api.limits.call import Call
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may go on, and what its caller has left."""

    admitted: bool
    per_minute: int
    remaining: int
    reset_seconds: int
    retry_seconds: int | None
    streams_max: int | None
    lease_id: UUID | None


async def admit_call(
    chat: Pool,
    call: Call,
    *,
    user: User | None,
    address: str,
    signed_out: int,
    factor: int,
    lease_seconds: int,
) -> Admission:
    record = await chat.fetchrow(
        SQL["admit_call"],
        user.id if user else None,
        user is not None and user.is_operator,
        address,
        call.bucket,
        call.multiple,
        signed_out,
        call.streams if user else None,
        factor,
        lease_seconds,
    )
    assert record is not None
    return Admission(**record)


async def renew_stream(chat: Pool, lease_id: UUID, *, lease_seconds: int) -> bool:
    return bool(await chat.fetchval(SQL["renew_stream"], lease_id, lease_seconds))


async def end_stream(chat: Pool, lease_id: UUID) -> None:
    await chat.execute(SQL["end_stream"], lease_id)
