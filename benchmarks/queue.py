"""How fast queues are drained: the real consumer against pgmq's own functions and against other Python queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from benchmarks import consuming, effects, peers, pgbench
from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Contestant, Effort
from benchmarks.figures import Figure, Target, figure, ratio_at_least
from benchmarks.machine import describe_machine
from benchmarks.peers import Peer
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool

QUEUE = IngestIndicators.queue
CONCURRENT = 10
SINGLES = 5_000
JOBS_OF_PEERS = {"pgqueuer": 10_000, "procrastinate": 1_500}
BATCHED = 40_000
BATCH_RAW = 100
TEN = 10

RAW_SINGLE = f"select pgmq.archive('{QUEUE}'::text, msg_id) from pgmq.read('{QUEUE}'::text, 30, 1)"
RAW_BATCH = f"select pgmq.archive('{QUEUE}'::text, array(select msg_id from pgmq.read('{QUEUE}'::text, 30, {BATCH_RAW})))"


async def run(effort: Effort) -> list[Figure]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(scratch_cluster("trading"))
        database = await cluster.database()
        await effects.prepare(database)
        pool = await stack.enter_async_context(database.pool())
        found = {
            name: await stack.enter_async_context(peers.opened(name, cluster))
            for name in peers.NAMES
            if name not in peers.missing()
        }
        singles, batched = effort.of(SINGLES), whole(effort.of(BATCHED))
        rates = await effort.rounds(
            {
                "raw": lambda: raw(database, RAW_SINGLE, singles, each=1),
                "single": lambda: single(database, pool, singles),
                "one by one": lambda: single(database, pool, singles, concurrency=1),
                "ten at once": lambda: single(database, pool, singles, concurrency=CONCURRENT),
                "ten at once, ten times": lambda: single(
                    database, pool, TEN * singles, concurrency=CONCURRENT
                ),
                **{name: of_peer(peer, effort.of(JOBS_OF_PEERS[name])) for name, peer in found.items()},
                "raw batches": lambda: raw(database, RAW_BATCH, batched, each=BATCH_RAW),
                "batches of 100": lambda: batches(database, pool, batched, batch=100),
                "batches of 50": lambda: batches(database, pool, batched, batch=50),
                "batches of 100, ten times": lambda: batches(database, pool, TEN * batched, batch=100),
            }
        )
    return figures_of(rates, found, singles=singles, batched=batched)


def figures_of(
    rates: Mapping[str, Sequence[float]], found: Iterable[str], *, singles: int, batched: int
) -> list[Figure]:
    machine = describe_machine()

    def row(name: str, ours: str, against: str, versus: str, target: Target | None = None) -> Figure:
        return figure(
            name,
            rates[ours],
            "messages/s",
            machine=machine,
            against=versus,
            against_values=rates[against],
            target=target,
        )

    bounds = {"pgqueuer": ratio_at_least(1.3), "procrastinate": ratio_at_least(8.0)}
    raw_batches = f"pgmq.read + pgmq.archive of {BATCH_RAW}"
    return [
        row("batch handler, 100 a batch", "batches of 100", "raw batches", raw_batches, ratio_at_least(0.8)),
        row("batch handler, 50 a batch", "batches of 50", "raw batches", raw_batches, ratio_at_least(0.6)),
        row(
            "single handlers, four at once", "single", "raw", "pgmq.read + pgmq.archive", ratio_at_least(1.2)
        ),
        row(
            "single handler, one after the other, a transaction each",
            "one by one",
            "raw",
            "pgmq.read + pgmq.archive",
        ),
        *(
            row(f"ten concurrent single handlers vs {name}", "ten at once", name, name, bounds[name])
            for name in found
        ),
        row(
            f"{TEN * batched:,} messages in batches",
            "batches of 100, ten times",
            "batches of 100",
            f"{batched:,} messages",
        ),
        row(
            f"{TEN * singles:,} messages, ten handlers",
            "ten at once, ten times",
            "ten at once",
            f"{singles:,} messages",
        ),
    ]


def whole(messages: int) -> int:
    """As many messages as fill the last batch, too."""
    return max(BATCH_RAW, messages - messages % BATCH_RAW)


async def raw(database: Database, statement: str, messages: int, *, each: int) -> float:
    """Messages per second of pgmq's own functions, one client without any Python, no effect and no log."""
    await effects.start_afresh(database, QUEUE, messages)
    rate = each * await pgbench.transactions_per_second(database, statement, transactions=messages // each)
    async with database.admin() as admin:
        await effects.check_archived(admin, QUEUE, messages)
    return rate


async def single(database: Database, pool: Pool, messages: int, **bounds: Any) -> float:
    await effects.start_afresh(database, QUEUE, messages)
    rate = await consuming.drain_single(pool, QUEUE, messages, **bounds)
    await effects.check_drained(pool, QUEUE, messages)
    return rate


async def batches(database: Database, pool: Pool, messages: int, *, batch: int) -> float:
    await effects.start_afresh(database, QUEUE, messages)
    rate = await consuming.drain_batches(pool, QUEUE, messages, batch=batch)
    await effects.check_drained(pool, QUEUE, messages)
    return rate


def of_peer(peer: Peer, jobs: int) -> Contestant:
    async def filled_and_drained() -> float:
        await peer.fill(jobs)
        return await peer.drain(jobs)

    return filled_and_drained
