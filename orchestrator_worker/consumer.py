"""The one loop between pgmq and the handlers: lease, run, end. Every message it takes ends in exactly one named way."""

import asyncio
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog

from orchestrator_worker import errors_log
from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.resources import Resources
from zmarty import messages, queue
from zmarty.backoff import full_jitter
from zmarty.errors import LeaseLost, ZmartyError
from zmarty.messages import JobMessage, MessageMalformed
from zmarty.postgres import TROUBLE
from zmarty.queue import Delivery, Lease

log = structlog.get_logger(__name__)

POLL_SECONDS = 30.0
# A due time lies exactly on the boundary of what the next read may see; a little later is certain.
DUE_MARGIN_SECONDS = 0.02
DEPTH_SECONDS = 5.0
RETRY_MIN_SECONDS = 0.5
RETRY_BASE_SECONDS = 2.0
RETRY_CAP_SECONDS = 600.0
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 4.0

Message = TypeVar("Message", bound=JobMessage)
Handler = Callable[[Delivery[Message], Resources], Awaitable[Ending]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[Message]):
    """One queue's line in the worker's table: what is read, who handles it, and the bounds that hold."""

    message: type[Message]
    handle: Handler[Message]
    concurrency: int = 4
    lease_seconds: float = 60.0
    timeout_seconds: float = 300.0
    attempts_max: int = 8


@dataclass(slots=True)
class Tally:
    """What a consumer has done since it started; the heartbeat reports it."""

    endings: dict[str, int] = field(default_factory=dict)
    duration_ms_total: float = 0.0
    leases_renewed: int = 0
    leases_lost: int = 0

    def count(self, ending: str, duration_ms: float) -> None:
        self.endings[ending] = self.endings.get(ending, 0) + 1
        self.duration_ms_total += duration_ms


class Consumer:
    """Reads one queue and runs its handler, several at a time. `wake` may be called whenever something may be due."""

    def __init__(self, work: Work[Any], resources: Resources) -> None:
        self._work = work
        self._resources = resources
        self._pool = resources.trading
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._depth = 0
        self._depth_at = 0.0
        self.queue = work.message.queue
        self.tally = Tally()
        self.progressed_at = datetime.now(UTC)

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def wake(self) -> None:
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping`. A database that is away is waited for; the process does not end for it."""
        troubles = 0
        while not stopping.is_set():
            self.progressed_at = datetime.now(UTC)
            self._wake.clear()
            try:
                waiting_seconds = await self._take(stopping)
            except TROUBLE as error:
                troubles += 1
                log.warning("queue_unreachable", queue=self.queue, error=type(error).__name__, times=troubles)
                waiting_seconds = TROUBLE_BASE_SECONDS + full_jitter(
                    troubles,
                    base_seconds=TROUBLE_BASE_SECONDS,
                    cap_seconds=TROUBLE_CAP_SECONDS,
                    random=random.random,
                )
            else:
                troubles = 0
            await self._rest(waiting_seconds, stopping)

    async def drain(self, seconds: float) -> None:
        """Let running work finish. What is still running after `seconds` is cut; its lease brings it back."""
        if self._running:
            _, unfinished = await asyncio.wait(self._running, timeout=seconds)
            for task in unfinished:
                task.cancel()
            if unfinished:
                log.warning("drain_cut", queue=self.queue, unfinished=len(unfinished))
                await asyncio.wait(unfinished, timeout=1)

    async def _take(self, stopping: asyncio.Event) -> float:
        """Start what is due and free to run; return how long nothing else can be."""
        free = self._work.concurrency - len(self._running)
        if free == 0:
            return POLL_SECONDS  # whoever ends first wakes us
        leases = await queue.lease(
            self._pool, self.queue, quantity=free, lease_seconds=self._work.lease_seconds
        )
        if stopping.is_set():
            for unstarted in leases:
                await unstarted.hand_back(self._pool)
            return 0.0
        for taken in leases:
            task = asyncio.create_task(self._deliver(taken))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(leases) == free:
            return 0.0 if self._work.concurrency > len(self._running) else POLL_SECONDS
        due_at = await queue.next_due(self._pool, self.queue)
        if due_at is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.0, (due_at - datetime.now(UTC)).total_seconds()) + DUE_MARGIN_SECONDS)

    async def _rest(self, seconds: float, stopping: asyncio.Event) -> None:
        if seconds <= 0 or self._wake.is_set():
            return
        waits = [asyncio.create_task(self._wake.wait()), asyncio.create_task(stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.wake()

    async def _deliver(self, lease: Lease) -> None:
        """Run one message to its ending and say so in one log line."""
        started = time.monotonic()
        message: JobMessage | None = None
        keeper = asyncio.create_task(self._keep_lease(lease, asyncio.current_task()))
        try:
            message = messages.parse(self._work.message, lease.body)
            named = await self._end(lease, await self._handle(message, lease))
        except MessageMalformed as refused:
            named = await self._end_safely(lease, Bury(refused.code, refused.reason))
        except LeaseLost:
            named = "lease_lost"
        except asyncio.CancelledError:
            # The lease was lost, or the drain ran out of time: the message belongs to its next reader.
            named = "abandoned"
        except Exception as error:  # noqa: BLE001 — one of the two loops that may: whatever a handler raises is retried
            named = await self._failed(lease, error)
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
        duration_ms = round((time.monotonic() - started) * 1000, 1)
        self.tally.count(named, duration_ms)
        log.info(
            "message_ended",
            job_name=self.queue,
            symbol=message.symbol if message else None,
            timeframe=message.timeframe if message else None,
            duration_ms=duration_ms,
            queue_depth=await self._measure_depth(),
            msg_id=lease.id,
            attempt=lease.read_count,
            ending=named,
        )

    async def _handle(self, message: JobMessage, lease: Lease) -> Ending:
        delivery = Delivery(message, lease)
        async with asyncio.timeout(self._work.timeout_seconds):
            ending = await self._work.handle(delivery, self._resources)
        assert ending is not None or delivery.completed, (
            "a handler completes its delivery or returns an ending"
        )
        return ending

    async def _end(self, lease: Lease, ending: Ending) -> str:
        match ending:
            case None:
                return "done"
            case Discard(reason):
                async with self._pool.acquire() as connection, connection.transaction():
                    await lease.complete(connection)
                log.info("message_discarded", job_name=self.queue, msg_id=lease.id, reason=reason)
                return "discarded"
            case Bury(code, reason, trace):
                await lease.bury(self._pool, code=code, error=reason, traceback=trace)
                log.error("message_buried", job_name=self.queue, msg_id=lease.id, code=code, reason=reason)
                await errors_log.record(
                    self._pool, code=code, message=reason, queue=self.queue, msg_id=lease.id
                )
                return "buried"
            case Postpone(_, reason, code) if lease.read_count >= self._work.attempts_max:
                return await self._end(
                    lease, Bury(code, f"{reason} (the last of {lease.read_count} attempts)")
                )
            case Postpone(seconds, reason, code):
                await lease.fail(self._pool, retry_seconds=seconds, code=code, error=reason)
                log.info(
                    "message_postponed", job_name=self.queue, msg_id=lease.id, seconds=seconds, reason=reason
                )
                return "postponed"

    async def _end_safely(self, lease: Lease, ending: Ending) -> str:
        """End a message whose ending must not raise. When the database is away, the lease's end brings it back."""
        try:
            return await self._end(lease, ending)
        except LeaseLost:
            return "lease_lost"
        except TROUBLE:
            return "abandoned"

    async def _failed(self, lease: Lease, error: Exception) -> str:
        """Postpone with backoff, or bury after the bound."""
        code = _code_of(error)
        reason = f"{type(error).__name__}: {error}"
        log.warning(
            "message_failed",
            job_name=self.queue,
            msg_id=lease.id,
            attempt=lease.read_count,
            code=code,
            exc_info=error,
        )
        if lease.read_count >= self._work.attempts_max:
            return await self._end_safely(
                lease, Bury(code, reason, "".join(traceback.format_exception(error)))
            )
        pause = RETRY_MIN_SECONDS + full_jitter(
            lease.read_count,
            base_seconds=RETRY_BASE_SECONDS,
            cap_seconds=RETRY_CAP_SECONDS,
            random=random.random,
        )
        await errors_log.record(self._pool, code=code, message=reason, queue=self.queue, msg_id=lease.id)
        ended = await self._end_safely(lease, Postpone(pause, reason, code))
        return "failed" if ended == "postponed" else ended

    async def _keep_lease(self, lease: Lease, work: "asyncio.Task[Any] | None") -> None:
        """Renew at a third of the lease while the work runs; stop the work when the lease is lost."""
        while True:
            await asyncio.sleep(self._work.lease_seconds / 3)
            try:
                await lease.renew(self._pool, seconds=self._work.lease_seconds)
            except LeaseLost:
                self.tally.leases_lost += 1
                if work is not None:
                    work.cancel()
                return
            except TROUBLE as error:
                # The next third tries again; if none succeeds, the fence keeps the late completion from writing.
                log.warning(
                    "lease_not_renewed", job_name=self.queue, msg_id=lease.id, error=type(error).__name__
                )
            else:
                self.tally.leases_renewed += 1

    async def _measure_depth(self) -> int | None:
        now = time.monotonic()
        if now - self._depth_at >= DEPTH_SECONDS:
            self._depth_at = now
            with suppress(*TROUBLE):
                self._depth = await queue.depth(self._pool, self.queue)
        return self._depth


def _code_of(error: Exception) -> str:
    if isinstance(error, ZmartyError):
        return error.code
    if isinstance(error, TimeoutError):
        return "handler_timed_out"
    if isinstance(error, TROUBLE):
        return "database_unavailable"
    return "handler_failed"
