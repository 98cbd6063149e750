"""procrastinate: psycopg pool, ten jobs at once, finished jobs deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from benchmarks import effects
from benchmarks.databases import POOL_SIZE, Database
from benchmarks.figures import Incorrect
from benchmarks.peers import DRAIN_SECONDS_MAX

CONCURRENCY = 10
FILL_BATCH = 1_000
# Besides the handlers' own: the listener and the worker's fetches.
POOL_SPARE = 2
INSERT = "insert into bench.effects (job) values (%s)"


@dataclass
class ProcrastinatePeer:
    database: Database
    app: App
    pool: AsyncConnectionPool
    on_job: Callable[[int], None] | None = None
    writes: bool = True

    def __post_init__(self) -> None:
        async def bench(number: int) -> None:
            if self.on_job and not self.writes:
                self.on_job(number)
                return
            async with self.pool.connection() as connection:
                await connection.execute(INSERT, (number,))
            if self.on_job:
                self.on_job(number)

        self.task = self.app.task(name="bench")(bench)

    async def fill(self, jobs: int) -> None:
        async with self.database.admin() as admin:
            await admin.execute("truncate procrastinate_jobs cascade; truncate bench.effects")
            for first in range(0, jobs, FILL_BATCH):
                await self.task.batch_defer_async(
                    *({"number": number} for number in range(first, min(first + FILL_BATCH, jobs)))
                )
            await admin.execute("vacuum analyze procrastinate_jobs")
            await admin.execute("checkpoint")

    async def drain(self, jobs: int) -> float:
        done = 0
        ended = 0.0

        def count(_: int) -> None:
            nonlocal done, ended
            done += 1
            ended = time.perf_counter()

        self.on_job, self.writes = count, True
        started = time.perf_counter()
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await self.app.run_worker_async(
                wait=False, concurrency=CONCURRENCY, delete_jobs="successful", install_signal_handlers=False
            )
        async with self.database.admin() as admin:
            await effects.check_effects(admin, jobs)
            if left := await admin.fetchval("select count(*) from procrastinate_jobs"):
                raise Incorrect(f"procrastinate left {left} of {jobs} jobs")
        return jobs / (ended - started)

    @asynccontextmanager
    async def listening(self, started: Callable[[], None]) -> AsyncIterator[None]:
        self.on_job, self.writes = (lambda _: started()), False
        running = asyncio.create_task(
            self.app.run_worker_async(
                concurrency=CONCURRENCY, delete_jobs="successful", install_signal_handlers=False
            )
        )
        try:
            yield
        finally:
            # Its documented way to stop a worker that runs as a task.
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def send(self) -> None:
        await self.task.defer_async(number=0)


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[ProcrastinatePeer]:
    dsn = database.dsn("postgres")
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=POOL_SIZE, max_size=POOL_SIZE + POOL_SPARE))
    async with app.open_async(), AsyncConnectionPool(dsn, min_size=POOL_SIZE, open=False) as pool:
        await app.schema_manager.apply_schema_async()
        yield ProcrastinatePeer(database, app, pool)
