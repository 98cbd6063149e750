"""Carries out how a delivery ends: archives, postpones, buries, remembers the failure and says so."""

import asyncio
import random
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from orchestrator_worker import errors_log
from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.work import Work
from zmarty.backoff import full_jitter
from zmarty.errors import LeaseLost, ZmartyError
from zmarty.postgres import TROUBLE, Pool
from zmarty.queue import Lease, completing_alone

log = structlog.get_logger(__name__)

AWAY = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
RETRY_MIN_SHARE = 0.25
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.25
# Postponed without counting, a message may become this old; from then on every attempt counts.
UNCOUNTED_MAX = timedelta(days=7)


async def conclude(pool: Pool, work: Work[Any], lease: Lease, ending: Ending) -> str:
    """End a message as its handler said; returns the ending's name. What cannot be written ends by the lease's end."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _carry_out(pool, work, lease, ending)
        except LeaseLost:
            return "lease_lost"
        except TROUBLE as error:
            if time.monotonic() >= give_up_at or not is_away(error):
                log.warning(
                    "ending_not_written", job_name=lease.queue, msg_id=lease.id, error=type(error).__name__
                )
                return "abandoned"
        # A database that restarts is back within seconds, the lease would last a minute. Every ending is fenced: one that
        # was written after all, and only its answer lost, is found gone and not written twice.
        await asyncio.sleep(PAUSE_SECONDS)


async def conclude_failed(pool: Pool, work: Work[Any], lease: Lease, error: Exception) -> str:
    """Postpone with backoff, or bury after the bound."""
    code = _code_of(error)
    reason = f"{type(error).__name__}: {error}"
    log.warning(
        "message_failed",
        job_name=lease.queue,
        msg_id=lease.id,
        attempt=lease.read_count,
        code=code,
        exc_info=error,
    )
    if lease.read_count >= work.attempts_max:
        return await conclude(
            pool, work, lease, Bury(code, reason, "".join(traceback.format_exception(error)))
        )
    pause = full_jitter(
        lease.read_count,
        base_seconds=work.retry_base_seconds,
        cap_seconds=work.retry_cap_seconds,
        random=random.random,
    )
    await errors_log.record(pool, code=code, message=reason, queue=lease.queue, msg_id=lease.id)
    # Never at once: what failed a moment ago mostly fails again.
    pause = max(pause, work.retry_base_seconds * RETRY_MIN_SHARE)
    ended = await conclude(pool, work, lease, Postpone(pause, reason, code))
    return "failed" if ended == "postponed" else ended


async def _carry_out(pool: Pool, work: Work[Any], lease: Lease, ending: Ending) -> str:
    match ending:
        case None:
            return "done"
        case Discard(reason):
            async with completing_alone(pool, lease):
                pass
            log.info("message_discarded", job_name=lease.queue, msg_id=lease.id, reason=reason)
            return "discarded"
        case Bury(code, reason, trace):
            await lease.bury(pool, code=code, error=reason, traceback=trace)
            log.error("message_buried", job_name=lease.queue, msg_id=lease.id, code=code, reason=reason)
            await errors_log.record(pool, code=code, message=reason, queue=lease.queue, msg_id=lease.id)
            return "buried"
        case Postpone(_, reason, code) if lease.read_count >= work.attempts_max and _counts(lease, ending):
            last = f"{reason} (the last of {lease.read_count} attempts)"
            return await _carry_out(pool, work, lease, Bury(code, last))
        case Postpone(seconds, reason, code):
            counts = _counts(lease, ending)
            await lease.fail(pool, retry_seconds=seconds, code=code, error=reason, counts=counts)
            log.info(
                "message_postponed", job_name=lease.queue, msg_id=lease.id, seconds=seconds, reason=reason
            )
            return "postponed"


def _counts(lease: Lease, ending: Postpone) -> bool:
    return ending.counts or datetime.now(UTC) - lease.enqueued_at > UNCOUNTED_MAX


def _code_of(error: Exception) -> str:
    if isinstance(error, ZmartyError):
        return error.code
    if isinstance(error, TimeoutError):
        return "handler_timed_out"
    return "database_unavailable" if is_away(error) else "handler_failed"


def is_away(error: Exception) -> bool:
    """Whether a database or a network is away, and not the message to blame: a refused value is the message's."""
    return isinstance(error, AWAY) and not isinstance(error, (TimeoutError, ValueError))
