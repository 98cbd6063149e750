"""The worker's pulse in the database: alive, getting on, and what it has done. Workers receive no traffic on Render."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from orchestrator_worker.consumer import Consumer
from orchestrator_worker.relay.relay import Relay
from zmarty import sql
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

BEAT_SECONDS = 10.0

_SQL = sql.load(__package__)


async def beat(
    pool: Pool,
    consumers: Sequence[Consumer],
    relay: Relay,
    stopping: asyncio.Event,
    *,
    worker_id: str,
    version: str,
) -> None:
    """Write this worker's row every BEAT_SECONDS until `stopping`, then remove it."""
    started_at = datetime.now(UTC)
    while not stopping.is_set():
        # The slowest loop speaks for the worker: one that stalls must not hide behind the others.
        progressed_at = min(relay.progressed_at, *(consumer.progressed_at for consumer in consumers))
        try:
            await pool.execute(
                _SQL["beat"], worker_id, started_at, progressed_at, version, _metrics(consumers)
            )
        except TROUBLE as error:
            log.warning("heartbeat_missed", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), BEAT_SECONDS)
    with suppress(*TROUBLE):
        await pool.execute(_SQL["leave"], worker_id)


def _metrics(consumers: Sequence[Consumer]) -> dict[str, Any]:
    return {
        consumer.queue: {"in_flight": consumer.in_flight, **consumer.tally.report()} for consumer in consumers
    }
