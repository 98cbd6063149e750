"""Runs many messages through a batch handler in one transaction, and finds the one that spoils it by halving.

A message that makes no sense is buried by itself before the handler sees the batch; one that fails is retried or buried
by itself, and its neighbours are done.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import structlog

from orchestrator_worker.conclude import conclude, conclude_failed, is_away
from orchestrator_worker.ending import Bury, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.tally import Tally
from orchestrator_worker.work import Work
from zmarty import messages
from zmarty.messages import MessageMalformed
from zmarty.queue import Batch, Delivery, Lease, LeasesLost

log = structlog.get_logger(__name__)


class BatchRun:
    """One batch on its way to its endings; `deliver` says in one log line how many of each there were."""

    def __init__(self, work: Work[Any], resources: Resources, tally: Tally) -> None:
        self._work = work
        self._resources = resources
        self._pool = resources.trading
        self._tally = tally
        self.endings: Counter[str] = Counter()

    async def deliver(self, leases: Sequence[Lease], queue_depth: int) -> None:
        started = time.monotonic()
        deliveries = []
        for lease in leases:
            try:
                deliveries.append(Delivery(messages.parse(self._work.message, lease.text), lease))
            except MessageMalformed as refused:
                await self._end_alone(lease, Bury(refused.code, refused.reason))
        try:
            await self._handle(deliveries)
        except asyncio.CancelledError:
            self.endings["abandoned"] += len(leases) - self.endings.total()
        seconds = time.monotonic() - started
        duration_ms = round(seconds * 1000, 1)
        for ending, count in self.endings.items():
            self._tally.count(ending, round(duration_ms / len(leases), 3), count)
        log.info(
            "batch_ended",
            job_name=self._work.message.queue,
            messages=len(leases),
            duration_ms=duration_ms,
            queue_depth=queue_depth,
            endings=dict(self.endings),
        )

    async def _handle(self, deliveries: Sequence[Delivery[Any]]) -> None:
        if not deliveries:
            return
        try:
            ending = await self._attempt(deliveries)
        except LeasesLost as lost:
            self.endings["lease_lost"] += len(lost.ids)
            await self._handle([delivery for delivery in deliveries if delivery.id not in lost.ids])
        except Exception as error:  # noqa: BLE001 — one of the two loops that may: whatever a handler raises is retried
            if len(deliveries) > 1 and self._is_somebodys(error, deliveries):
                await self._halve(deliveries)
            else:
                for delivery in deliveries:
                    named = await conclude_failed(self._pool, self._work, delivery.lease, error)
                    self._count(delivery.lease, named)
        else:
            if ending is None:
                self.endings["done"] += len(deliveries)
            elif len(deliveries) > 1:
                await self._halve(deliveries)
            else:
                await self._end_alone(deliveries[0].lease, ending)

    def _is_somebodys(self, error: Exception, deliveries: Sequence[Delivery[Any]]) -> bool:
        """Whether to look for the message that failed. A database that is away would only be asked more often.

        On the last attempt it is looked for in any case: nobody is buried for what may be a neighbour's fault.
        """
        return not is_away(error) or any(
            delivery.read_count >= self._work.attempts_max for delivery in deliveries
        )

    async def _halve(self, deliveries: Sequence[Delivery[Any]]) -> None:
        middle = len(deliveries) // 2
        await self._handle(deliveries[:middle])
        await self._handle(deliveries[middle:])

    async def _attempt(self, deliveries: Sequence[Delivery[Any]]) -> Ending:
        assert self._work.handle_batch is not None
        batch = Batch(deliveries)
        async with asyncio.timeout(self._work.timeout_seconds):
            ending = await self._work.handle_batch(batch, self._resources)
        assert ending is not None or batch.completed, "a handler completes its batch or returns an ending"
        return ending

    async def _end_alone(self, lease: Lease, ending: Ending) -> None:
        self._count(lease, await conclude(self._pool, self._work, lease, ending))

    def _count(self, lease: Lease, ending: str) -> None:
        self.endings[ending] += 1
        log.info(
            "message_ended", job_name=lease.queue, msg_id=lease.id, attempt=lease.read_count, ending=ending
        )
