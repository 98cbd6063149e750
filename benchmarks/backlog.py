"""What lies in a queue must not slow what is due: postponed messages, and a backlog a hundred times as long."""

from __future__ import annotations

from benchmarks import consuming, effects
from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, figure, ratio_at_least
from benchmarks.machine import describe_machine
from zmarty.messages import ComputeSignals, IngestIndicators
from zmarty.postgres import Pool

QUEUE = IngestIndicators.queue
LONG_QUEUE = ComputeSignals.queue
CONCURRENCY = 10
DRAINED = 5_000
POSTPONED = 100_000
POSTPONED_SECONDS = 86_400
SHORT = 10_000
LONG = 1_000_000


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    async with scratch_cluster("trading") as cluster:
        database = await cluster.database()
        await effects.prepare(database)
        drained, postponed = effort.of(DRAINED), effort.of(POSTPONED)
        short, long = effort.of(SHORT), effort.of(LONG)
        await effects.start_afresh(database, LONG_QUEUE, long)
        async with database.pool() as pool:
            rates = await effort.rounds(
                {
                    "clean": lambda: from_clean(database, pool, drained),
                    "postponed": lambda: behind_postponed(database, pool, drained, postponed),
                    "short": lambda: from_short(database, pool, drained, short),
                    "long": lambda: from_long(database, pool, drained, long),
                }
            )

    def row(name: str, ours: str, against: str, versus: str) -> Figure:
        return figure(
            name,
            rates[ours],
            "messages/s",
            machine=machine,
            against=versus,
            against_values=rates[against],
            target=ratio_at_least(0.8),
        )

    return [
        row(f"{postponed:,} postponed messages in the queue", "postponed", "clean", "none"),
        row(f"backlog of {long:,}", "long", "short", f"backlog of {short:,}"),
    ]


async def from_clean(database: Database, pool: Pool, drained: int) -> float:
    await effects.start_afresh(database, QUEUE, drained)
    return await rate_of(database, pool, QUEUE, drained, left=0)


async def behind_postponed(database: Database, pool: Pool, drained: int, postponed: int) -> float:
    await effects.start_afresh(database, QUEUE, postponed, delay_seconds=POSTPONED_SECONDS)
    async with database.admin() as admin:
        await effects.fill(admin, QUEUE, drained)
    return await rate_of(database, pool, QUEUE, drained, left=postponed)


async def from_short(database: Database, pool: Pool, drained: int, backlog: int) -> float:
    await effects.start_afresh(database, QUEUE, backlog)
    return await rate_of(database, pool, QUEUE, drained, left=backlog - drained)


async def from_long(database: Database, pool: Pool, drained: int, backlog: int) -> float:
    """The long backlog is filled once and topped up again, which takes its time."""
    async with database.admin() as admin:
        await admin.execute(f"truncate pgmq.a_{LONG_QUEUE}, bench.effects")
        present = await admin.fetchval(f"select count(*) from pgmq.q_{LONG_QUEUE}")
        await effects.fill(admin, LONG_QUEUE, backlog - present)
        await admin.execute("checkpoint")
    return await rate_of(database, pool, LONG_QUEUE, drained, left=backlog - drained)


async def rate_of(database: Database, pool: Pool, queue: str, drained: int, *, left: int) -> float:
    """Messages per second over at least the first `drained`; what was leased beyond them is done, too."""
    rate = await consuming.drain_single(pool, queue, drained, concurrency=CONCURRENCY)
    async with database.admin() as admin:
        done = await admin.fetchval("select count(*) from bench.effects")
        await effects.check_effects(admin, done)
        await effects.check_archived(admin, queue, done, left=left + drained - done)
    return rate
