"""How soon an idle worker starts what was just sent, what that costs the sender, and how long a lost LISTEN hurts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import asyncpg

from benchmarks import consuming, effects, peers, pgbench
from benchmarks.databases import Database, ScratchCluster, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import (
    Figure,
    Incorrect,
    figure,
    percentile,
    ratio_at_least,
    ratio_at_most,
    value_at_most,
)
from benchmarks.machine import describe_machine
from orchestrator_worker import app
from orchestrator_worker.ending import Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.work import Work
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import CHANNEL, Delivery

QUEUE = IngestIndicators.queue
MESSAGE = IngestIndicators(symbol=Symbol("BTC/USDT"), timeframe=Timeframe.HOUR_1)
SAMPLES = 100
START_SECONDS_MAX = 10.0
# Long enough for everybody to be at rest again.
PAUSE_SECONDS = (0.02, 0.06)
SETTLE_SECONDS = 0.5
KILLS = 3
LISTEN_NAME = "zmarty-worker-listen"

# As many as two services have connections in a hurry; fewer hide that NOTIFY makes commits wait for each other.
SENDERS = 8
SINGLES = 8_000
BATCHES = 1_600
BATCH = 100
SEND_SINGLE = f"select pgmq.send('{QUEUE}'::text, '{effects.BODY}'::jsonb)"
SEND_BATCH = f"select count(*) from pgmq.send_batch('{QUEUE}'::text, array_fill('{effects.BODY}'::jsonb, array[{BATCH}]))"

Send = Callable[[], Awaitable[Any]]
Ours = tuple["Starts", Database, Send]


class Starts:
    """When jobs started, as their handlers say."""

    def __init__(self) -> None:
        self._times: asyncio.Queue[float] = asyncio.Queue()

    def note(self) -> None:
        self._times.put_nowait(time.perf_counter())

    async def milliseconds_after(self, send: Send) -> float:
        """From before the sender's statement to the handler's first line."""
        sent = time.perf_counter()
        await send()
        started = await asyncio.wait_for(self._times.get(), START_SECONDS_MAX)
        if not self._times.empty():
            raise Incorrect("one message started twice")
        return (started - sent) * 1000


async def run(effort: Effort) -> list[Figure]:
    async with scratch_cluster("trading") as cluster:
        figures = await latencies(effort, cluster)
        return [*figures, *await costs_of_waking(effort, cluster)]


async def latencies(effort: Effort, cluster: ScratchCluster) -> list[Figure]:
    samples = effort.of(SAMPLES)
    found = [name for name in peers.NAMES if name not in peers.missing()]
    measured: dict[str, list[list[float]]] = {name: [] for name in ("ours", "ours, ten times", *found)}
    pickups: list[list[float]] = []
    async with AsyncExitStack() as stack:
        opened = {name: await stack.enter_async_context(peers.opened(name, cluster)) for name in found}
        for _ in range(effort.runs):
            async with our_worker(cluster) as (starts, database, send):
                measured["ours"].append(await sampled(starts, send, samples, PAUSE_SECONDS))
                tenth = (PAUSE_SECONDS[0] / 10, PAUSE_SECONDS[1] / 10)
                measured["ours, ten times"].append(await sampled(starts, send, samples, tenth))
                pickups.append([await pickup_after_kill(starts, database, send) for _ in range(KILLS)])
            for name, peer in opened.items():
                their_starts = Starts()
                async with peer.listening(their_starts.note):
                    await asyncio.sleep(SETTLE_SECONDS)
                    measured[name].append(await sampled(their_starts, peer.send, samples, PAUSE_SECONDS))
    return latency_figures(measured, pickups, found)


def latency_figures(
    measured: dict[str, list[list[float]]], pickups: Sequence[Sequence[float]], found: Sequence[str]
) -> list[Figure]:
    machine = describe_machine()
    medians = {name: [percentile(run, 0.5) for run in runs] for name, runs in measured.items()}
    tails = {name: [percentile(run, 0.99) for run in runs] for name, runs in measured.items()}

    def row(name: str, values: Sequence[float], **others: Any) -> Figure:
        return figure(name, values, "ms", machine=machine, **others)

    bounds = {"pgqueuer": ratio_at_most(1.0)}
    return [
        *(
            row(
                f"enqueue → start, idle, p50 vs {name}",
                medians["ours"],
                against=name,
                against_values=medians[name],
                target=bounds.get(name),
            )
            for name in found
        ),
        *(
            row(
                f"enqueue → start, idle, p99 vs {name}",
                tails["ours"],
                against=name,
                against_values=tails[name],
                target=value_at_most(8, "ms") if name == "pgqueuer" else None,
            )
            for name in found
        ),
        row(
            "enqueue → start, ten times as often, p50",
            medians["ours, ten times"],
            against="idle",
            against_values=medians["ours"],
        ),
        row(
            f"LISTEN backend killed: slowest pickup of {KILLS}",
            [max(run) for run in pickups],
            target=value_at_most(1000, "ms"),
        ),
    ]


@asynccontextmanager
async def our_worker(cluster: ScratchCluster) -> AsyncIterator[Ours]:
    """The consumer with the worker's own wake-up loop, and a sender with a connection of its own."""
    database = await cluster.database()
    starts = Starts()

    async def handle(delivery: Delivery[Any], resources: Resources) -> Ending:
        starts.note()
        async with delivery.completing(resources.trading):
            return None

    work: Work[Any] = Work(message=IngestIndicators, handle=handle)
    async with database.pool() as pool, database.pool(name="sender", size=1) as senders:

        async def send() -> None:
            async with senders.acquire() as connection:
                await queue.send(connection, MESSAGE)

        async with consuming.consuming(pool, work, partial(app.wake_on_notify, database.dsn())):
            await asyncio.sleep(SETTLE_SECONDS)
            await starts.milliseconds_after(send)
            yield starts, database, send
        await check_empty(pool)


async def check_empty(pool: Pool) -> None:
    if left := await pool.fetchval(f"select count(*) from pgmq.q_{QUEUE}"):
        raise Incorrect(f"{left} messages were never started")


async def sampled(
    starts: Starts, send: Send, samples: int, pause_seconds: tuple[float, float]
) -> list[float]:
    taken: list[float] = []
    for _ in range(samples):
        await asyncio.sleep(random.uniform(*pause_seconds))
        taken.append(await starts.milliseconds_after(send))
    return taken


async def pickup_after_kill(starts: Starts, database: Database, send: Send) -> float:
    """Milliseconds from a send to its start when the backend that listens has just been ended."""
    await asyncio.sleep(SETTLE_SECONDS)
    async with database.admin() as admin:
        ended = await admin.fetch(
            """
            select pg_terminate_backend(pid)
            from pg_stat_activity
            where application_name = $1 and datname = current_database()
            """,
            LISTEN_NAME,
        )
    if len(ended) != 1:
        raise Incorrect(f"{len(ended)} backends listen as {LISTEN_NAME}, not one")
    return await starts.milliseconds_after(send)


async def costs_of_waking(effort: Effort, cluster: ScratchCluster) -> list[Figure]:
    """Sends with our trigger against sends without it, while somebody listens; in messages per second."""
    database = await cluster.database()
    await effects.prepare(database)
    machine = describe_machine()
    singles, batches = (whole(effort.of(count)) for count in (SINGLES, BATCHES))
    listener = await asyncpg.connect(database.dsn())
    await listener.add_listener(CHANNEL, lambda *_: None)
    try:
        rates = await effort.rounds(
            {
                "single": lambda: sends(database, SEND_SINGLE, singles, each=1, notified=True),
                "single, silent": lambda: sends(database, SEND_SINGLE, singles, each=1, notified=False),
                "batch": lambda: sends(database, SEND_BATCH, batches, each=BATCH, notified=True),
                "batch, silent": lambda: sends(database, SEND_BATCH, batches, each=BATCH, notified=False),
            }
        )
    finally:
        await listener.close()
    bounds = {"batch": 0.7, "single": 0.4}
    return [
        figure(
            f"{kind} sends of {SENDERS} senders, each waking the worker",
            rates[kind],
            "messages/s",
            machine=machine,
            against="the same without our trigger",
            against_values=rates[f"{kind}, silent"],
            target=ratio_at_least(bound),
        )
        for kind, bound in bounds.items()
    ]


def whole(transactions: int) -> int:
    """As many as all senders share evenly."""
    return max(SENDERS, transactions - transactions % SENDERS)


async def sends(database: Database, statement: str, transactions: int, *, each: int, notified: bool) -> float:
    await effects.start_afresh(database, QUEUE, 0)
    async with database.admin() as admin:
        await admin.execute(f"alter table pgmq.q_{QUEUE} {'enable' if notified else 'disable'} trigger user")
    rate = each * await pgbench.transactions_per_second(
        database, statement, transactions=transactions, clients=SENDERS
    )
    async with database.admin() as admin:
        await effects.check_archived(admin, QUEUE, 0, left=transactions * each)
    return rate
