"""The worker as a whole: which message goes to which handler, and how the loops live and end together."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from orchestrator_worker.consumer import Consumer, Work
from orchestrator_worker.heartbeat import beat
from orchestrator_worker.indicators import handler as indicators
from orchestrator_worker.relay.relay import Relay
from orchestrator_worker.resources import Resources
from orchestrator_worker.settings import WorkerSettings
from orchestrator_worker.signals import handler as signals
from orchestrator_worker.win_rates import handler as win_rates
from zmarty.messages import ComputeSignals, ComputeWinrate, IngestIndicators
from zmarty.postgres import Listener
from zmarty.queue import CHANNEL

log = structlog.get_logger(__name__)

WORK: tuple[Work[Any], ...] = (
    Work(message=IngestIndicators, handle=indicators.handle, concurrency=4),
    Work(message=ComputeSignals, handle=signals.handle, concurrency=2),
    Work(message=ComputeWinrate, handle=win_rates.handle, concurrency=1),
)


async def run(settings: WorkerSettings, resources: Resources, relay: Relay, stopping: asyncio.Event) -> None:
    """Consume every queue and relay the outbox until `stopping`, then drain within the shutdown delay."""
    consumers = [Consumer(work, resources) for work in WORK]
    log.info(
        "worker_started", worker_id=settings.worker_id, queues=[consumer.queue for consumer in consumers]
    )
    async with asyncio.TaskGroup() as loops:
        listening = loops.create_task(_wake_on_notify(settings, consumers))
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


async def _wake_on_notify(settings: WorkerSettings, consumers: Sequence[Consumer]) -> None:
    by_queue = {consumer.queue: consumer for consumer in consumers}
    listener = Listener(
        settings.trading_database_url.get_secret_value(), [CHANNEL], application_name="zmarty-worker-listen"
    )
    async for change in listener.changes():
        # None: the connection is new and what was said meanwhile is lost, so everybody looks.
        woken = [by_queue[change[1]]] if change and change[1] in by_queue else consumers
        for consumer in woken:
            consumer.wake()
