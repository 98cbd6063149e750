"""Asks the worker: a job and its message in one transaction, and then the answer, at once or to be fetched later.

The API computes nothing of a market itself. What costs credits is held before the job is made and charged only when the
job ends well; a hold that nobody settles, because this process ended, is given back by the sweeper.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel
from starlette.responses import Response

from orchestrator_api.answers import json_answer
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge, Hold
from orchestrator_api.jobs.rows import JobRow
from orchestrator_api.resources import Resources
from zmarty import jobs, queue
from zmarty.errors import FieldInvalid, ZmartyError
from zmarty.jobs import Job
from zmarty.messages import JobMessage

log = structlog.get_logger(__name__)

# What fits into the patience of a browser and of every proxy on the way.
WAIT_SECONDS = 10.0
OPEN_JOBS_MAX = 20
# A job that is paid for and runs for longer is not charged.
PAID_SECONDS_MAX = 1_800.0
HOLD_MARGIN_SECONDS = 300.0
RETRY_SECONDS = 5

NOT_ENOUGH_DATA = "not_enough_data"

Answer = TypeVar("Answer", bound=BaseModel)


class JobsExhausted(ZmartyError):
    """A user has as many jobs under way as one may have."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "rate_limited"


class NotEnoughData(ZmartyError):
    """There is too little history for what was asked; both numbers are named."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = NOT_ENOUGH_DATA


class JobFailed(ZmartyError):
    """The worker could not do it, and says why."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "job_failed"


class JobCancelled(ZmartyError):
    """Somebody cancelled the job while this request waited for it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "job_cancelled"


REFUSALS = (JobsExhausted, NotEnoughData, JobFailed, JobCancelled)


async def ask(
    resources: Resources,
    user_id: UUID,
    *,
    kind: str,
    message_of: Callable[[UUID], JobMessage | Sequence[JobMessage]],
    detail: Mapping[str, Any] | None = None,
    credits: int = 0,
) -> UUID:
    """Make a job and send the message, or the messages, that do it. Raises JobsExhausted and CreditsExhausted; nothing has happened then."""
    if await jobs.count_open(resources.trading, user_id) >= OPEN_JOBS_MAX:
        raise JobsExhausted(
            f"{OPEN_JOBS_MAX} jobs at once are allowed; wait for one to end, or cancel it.",
            limit=OPEN_JOBS_MAX,
            retry_after_seconds=RETRY_SECONDS,
        )
    held = await _hold(resources, user_id, credits) if credits else None
    try:
        async with resources.trading.acquire() as connection, connection.transaction():
            job_id = await jobs.create(connection, kind=kind, user_id=user_id, detail=detail)
            told = message_of(job_id)
            for message in (told,) if isinstance(told, JobMessage) else told:
                await queue.send(connection, message)
    except BaseException:
        if held is not None:
            # The client may have gone meanwhile; its credits come back all the same.
            await asyncio.shield(_release(resources, held))
        raise
    if held is not None:
        resources.background.start(_settle(resources, job_id, held, kind), name="settle_job")
    return job_id


async def answer_of(resources: Resources, job_id: UUID, *, wait_seconds: float = WAIT_SECONDS) -> Job:
    """The job when it has ended, or as it stands after `wait_seconds`."""
    job = await resources.waiting.ended(resources.trading, job_id, seconds=wait_seconds)
    assert job is not None, "jobs are kept for longer than anybody waits for one"
    return job


def answered(job: Job, model: type[Answer]) -> Response:
    """200 with the result, or 202 with the job and where to follow it.

    Raises NotEnoughData, JobFailed and JobCancelled for a job that ended otherwise.
    """
    if job.ended_at is None:
        return json_answer(
            JobRow.model_validate(job),
            status=HTTPStatus.ACCEPTED,
            headers={"Location": f"/v1/jobs/{job.id}", "Retry-After": "1"},
        )
    return json_answer(model.model_validate(result_of(job)))


def result_of(job: Job) -> dict[str, Any]:
    """What an ended job brought. Raises NotEnoughData, JobFailed and JobCancelled."""
    if job.state == "failed":
        raise _failure(job.error or "")
    if job.state == "cancelled":
        raise JobCancelled("This job was cancelled; ask again to start anew.", job_id=str(job.id))
    return dict(job.result or {})


def _failure(error: str) -> ZmartyError:
    code, _, reason = error.partition(": ")
    if code == NOT_ENOUGH_DATA:
        return NotEnoughData(f"Not enough data: {reason}.")
    field, _, rule = reason.partition(": ")
    if code == FieldInvalid.code and rule:
        # Some rules only the worker can hold against the market, such as a stop on the wrong side of the price.
        return FieldInvalid(field, rule)
    return JobFailed(error or "The worker could not do this; try again.")


async def _hold(resources: Resources, user_id: UUID, credits: int) -> Hold:
    async with resources.chat.acquire() as connection:
        return await ledger.hold(
            connection, user_id, credits=credits, seconds=int(PAID_SECONDS_MAX + HOLD_MARGIN_SECONDS)
        )


async def _settle(resources: Resources, job_id: UUID, held: Hold, kind: str) -> None:
    """Charge a job that ended well; whatever else becomes of it costs nothing."""
    job = await resources.waiting.ended(resources.trading, job_id, seconds=PAID_SECONDS_MAX)
    if job is None or job.state != "done":
        await _release(resources, held)
        return
    async with resources.chat.acquire() as connection:
        charge = Charge(credits=held.credits, reason=kind, metadata={"job_id": str(job_id)})
        settlement = await ledger.settle(connection, held, charge)
    log.info(
        "credits_settled", hold_id=str(held.id), job_id=str(job_id), kind=kind, credits=settlement.charged
    )


async def _release(resources: Resources, held: Hold) -> None:
    async with resources.chat.acquire() as connection:
        await ledger.release(connection, held)
