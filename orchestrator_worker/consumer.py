"""The one loop between pgmq and the handlers: lease ahead, run, end. Every message ends in exactly one named way."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from orchestrator_worker.batch import BatchRun
from orchestrator_worker.budget import Budget
from orchestrator_worker.commits import Commits, Unshared
from orchestrator_worker.conclude import conclude, conclude_failed
from orchestrator_worker.deadlines import Deadlines
from orchestrator_worker.ending import Bury, Ending
from orchestrator_worker.leases import Leases
from orchestrator_worker.resources import Resources
from orchestrator_worker.tally import RETRIED, Tally
from orchestrator_worker.work import Work
from zmarty import messages, queue
from zmarty.backoff import full_jitter
from zmarty.errors import LeaseLost
from zmarty.messages import JobMessage, MessageMalformed
from zmarty.postgres import TROUBLE
from zmarty.queue import Completion, Delivery, Lease

__all__ = ["Consumer", "Work"]

log = structlog.get_logger(__name__)

POLL_SECONDS = 30.0
# A due time lies exactly on the boundary of what the next read may see; a little later is certain.
DUE_MARGIN_SECONDS = 0.02
DEPTH_SECONDS = 15.0
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 2.0
# Leased ahead is what will be started this soon: no more, for other workers may be idle.
AHEAD_SECONDS = 0.05
AHEAD_MAX = 400
BATCHES_AHEAD_MIN = 1
NEWEST_SHARE = 0.1
STOP_SECONDS = 1.0


class Consumer:
    """Reads one queue and runs its handler, several at a time. `wake` may be called whenever something may be due."""

    def __init__(self, work: Work[Any], resources: Resources, budget: Budget | None = None) -> None:
        self.queue = work.message.queue
        self.tally = Tally()
        self.progressed_at = datetime.now(UTC)
        self.poll_seconds = POLL_SECONDS
        self._work = work
        self._resources = resources
        self._pool = resources.trading
        self._budget = budget or Budget(work.concurrency)
        self._budget.join(self.queue, work.priority)
        self._leases = Leases(self._pool, work.lease_seconds, self.tally, self._lost)
        self._deadlines = Deadlines(work.timeout_seconds)
        self._commits = Commits(self._pool, self._place_free) if work.concurrency > 1 else None
        # Whose handler runs has a place; a delivery that only waits for its commit has given it up.
        self._placed: set[Lease] = set()
        self._running: dict[Lease, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._more_due = False
        self._seconds_each = AHEAD_SECONDS
        self._depth = 0
        self._depth_at = -DEPTH_SECONDS

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def wake(self) -> None:
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping`. A database that is away is waited for; the process does not end for it."""
        stopper = asyncio.create_task(self._stop_with(stopping))
        troubles, look_first = 0, False
        try:
            while not self._stopping:
                self.progressed_at = datetime.now(UTC)
                self._wake.clear()
                try:
                    waiting_seconds = await self._take(look_first=look_first)
                except TROUBLE as error:
                    troubles += 1
                    log.warning(
                        "queue_unreachable", queue=self.queue, error=type(error).__name__, times=troubles
                    )
                    waiting_seconds = TROUBLE_BASE_SECONDS + full_jitter(
                        troubles,
                        base_seconds=TROUBLE_BASE_SECONDS,
                        cap_seconds=TROUBLE_CAP_SECONDS,
                        random=random.random,
                    )
                else:
                    troubles = 0
                # Nobody called: most likely nothing is due, and a look costs half of what a lease does.
                look_first = not await self._rest(waiting_seconds) and waiting_seconds == self.poll_seconds
        finally:
            stopper.cancel()
        await self._leases.hand_back()
        self._budget.leave(self.queue)

    async def drain(self, seconds: float) -> None:
        """Let running work finish. What is still running after `seconds` is cut; its lease brings it back."""
        tasks = set(self._running.values())
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            if unfinished:
                log.warning("drain_cut", queue=self.queue, unfinished=len(unfinished))
                await asyncio.wait(unfinished, timeout=STOP_SECONDS)
        await self._leases.close()

    async def _stop_with(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._stopping = True
        self._wake.set()

    async def _rest(self, seconds: float) -> bool:
        """Wait for a call or for `seconds`; says whether somebody called."""
        if seconds <= 0:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        return self._wake.is_set()

    async def _take(self, *, look_first: bool) -> float:
        """Lease what can be started soon; return for how long nothing else can be due."""
        if look_first and (seconds := await self._due_in()) > DUE_MARGIN_SECONDS:
            return seconds
        wanted = self._wanted()
        if wanted > 0:
            asked_at = time.monotonic()
            leases = await queue.lease(
                self._pool, self.queue, quantity=wanted, lease_seconds=self._work.lease_seconds
            )
            self._leases.add(leases, asked_at)
            self._more_due = len(leases) == wanted
            self._start()
            if not self._more_due:
                return await self._due_in()
        # Whoever ends calls us.
        self._more_due = True
        return 0.0 if self._wanted() > 0 else self.poll_seconds

    async def _due_in(self) -> float:
        """Seconds until something is due; not more than a poll, and never so few that looking becomes spinning."""
        due_at = await queue.next_due(self._pool, self.queue)
        if due_at is None:
            return self.poll_seconds
        seconds = (due_at - datetime.now(UTC)).total_seconds()
        return min(self.poll_seconds, max(0.0, seconds) + DUE_MARGIN_SECONDS)

    def _wanted(self) -> int:
        """How many messages more can be started now or very soon. Asks only when it is worth a round trip."""
        if self._stopping:
            return 0
        work = self._work
        free = work.concurrency - len(self._placed)
        # In starts, each of one message or of a batch.
        ahead = min(AHEAD_MAX // work.batch, int(AHEAD_SECONDS / self._seconds_each * work.concurrency))
        if work.handle_batch:
            ahead = max(ahead, BATCHES_AHEAD_MIN)
        wanted = (free + ahead) * work.batch - self._leases.unstarted
        return wanted if wanted > ahead // 2 * work.batch else 0

    def _start(self) -> None:
        """Start unstarted messages while there are places for them."""
        work = self._work
        while not self._stopping and self._leases.unstarted and len(self._placed) < work.concurrency:
            if not self._budget.take(self.queue, self._start):
                return
            started = self._leases.start(work.batch)
            # A batch has one place, and its first lease stands for it.
            self._placed.add(started[0])
            task = asyncio.create_task(
                self._deliver_batch(started) if work.handle_batch else self._deliver(started[0])
            )
            for lease in started:
                self._running[lease] = task
            task.add_done_callback(partial(self._ended, started))
        self._budget.leave(self.queue)

    def _ended(self, leases: Sequence[Lease], _task: object) -> None:
        for lease in leases:
            self._running.pop(lease, None)
            self._leases.drop(lease)
        self._place_free(leases[0])

    def _place_free(self, lease: Lease) -> None:
        if lease in self._placed:
            self._placed.remove(lease)
            self._budget.give_back()
            self._start()
            if self._more_due and self._wanted() > 0:
                self.wake()

    def _lost(self, lease: Lease) -> None:
        if task := self._running.get(lease):
            task.cancel()

    async def _deliver(self, lease: Lease) -> None:
        """Run one message to its ending and say so in one log line."""
        started = time.monotonic()
        message: JobMessage | None = None
        try:
            message = messages.parse(self._work.message, lease.text)
            ending = await self._handle(message, lease)
            named = "done" if ending is None else await conclude(self._pool, self._work, lease, ending)
        except MessageMalformed as refused:
            named = await conclude(self._pool, self._work, lease, Bury(refused.code, refused.reason))
        except LeaseLost:
            named = "lease_lost"
        except asyncio.CancelledError:
            # The lease was lost, or the drain ran out of time: the message belongs to its next reader.
            named = "abandoned"
        except Exception as error:  # noqa: BLE001 — one of the two loops that may: whatever a handler raises is retried
            named = await conclude_failed(self._pool, self._work, lease, error)
        seconds = time.monotonic() - started
        self._measure(seconds)
        duration_ms = round(seconds * 1000, 1)
        self.tally.count(named, duration_ms)
        await self._measure_depth()
        if named in RETRIED:
            self.wake()  # it may be due before what we wait for
        log.info(
            "message_ended",
            job_name=self.queue,
            symbol=message.symbol if message else None,
            timeframe=message.timeframe if message else None,
            duration_ms=duration_ms,
            queue_depth=self._depth,
            msg_id=lease.id,
            attempt=lease.read_count,
            ending=named,
        )

    async def _handle(self, message: JobMessage, lease: Lease) -> Ending:
        try:
            return await self._handle_with(message, lease, self._commits)
        except Unshared:
            return await self._handle_with(message, lease, None)

    async def _handle_with(self, message: JobMessage, lease: Lease, completion: Completion | None) -> Ending:
        assert self._work.handle is not None
        delivery = Delivery(message, lease, completion)
        ending = await self._deadlines.keep(self._work.handle(delivery, self._resources))
        assert ending is not None or delivery.completed, (
            "a handler completes its delivery or returns an ending"
        )
        return ending

    async def _deliver_batch(self, leases: Sequence[Lease]) -> None:
        run = BatchRun(self._work, self._resources, self.tally)
        await self._measure_depth()
        started = time.monotonic()
        await run.deliver(leases, self._depth)
        self._measure(time.monotonic() - started)
        if any(run.endings[ending] for ending in RETRIED):
            self.wake()

    def _measure(self, seconds: float) -> None:
        self._seconds_each += (seconds - self._seconds_each) * NEWEST_SHARE

    async def _measure_depth(self) -> None:
        now = time.monotonic()
        if now - self._depth_at >= DEPTH_SECONDS:
            self._depth_at = now
            with suppress(*TROUBLE):
                self._depth = await queue.depth(self._pool, self.queue)
