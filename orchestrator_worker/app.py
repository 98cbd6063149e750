"""The worker as a whole: which message goes to which handler, and how the loops live and end together."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog

from orchestrator_worker import errors_log
from orchestrator_worker.budget import Budget
from orchestrator_worker.consumer import POLL_SECONDS, Consumer, Work
from orchestrator_worker.context import handler as context
from orchestrator_worker.heartbeat import beat
from orchestrator_worker.indicators import handler as indicators
from orchestrator_worker.liquidations import handler as liquidations
from orchestrator_worker.reconcile import handler as reconcile
from orchestrator_worker.relay.relay import Relay
from orchestrator_worker.resources import Resources
from orchestrator_worker.risk import handler as risk
from orchestrator_worker.sentiment import handler as sentiment
from orchestrator_worker.settings import WorkerSettings
from orchestrator_worker.signals import handler as signals
from orchestrator_worker.win_rates import handler as win_rates
from zmarty import queue
from zmarty.messages import (
    ComputeRisk,
    ComputeSignals,
    ComputeWinrate,
    IngestClusters,
    IngestIndicators,
    ObserveMarket,
    ObserveSentiment,
    Reconcile,
)
from zmarty.postgres import TROUBLE, Listener, Pool

log = structlog.get_logger(__name__)

REPAIR_SECONDS = 300.0
# One look each: four statements a minute for a queue.
DEAF_POLL_SECONDS = 15.0

WORK: tuple[Work[Any], ...] = (
    Work(message=IngestIndicators, handle=indicators.handle, concurrency=4, priority=1),
    Work(message=ComputeSignals, handle=signals.handle, concurrency=2, priority=2),
    Work(message=ComputeWinrate, handle=win_rates.handle, concurrency=1),
    Work(message=ObserveMarket, handle=context.handle, concurrency=1, attempts_max=context.ATTEMPTS_MAX),
    Work(
        message=ObserveSentiment, handle=sentiment.handle, concurrency=1, attempts_max=sentiment.ATTEMPTS_MAX
    ),
    Work(message=IngestClusters, handle=liquidations.handle, concurrency=2),
    Work(message=ComputeRisk, handle=risk.handle, concurrency=1),
    Work(message=Reconcile, handle=reconcile.handle, concurrency=5, attempts_max=reconcile.ATTEMPTS_MAX),
)


async def run(settings: WorkerSettings, resources: Resources, relay: Relay, stopping: asyncio.Event) -> None:
    """Consume every queue and relay the outbox until `stopping`, then drain within the shutdown delay."""
    # A message that runs wants a connection: more of them than connections would only wait for each other.
    budget = Budget(settings.trading_pool_size)
    consumers = [Consumer(work, resources, budget) for work in WORK]
    log.info(
        "worker_started", worker_id=settings.worker_id, queues=[consumer.queue for consumer in consumers]
    )
    async with asyncio.TaskGroup() as loops:
        dsn = settings.trading_database_url.get_secret_value()
        listening = loops.create_task(wake_on_notify(dsn, consumers))
        loops.create_task(keep_queues_whole(resources.trading, stopping))
        for consumer in consumers:
            loops.create_task(consumer.run(stopping))
        loops.create_task(relay.run(stopping))
        beating = asyncio.Event()
        loops.create_task(
            beat(
                resources.trading,
                consumers,
                relay,
                beating,
                worker_id=settings.worker_id,
                version=settings.commit,
            )
        )
        await stopping.wait()
        log.info("worker_draining", in_flight=sum(consumer.in_flight for consumer in consumers))
        listening.cancel()
        await asyncio.gather(*(consumer.drain(settings.shutdown_seconds) for consumer in consumers))
        beating.set()
    log.info("worker_stopped", worker_id=settings.worker_id)


async def wake_on_notify(dsn: str, consumers: Sequence[Consumer]) -> None:
    """Call the consumers whose queue was sent to. Where notifications cannot come through, they look more often."""
    by_queue = {consumer.queue: consumer for consumer in consumers}
    listener = Listener(dsn, [queue.CHANNEL], application_name="zmarty-worker-listen")
    async for change in listener.changes():
        if change is None:
            # What was said while nobody listened is lost, so everybody looks.
            for consumer in consumers:
                consumer.poll_seconds = DEAF_POLL_SECONDS if listener.deaf else POLL_SECONDS
                consumer.wake()
        elif woken := by_queue.get(change[1]):
            woken.wake()


async def keep_queues_whole(pool: Pool, stopping: asyncio.Event) -> None:
    """At the start and now and then: make again what an upgrade of pgmq took from our queues, and say so."""
    while not stopping.is_set():
        try:
            if repaired := await queue.repair(pool):
                log.error("queues_repaired", repaired=repaired)
                await errors_log.record(pool, code="queues_repaired", message="; ".join(repaired))
        except TROUBLE as error:
            log.warning("queues_not_checked", error=type(error).__name__)
        with suppress(TimeoutError):
            async with asyncio.timeout(REPAIR_SECONDS):
                await stopping.wait()
