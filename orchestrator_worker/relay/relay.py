"""The worker's second loop: outbox rows of the chat database become signed webhooks, in order per user, none lost."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import structlog

from orchestrator_worker.relay import store
from orchestrator_worker.relay.store import Event
from orchestrator_worker.relay.webhook import REQUEST_SECONDS, Delivered, Failed, Refused, Webhook
from zmarty.backoff import full_jitter
from zmarty.postgres import Listener, Pool

log = structlog.get_logger(__name__)

CHANNEL = "zmarty_outbox"
# Also the pause when a due row is locked by somebody who is no relay.
DUE_MARGIN_SECONDS = 0.02
# After these the user queues up again behind whoever waits longer.
ROWS_IN_A_ROW_MAX = 50
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a relay may take and how long it waits."""

    users_at_once: int = 8
    request_seconds: float = REQUEST_SECONDS
    # Far beyond a request and its mark, so that a claim ends by itself only where its relay died.
    lease_seconds: float = 30.0
    poll_seconds: float = 15.0
    backoff_base_seconds: float = 0.5
    backoff_cap_seconds: float = 60.0
    # Almost two days of a function that is down; a parked row is not lost, but it needs a person or the reconcile.
    attempts_max: int = 5_000


class Relay:
    """Any number of relays may run: a row is claimed by one of them, and a user has at most one row in flight."""

    def __init__(
        self,
        pool: Pool,
        *,
        listen_dsn: str,
        url: str,
        secrets: Sequence[str],
        worker_id: str,
        bounds: Bounds | None = None,
    ) -> None:
        self._pool = pool
        self._bounds = bounds or Bounds()
        self._listener = Listener(listen_dsn, [CHANNEL], application_name=f"relay {worker_id}")
        self._webhook = Webhook(
            url,
            secrets,
            connections_max=self._bounds.users_at_once,
            request_seconds=self._bounds.request_seconds,
        )
        # A restarted worker has the same name, but must not pass for the one that claimed.
        self._id = f"{worker_id}:{uuid4().hex[:8]}"
        self._wake = asyncio.Event()
        self._draining = False
        self._running: set[asyncio.Task[None]] = set()
        self.progressed_at = datetime.now(UTC)

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping`, then finish what is in flight. A database that is away is waited for."""
        wakers = [asyncio.create_task(self._listen()), asyncio.create_task(self._wake_at_end(stopping))]
        troubles = 0
        try:
            while not stopping.is_set():
                self.progressed_at = datetime.now(UTC)
                self._wake.clear()
                try:
                    waiting_seconds = await self._start_due()
                    troubles = 0
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                    troubles += 1
                    log.error("outbox_unreachable", error=type(error).__name__, times=troubles)
                    waiting_seconds = TROUBLE_BASE_SECONDS + full_jitter(
                        troubles,
                        base_seconds=TROUBLE_BASE_SECONDS,
                        cap_seconds=TROUBLE_CAP_SECONDS,
                        random=random.random,
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), waiting_seconds)
        finally:
            self._draining = True
            for waker in wakers:
                waker.cancel()
            # Bounded by the deadline of a request; a row cut off here would wait for its claim to end.
            await asyncio.gather(*wakers, *self._running, return_exceptions=True)
            await self._webhook.close()

    async def _start_due(self) -> float:
        """Start what may start now; return how long nothing else will be due, should nobody wake us."""
        free = self._bounds.users_at_once - len(self._running)
        if free == 0:
            return self._bounds.poll_seconds  # whoever ends first wakes us
        async with self._pool.acquire() as connection, connection.transaction():
            await store.take_turn(connection)
            events = await store.claim(
                connection, relay_id=self._id, lease_seconds=self._bounds.lease_seconds, limit=free
            )
        for event in events:
            task = asyncio.create_task(self._relay(event))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(events) == free:
            return self._bounds.poll_seconds
        due_seconds = await store.seconds_until_due(self._pool)
        if due_seconds is None:
            return self._bounds.poll_seconds
        return min(self._bounds.poll_seconds, max(due_seconds, 0.0) + DUE_MARGIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # A place is free, and the user's next row is now the oldest.
        self._wake.set()

    async def _relay(self, event: Event) -> None:
        """Send a row, and the user's rows after it while they succeed: a long backlog is not searched for each of them."""
        following: Event | None = event
        for rows_left in reversed(range(ROWS_IN_A_ROW_MAX)):
            if following is None:
                return
            with structlog.contextvars.bound_contextvars(outbox_id=following.id, attempt=following.attempts):
                try:
                    following = await self._send(following, rows_left)
                except Exception:
                    # The claim runs out and the row is sent again, which the function answers with duplicate.
                    log.exception("relay_broke_off")
                    return

    async def _send(self, event: Event, rows_left: int) -> Event | None:
        started = time.monotonic()
        answer = await self._webhook.send(event.id, event.payload)
        duration_ms = round((time.monotonic() - started) * 1000, 1)
        match answer:
            case Delivered(result):
                return await self._deliver(event, result, duration_ms, rows_left)
            case Refused(error):
                await self._park(event, error, duration_ms)
            case Failed(error) if event.attempts >= self._bounds.attempts_max:
                await self._park(event, f"gave up after {event.attempts} attempts: {error}", duration_ms)
            case Failed(error, alarming):
                await self._postpone(event, error, duration_ms, alarming=alarming)
        return None

    async def _deliver(self, event: Event, result: str, duration_ms: float, rows_left: int) -> Event | None:
        following: Event | None = None
        async with self._pool.acquire() as connection, connection.transaction():
            delivered = await store.mark_delivered(connection, event, relay_id=self._id)
            if delivered and rows_left > 0 and not self._draining:
                following = await store.claim_following(
                    connection, event, relay_id=self._id, lease_seconds=self._bounds.lease_seconds
                )
        if delivered:
            log.info("relay_delivered", duration_ms=duration_ms, result=result)
        return following

    async def _park(self, event: Event, error: str, duration_ms: float) -> None:
        if await store.park(self._pool, event, relay_id=self._id, error=error):
            log.error("relay_parked", duration_ms=duration_ms, error=error)

    async def _postpone(self, event: Event, error: str, duration_ms: float, *, alarming: bool) -> None:
        seconds = full_jitter(
            event.attempts,
            base_seconds=self._bounds.backoff_base_seconds,
            cap_seconds=self._bounds.backoff_cap_seconds,
            random=random.random,
        )
        if await store.postpone(self._pool, event, relay_id=self._id, seconds=seconds, error=error):
            write = log.error if alarming else log.warning
            write("relay_postponed", duration_ms=duration_ms, error=error, seconds=round(seconds, 3))

    async def _listen(self) -> None:
        async for _ in self._listener.changes():
            self._wake.set()

    async def _wake_at_end(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._wake.set()
