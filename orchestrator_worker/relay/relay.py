"""The worker's second loop: outbox rows of the chat database become signed webhooks, in order per user, none lost."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from orchestrator_worker.relay import store
from orchestrator_worker.relay.batch import Batch, Event, pack
from orchestrator_worker.relay.webhook import (
    REQUEST_SECONDS,
    Answer,
    Delivered,
    Failed,
    Refused,
    Webhook,
    beside,
)
from zmarty.backoff import full_jitter
from zmarty.postgres import TROUBLE, Listener, Pool

log = structlog.get_logger(__name__)

CHANNEL = "zmarty_outbox"
# Also the pause when a due row is locked by somebody who is no relay.
DUE_MARGIN_SECONDS = 0.02
REFERENCES_FUNCTION = "user-references-upsert"
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a relay may take and how long it waits."""

    requests_at_once: int = 8
    # Half of what the function takes: it has a second for all of them.
    batch_events_max: int = 50
    batch_bytes_max: int = 60_000
    request_seconds: float = REQUEST_SECONDS
    # Far beyond a request and its mark, so that a claim ends by itself only where its relay died.
    lease_seconds: float = 30.0
    poll_seconds: float = 15.0
    backoff_base_seconds: float = 0.5
    backoff_cap_seconds: float = 60.0
    # Almost two days of a function that is down; a parked row is not lost, but it needs a person or the reconcile.
    attempts_max: int = 5_000


class Relay:
    """Any number of relays may run: a row is claimed by one of them, and a user is in at most one request at a time."""

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
        self._watchers = self._webhook(url, secrets)
        self._references = self._webhook(beside(url, REFERENCES_FUNCTION), secrets)
        # A restarted worker has the same name, but must not pass for the one that claimed.
        self._id = f"{worker_id}:{uuid4().hex[:8]}"
        self._claims = itertools.count(1)
        self._events_max = self._bounds.batch_events_max
        self._has_backlog = False
        self._wake = asyncio.Event()
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
                except TROUBLE as error:
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
            for waker in wakers:
                waker.cancel()
            # Bounded by the deadline of a request; rows cut off here would wait for their claim to end.
            await asyncio.gather(*wakers, *self._running, return_exceptions=True)
            await self._watchers.close()
            await self._references.close()

    def _webhook(self, url: str, secrets: Sequence[str]) -> Webhook:
        return Webhook(
            url,
            secrets,
            connections_max=self._bounds.requests_at_once,
            request_seconds=self._bounds.request_seconds,
        )

    async def _start_due(self) -> float:
        """Start what may start now; return how long nothing else will be due, should nobody wake us."""
        free = self._bounds.requests_at_once - len(self._running)
        # A claim walks over all open rows: in a backlog one for several requests at once.
        if free == 0 or (self._has_backlog and free < self._bounds.requests_at_once // 2):
            return self._bounds.poll_seconds  # whoever ends next wakes us
        claim_id = f"{self._id}/{next(self._claims)}"
        rows_max = free * self._events_max
        async with self._pool.acquire() as connection, connection.transaction():
            await store.take_turn(connection)
            events = await store.claim(
                connection,
                claim_id=claim_id,
                lease_seconds=self._bounds.lease_seconds,
                rows_max=rows_max,
                rows_of_user_max=self._events_max,
            )
            batches, left = pack(
                events,
                batches_max=free,
                events_max=self._events_max,
                bytes_max=self._bounds.batch_bytes_max,
            )
            if left:
                await store.hand_back(connection, left, claim_id=claim_id)
        self._has_backlog = len(events) == rows_max > self._bounds.requests_at_once
        for batch in batches:
            task = asyncio.create_task(self._relay(claim_id, batch))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(batches) == free:
            return self._bounds.poll_seconds
        if self._has_backlog:
            return 0.0
        due_seconds = await store.seconds_until_due(self._pool)
        if due_seconds is None:
            return self._bounds.poll_seconds
        return min(self._bounds.poll_seconds, max(due_seconds, 0.0) + DUE_MARGIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # A place is free, and its users' next rows are now the oldest.
        self._wake.set()

    async def _relay(self, claim_id: str, batch: Batch) -> None:
        first = batch.events[0]
        with structlog.contextvars.bound_contextvars(
            outbox_id=first.id, events=len(batch.events), attempt=first.attempts
        ):
            try:
                await self._send(claim_id, batch)
            except Exception:
                # The claim runs out and the rows are sent again, which the function answers with duplicate.
                log.exception("relay_broke_off")

    async def _send(self, claim_id: str, batch: Batch) -> None:
        started = time.monotonic()
        # What no function is known for goes to the first one, which names what it does not take.
        webhook = self._references if batch.table == "user_references" else self._watchers
        answers = await webhook.send(batch.events)
        duration_ms = round((time.monotonic() - started) * 1000, 1)
        self._adapt(batch, answers)
        give_up_at = time.monotonic() + self._bounds.lease_seconds / 2
        while True:
            try:
                return await self._record(claim_id, batch, answers, duration_ms)
            except TROUBLE:
                if time.monotonic() >= give_up_at:
                    raise
            # We know the answers and the claim is ours: a database that restarts must not cost the users its whole length.
            await asyncio.sleep(TROUBLE_BASE_SECONDS)

    async def _record(
        self, claim_id: str, batch: Batch, answers: Sequence[Answer], duration_ms: float
    ) -> None:
        """Mark each row by its answer. Fenced by the claim, so that it may be repeated."""
        answered = list(zip(batch.events, answers, strict=True))
        delivered = [(event, answer.result) for event, answer in answered if isinstance(answer, Delivered)]
        if delivered:
            events, results = zip(*delivered, strict=True)
            await store.mark_delivered(self._pool, events, claim_id=claim_id)
            log.info("relay_delivered", duration_ms=duration_ms, **Counter(results))
        failed: dict[Failed, list[Event]] = {}
        for event, answer in answered:
            match answer:
                case Refused(error):
                    await self._park(claim_id, event, error)
                case Failed(error) if event.attempts >= self._bounds.attempts_max:
                    await self._park(claim_id, event, f"gave up after {event.attempts} attempts: {error}")
                case Failed():
                    failed.setdefault(answer, []).append(event)
        for answer, postponed in failed.items():
            await self._postpone(claim_id, postponed, answer, duration_ms)

    def _adapt(self, batch: Batch, answers: Sequence[Answer]) -> None:
        """Whatever makes batches fail as a whole, such as a slow database, smaller ones may get through."""
        if isinstance(answers[0], Failed):
            self._events_max = max(1, min(self._events_max, len(batch.events)) // 2)
        else:
            self._events_max = min(self._bounds.batch_events_max, self._events_max * 2)

    async def _park(self, claim_id: str, event: Event, error: str) -> None:
        if await store.park(self._pool, event, claim_id=claim_id, error=error):
            log.error("relay_parked", outbox_id=event.id, error=error)

    async def _postpone(
        self, claim_id: str, events: Sequence[Event], failed: Failed, duration_ms: float
    ) -> None:
        seconds = full_jitter(
            max(event.attempts for event in events),
            base_seconds=self._bounds.backoff_base_seconds,
            cap_seconds=self._bounds.backoff_cap_seconds,
            random=random.random,
        )
        if await store.postpone(self._pool, events, claim_id=claim_id, seconds=seconds, error=failed.error):
            write = log.error if failed.alarming else log.warning
            write("relay_postponed", duration_ms=duration_ms, error=failed.error, seconds=round(seconds, 3))

    async def _listen(self) -> None:
        async for _ in self._listener.changes():
            self._wake.set()

    async def _wake_at_end(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._wake.set()
