"""Measures the system's vitals: both databases side by side, each with a deadline, and what the background knows."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from orchestrator_api.health import store
from orchestrator_api.health.vitals import (
    CronRun,
    Database,
    Health,
    Outbox,
    Provider,
    Queue,
    SignIn,
    Worker,
    cron_troubles,
    database_troubles,
    horizon_troubles,
    outbox_troubles,
    provider_troubles,
    queue_troubles,
    verdict,
    worker_troubles,
)
from orchestrator_api.resources import Resources
from zmarty.postgres import TROUBLE, Connection, Pool

log = structlog.get_logger(__name__)

DATABASE_SECONDS_MAX = 3.0
# Anybody may ask: however often they do, the databases are asked about once a second.
ANSWER_KEPT_SECONDS = 1.0

Findings = TypeVar("Findings")


@dataclass(frozen=True, slots=True)
class ChatFindings:
    outbox: Outbox
    cron: list[CronRun]


@dataclass(frozen=True, slots=True)
class TradingFindings:
    queues: list[Queue]
    workers: list[Worker]
    cron: list[CronRun]
    horizon_age_seconds: float | None


class Checkup:
    """Takes the vitals and remembers them for a moment; callers at the same time share one look."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self._taken_at = 0.0
        self._newest: Health | None = None
        self._looking = asyncio.Lock()

    async def health(self, resources: Resources) -> Health:
        async with self._looking:
            if self._newest is None or time.monotonic() - self._taken_at > ANSWER_KEPT_SECONDS:
                self._newest = await self._look(resources)
                self._taken_at = time.monotonic()
            return self._newest

    async def _look(self, resources: Resources) -> Health:
        (chat_database, chat), (trading_database, trading) = await asyncio.gather(
            _ask("chat", resources.chat, _chat_findings),
            _ask("trading", resources.trading, _trading_findings),
        )
        databases = {"chat": chat_database, "trading": trading_database}
        providers = {
            name: Provider(
                status=finding.state,
                latency_ms=finding.latency_ms,
                checked_at=finding.checked_at,
                reason=finding.reason,
            )
            for name, finding in resources.probes.findings.items()
        }
        keys_age_seconds = resources.keys.age_seconds
        up_seconds = time.monotonic() - self._started_at
        cron = [*(chat.cron if chat else ()), *(trading.cron if trading else ())]
        reasons = [
            *database_troubles(databases),
            *provider_troubles(providers),
            *(
                ()
                if keys_age_seconds is not None
                else ("the keys of the auth server could not be fetched yet",)
            ),
            *(outbox_troubles(chat.outbox) if chat else ()),
            *(queue_troubles(trading.queues) if trading else ()),
            *(worker_troubles(trading.workers) if trading else ()),
            *(horizon_troubles(trading.horizon_age_seconds) if trading else ()),
            *cron_troubles(cron, up_seconds=up_seconds),
        ]
        return Health(
            status=verdict(databases, reasons),
            reasons=reasons,
            commit=resources.commit,
            checked_at=datetime.now(UTC),
            up_seconds=round(up_seconds, 1),
            databases=databases,
            sign_in=SignIn(
                status="down" if keys_age_seconds is None else "healthy", keys_age_seconds=keys_age_seconds
            ),
            providers=providers,
            queues=trading.queues if trading else [],
            workers=trading.workers if trading else [],
            cron=cron,
            horizon_age_seconds=trading.horizon_age_seconds if trading else None,
            outbox=chat.outbox if chat else None,
        )


async def _ask(
    name: str, pool: Pool, find: Callable[[Connection], Awaitable[Findings]]
) -> tuple[Database, Findings | None]:
    latency_ms: float | None = None
    findings: Findings | None = None
    reason: str | None = None
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX), pool.acquire() as connection:
            started = time.perf_counter()
            await connection.execute("select 1")
            latency_ms = round((time.perf_counter() - started) * 1000, 2)
            findings = await find(connection)
    except TROUBLE as error:
        log.warning("database_probe_failed", database=name, error=type(error).__name__)
        reason = type(error).__name__
    database = Database(
        status="healthy" if findings is not None else "down",
        latency_ms=latency_ms,
        connections_open=pool.get_size(),
        connections_idle=pool.get_idle_size(),
        connections_max=pool.get_max_size(),
        reason=reason,
    )
    return database, findings


async def _chat_findings(connection: Connection) -> ChatFindings:
    return ChatFindings(
        outbox=await store.outbox(connection), cron=await store.cron(connection, "chat", runs=1)
    )


async def _trading_findings(connection: Connection) -> TradingFindings:
    return TradingFindings(
        queues=await store.queues(connection),
        workers=await store.workers(connection),
        cron=await store.cron(connection, "trading", runs=1),
        horizon_age_seconds=await store.horizon_age(connection),
    )
