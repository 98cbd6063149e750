"""The mirror from end to end: a symbol changed in the chat database, the real function, the watcher in the trading one."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, percentile, value_at_least, value_at_most
from benchmarks.machine import describe_machine
from benchmarks.processes import EdgeFunction, edge_function
from benchmarks.waiting import until
from local_stack.clusters import SUPERUSER
from orchestrator_worker.relay.relay import Relay
from zmarty.postgres import Connection, Pool

CHANGES_SAMPLED = 60
PAUSE_SECONDS = (0.03, 0.08)
LOOK_SECONDS = 0.0005
ARRIVE_SECONDS_MAX = 10.0
USERS = 200
CHANGES_EACH = 10
DRAIN_SECONDS_MAX = 120.0
TEN = 10
CHAT_POOL_SIZE = 5

WATCH = "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC/USDT', '1h')"
CHANGE = "update user_symbols set strategy = jsonb_build_object('change', $1::integer) where user_id = any($2::uuid[])"


@dataclass
class Sides:
    """Both databases, seen as their owners see them, and the function between them."""

    chat: Connection
    trading: Connection
    chat_database: Database
    chat_worker: Pool
    function: EdgeFunction

    async def sign_up(self, users: int) -> list[UUID]:
        ids = [uuid4() for _ in range(users)]
        await self.chat.execute(
            "insert into auth.users (id, email) select id, id || '@example.com' from unnest($1::uuid[]) as ids (id)",
            ids,
        )
        return ids

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        relay = Relay(
            self.chat_worker,
            listen_dsn=self.chat_database.dsn(),
            url=self.function.url,
            secrets=[self.function.secret],
            worker_id="benchmark",
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(relay.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await running

    async def clear(self) -> None:
        await self.chat.execute("truncate outbox, user_symbols")
        await self.trading.execute("truncate watchers")
        await self.chat.execute("vacuum analyze outbox")
        for connection in (self.chat, self.trading):
            await connection.execute("checkpoint")


async def run(effort: Effort) -> list[Figure]:
    async with opened() as sides:
        samples = effort.of(CHANGES_SAMPLED)
        users = effort.of(USERS)
        arrivals = [await arrival_milliseconds(sides, samples) for _ in range(effort.runs)]
        rates = await effort.rounds(
            {
                "backlog": lambda: events_per_second(sides, users, CHANGES_EACH),
                "a tenth": lambda: events_per_second(sides, max(1, users // TEN), CHANGES_EACH),
            }
        )
    machine = describe_machine()
    tails = [percentile(run, 0.99) for run in arrivals]
    medians = [percentile(run, 0.5) for run in arrivals]
    return [
        figure(
            "symbol change → watcher row, p50", medians, "ms", machine=machine, target=value_at_most(50, "ms")
        ),
        figure(
            "symbol change → watcher row, p99", tails, "ms", machine=machine, target=value_at_most(300, "ms")
        ),
        figure(
            f"relay, {users * CHANGES_EACH:,} changes of {users} users",
            rates["backlog"],
            "events/s",
            machine=machine,
            target=value_at_least(500, "events/s"),
        ),
        figure(
            "ten times the users",
            rates["backlog"],
            "events/s",
            machine=machine,
            against=f"{max(1, users // TEN)} users",
            against_values=rates["a tenth"],
        ),
    ]


@asynccontextmanager
async def opened() -> AsyncIterator[Sides]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmarty-bench-")))
        chat_cluster = await stack.enter_async_context(scratch_cluster("chat"))
        trading_cluster = await stack.enter_async_context(scratch_cluster("trading"))
        chat_database, trading_database = await chat_cluster.database(), await trading_cluster.database()
        function = await stack.enter_async_context(edge_function(trading_database.dsn("postgres"), folder))
        chat_worker = await stack.enter_async_context(chat_database.pool(size=CHAT_POOL_SIZE))
        chat, trading = [
            await stack.enter_async_context(admin(database)) for database in (chat_database, trading_database)
        ]
        yield Sides(chat, trading, chat_database, chat_worker, function)


@asynccontextmanager
async def admin(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.dsn(SUPERUSER))
    try:
        yield connection
    finally:
        connection.terminate()


async def arrival_milliseconds(sides: Sides, samples: int) -> list[float]:
    """From before a user's insert to the watcher being visible, one user after the other."""
    await sides.clear()
    users = await sides.sign_up(samples)
    taken: list[float] = []
    async with sides.relaying():
        for user in users:
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
            changed = time.perf_counter()
            await sides.chat.execute(WATCH, user)
            is_there = partial(sides.trading.fetchval, "select true from watchers where user_id = $1", user)
            await until(is_there, seconds=ARRIVE_SECONDS_MAX, every=LOOK_SECONDS)
            taken.append((time.perf_counter() - changed) * 1000)
    await check_mirrored(sides, users=samples, events=samples, last_change=None)
    # The first request finds the function cold; users meet that once a deploy.
    return taken[1:]


async def events_per_second(sides: Sides, users: int, changes_each: int) -> float:
    """Outbox rows a second, through the function, when they have piled up."""
    await sides.clear()
    ids = await sides.sign_up(users)
    await sides.chat.executemany(WATCH, [(user,) for user in ids])
    for change in range(1, changes_each):
        await sides.chat.execute(CHANGE, change, ids)
    events = users * changes_each
    started = time.perf_counter()
    # Reads the index of open rows only.
    is_done = partial(
        sides.chat.fetchval,
        "select not exists (select from outbox where delivered_at is null and parked_at is null)",
    )
    async with sides.relaying():
        await until(is_done, seconds=DRAIN_SECONDS_MAX, every=LOOK_SECONDS * TEN)
        seconds = time.perf_counter() - started
    await check_mirrored(sides, users=users, events=events, last_change=changes_each - 1)
    return events / seconds


async def check_mirrored(sides: Sides, *, users: int, events: int, last_change: int | None) -> None:
    """Raise Incorrect unless each change was delivered and every watcher is at its user's newest one."""
    delivered = await sides.chat.fetchval("select count(*) from outbox where delivered_at is not null")
    newest = await sides.chat.fetch("select user_id, max(id) as version from outbox group by user_id")
    watchers = await sides.trading.fetch(
        "select user_id, version, strategy ->> 'change' as change from watchers"
    )
    expected = None if last_change is None or last_change == 0 else str(last_change)
    stale = [row for row in watchers if row["change"] != expected]
    versions = {(row["user_id"], row["version"]) for row in watchers}
    if delivered != events or len(watchers) != users or stale or versions != {tuple(row) for row in newest}:
        raise Incorrect(
            f"of {events} changes {delivered} were delivered; {len(watchers)} of {users} watchers, {len(stale)} stale"
        )
