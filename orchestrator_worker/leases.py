"""The leases that a consumer holds, started or not: renewed together by one task, given up together at the end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from orchestrator_worker.tally import Tally
from zmarty import queue
from zmarty.postgres import TROUBLE, Pool
from zmarty.queue import Lease

log = structlog.get_logger(__name__)

# Leases that come due within this share of each other are renewed by one statement.
TOGETHER_SHARE = 1 / 12


class Leases:
    """Keeps leases alive at a third of their time. `lost` is told of each that another worker has taken over."""

    def __init__(self, pool: Pool, seconds: float, tally: Tally, lost: Callable[[Lease], None]) -> None:
        self._pool = pool
        self._seconds = seconds
        self._tally = tally
        self._lost = lost
        # In the order in which they come due: new and renewed ones stand at the end.
        self._renew_at: dict[Lease, float] = {}
        self._waiting: deque[Lease] = deque()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def unstarted(self) -> int:
        return len(self._waiting)

    def add(self, leases: list[Lease], leased_at: float) -> None:
        """Hold leases that were asked for at `leased_at`, on the monotonic clock."""
        renew_at = leased_at + self._seconds / 3
        self._renew_at.update(dict.fromkeys(leases, renew_at))
        self._waiting.extend(leases)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    def start(self, quantity: int) -> list[Lease]:
        """The next unstarted ones, oldest first."""
        return [self._waiting.popleft() for _ in range(min(quantity, len(self._waiting)))]

    def drop(self, lease: Lease) -> None:
        """Its message has ended."""
        self._renew_at.pop(lease, None)

    async def hand_back(self) -> None:
        """Give back what has not been started, for other workers to take at once."""
        unstarted = self.start(len(self._waiting))
        for lease in unstarted:
            self.drop(lease)
        # If the database is away now, the leases end by themselves.
        with suppress(*TROUBLE):
            await queue.hand_back(self._pool, unstarted)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        while True:
            first = next(iter(self._renew_at.values()), None)
            now = time.monotonic()
            # What is added while we sleep comes due a third of a lease later.
            await asyncio.sleep(self._seconds / 3 if first is None else max(first - now, self._seconds / 100))
            soon = time.monotonic() + self._seconds * TOGETHER_SHARE
            # Whoever completes has locked the row: nobody can take it, and renewing would wait for the commit.
            due = [lease for lease, at in self._renew_at.items() if at <= soon and not lease.ending]
            if due:
                await self._renew(due)

    async def _renew(self, due: list[Lease]) -> None:
        asked_at = time.monotonic()
        try:
            held = await queue.renew_all(self._pool, due, seconds=self._seconds)
        except TROUBLE as error:
            # Asked again soon; if that fails too, the fence keeps a late completion from writing.
            log.warning(
                "leases_not_renewed", job_name=due[0].queue, leases=len(due), error=type(error).__name__
            )
            held, asked_at = {lease.id for lease in due}, asked_at - self._seconds / 4
        else:
            self._tally.leases_renewed += len(held)
        for lease in due:
            if self._renew_at.pop(lease, None) is None or lease.ending:
                continue  # ended meanwhile
            if lease.id in held:
                self._renew_at[lease] = asked_at + self._seconds / 3
            else:
                self._tally.leases_lost += 1
                with suppress(ValueError):
                    self._waiting.remove(lease)
                log.warning("lease_lost", job_name=lease.queue, msg_id=lease.id)
                self._lost(lease)
