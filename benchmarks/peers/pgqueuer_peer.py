"""pgqueuer: asyncpg pool, large dequeue batches, buffered completion, ten handlers' worth of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

from benchmarks import effects
from benchmarks.databases import Database
from benchmarks.figures import Incorrect
from benchmarks.peers import DRAIN_SECONDS_MAX
from zmarty.postgres import Pool

ENTRYPOINT = "bench"
FILL_BATCH = 1_000
# Tried from 10 to 500; beyond this it gets no faster.
BATCH_SIZE = 100
STOP_SECONDS = 10.0


@dataclass
class PgqueuerPeer:
    database: Database
    pool: Pool
    queries: Queries = field(init=False)

    def __post_init__(self) -> None:
        self.queries = Queries.from_asyncpg_pool(self.pool)

    async def fill(self, jobs: int) -> None:
        async with self.database.admin() as admin:
            await admin.execute("truncate pgqueuer, pgqueuer_log, bench.effects")
            for first in range(0, jobs, FILL_BATCH):
                numbers = range(first, min(first + FILL_BATCH, jobs))
                await self.queries.enqueue(
                    [ENTRYPOINT] * len(numbers),
                    [str(number).encode() for number in numbers],
                    [0] * len(numbers),
                )
            await admin.execute("vacuum analyze pgqueuer")
            await admin.execute("checkpoint")

    async def drain(self, jobs: int) -> float:
        queuer = PgQueuer.from_asyncpg_pool(self.pool)
        done = 0
        ended = 0.0

        async def handle(job: Job) -> None:
            nonlocal done, ended
            await self.pool.execute(effects.INSERT, int(job.payload))
            done += 1
            ended = time.perf_counter()

        queuer.entrypoint(ENTRYPOINT)(handle)
        started = time.perf_counter()
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await queuer.run(batch_size=BATCH_SIZE, mode=QueueExecutionMode.drain)
        await effects.check_effects(self.pool, jobs)
        if left := await self.pool.fetchval("select count(*) from pgqueuer"):
            raise Incorrect(f"pgqueuer left {left} of {jobs} jobs")
        return jobs / (ended - started)

    @asynccontextmanager
    async def listening(self, started: Callable[[], None]) -> AsyncIterator[None]:
        queuer = PgQueuer.from_asyncpg_pool(self.pool)

        async def handle(_: Job) -> None:
            started()

        queuer.entrypoint(ENTRYPOINT)(handle)
        running = asyncio.create_task(queuer.run())
        try:
            yield
        finally:
            queuer.shutdown.set()
            await asyncio.wait_for(running, STOP_SECONDS)

    async def send(self) -> None:
        await self.queries.enqueue(ENTRYPOINT, b"0")


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[PgqueuerPeer]:
    async with database.pool("postgres", name="pgqueuer") as pool:
        peer = PgqueuerPeer(database, pool)
        await peer.queries.install()
        yield peer
