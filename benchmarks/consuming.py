"""The real consumer with all its features on, driven as the worker drives it, with a handler that writes one row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from benchmarks import effects
from orchestrator_worker.consumer import Consumer
from orchestrator_worker.ending import Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendors import Vendors
from orchestrator_worker.work import Work
from zmarty.messages import ComputeSignals, IngestIndicators, JobMessage
from zmarty.postgres import Pool
from zmarty.queue import Batch, Delivery

DRAIN_SECONDS_MAX = 120.0
STOP_SECONDS = 10.0
QUEUES: dict[str, type[JobMessage]] = {kind.queue: kind for kind in (IngestIndicators, ComputeSignals)}


@dataclass
class Countdown:
    """Set when this many deliveries have been completed: their transactions are committed."""

    left: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, completed: int = 1) -> None:
        self.left -= completed
        if self.left <= 0:
            self.reached.set()


async def drain_single(pool: Pool, queue: str, messages: int, **bounds: Any) -> float:
    """Messages per second of a handler that takes one message, over at least the first `messages` of the queue."""
    countdown = Countdown(messages)

    async def handle(delivery: Delivery[Any], resources: Resources) -> Ending:
        async with delivery.completing(resources.trading) as connection:
            await connection.execute(effects.INSERT, delivery.id)
        countdown.count()
        return None

    work: Work[Any] = Work(message=QUEUES[queue], handle=handle, **bounds)
    return await timed(pool, work, countdown, messages)


async def drain_batches(pool: Pool, queue: str, messages: int, **bounds: Any) -> float:
    """Messages per second of a handler that takes many messages and writes their effects in one statement."""
    countdown = Countdown(messages)

    async def handle(batch: Batch[Any], resources: Resources) -> Ending:
        async with batch.completing(resources.trading) as connection:
            await connection.execute(effects.INSERT_MANY, [delivery.id for delivery in batch.deliveries])
        countdown.count(len(batch.deliveries))
        return None

    work: Work[Any] = Work(message=QUEUES[queue], handle_batch=handle, **bounds)
    return await timed(pool, work, countdown, messages)


async def timed(pool: Pool, work: Work[Any], countdown: Countdown, messages: int) -> float:
    started = time.perf_counter()
    async with consuming(pool, work):
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await countdown.reached.wait()
        seconds = time.perf_counter() - started
    return (messages - countdown.left) / seconds


@asynccontextmanager
async def consuming(
    pool: Pool, work: Work[Any], wake: Callable[[Sequence[Consumer]], Any] | None = None
) -> AsyncIterator[Consumer]:
    """A consumer that runs, with the worker's own wake-up loop when `wake` gives it, and is drained at the end."""
    consumer = Consumer(work, Resources(chat=pool, trading=pool, vendors=cast(Vendors, None)))
    stopping = asyncio.Event()
    waking = asyncio.create_task(wake([consumer])) if wake else None
    running = asyncio.create_task(consumer.run(stopping))
    try:
        yield consumer
    finally:
        if waking:
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)
        stopping.set()
        await running
        await consumer.drain(STOP_SECONDS)
