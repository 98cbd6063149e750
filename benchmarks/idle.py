"""What a worker costs while nothing happens: statements on its queues, and its share of a core. The real process."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from benchmarks.databases import scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, figure, value_at_most
from benchmarks.machine import describe_machine
from benchmarks.processes import ProcessFailed, worker
from benchmarks.waiting import until
from zmarty.messages import QUEUES
from zmarty.postgres import Connection

# A window holds at least one poll of every queue.
WINDOW_SECONDS = 30
START_SECONDS_MAX = 30.0
SETTLE_SECONDS = 5
MINUTE = 60.0
NANOSECONDS = 1e9
LOOK_SECONDS = 0.1
NOWHERE = "http://127.0.0.1:9"


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    seconds = effort.seconds(WINDOW_SECONDS)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmarty-bench-")))
        chat = await (await stack.enter_async_context(scratch_cluster("chat"))).database()
        trading = await (await stack.enter_async_context(scratch_cluster("trading"))).database()
        admin = await stack.enter_async_context(trading.admin())
        settings = {
            "CHAT_DATABASE_URL": chat.dsn(),
            "TRADING_DATABASE_URL": trading.dsn(),
            "WATCHERS_WEBHOOK_URL": f"{NOWHERE}/watchers-upsert",
            "WATCHERS_WEBHOOK_SECRETS": "whsec_" + "A" * 43 + "=",
            "EXCHANGE_BASE_URL": NOWHERE,
            "CRYPTOMETER_BASE_URL": NOWHERE,
            "WORKER_ID": "idle",
        }
        pid = await stack.enter_async_context(worker(settings, folder))
        await until_beating(admin)
        await asyncio.sleep(effort.seconds(SETTLE_SECONDS))
        windows = [await window(admin, pid, seconds) for _ in range(effort.runs)]
    on_queues, in_all, shares = zip(*windows, strict=True)
    return [
        figure(
            "idle worker: statements on a queue",
            on_queues,
            "a minute",
            machine=machine,
            target=value_at_most(4, "a minute"),
        ),
        figure("idle worker: all statements on the trading database", in_all, "a minute", machine=machine),
        figure("idle worker: share of a core", shares, "%", machine=machine, target=value_at_most(0.5, "%")),
    ]


async def until_beating(admin: Connection) -> None:
    beats = partial(admin.fetchval, "select exists (select from worker_heartbeats)")
    try:
        await until(beats, seconds=START_SECONDS_MAX, every=LOOK_SECONDS)
    except TimeoutError as late:
        raise ProcessFailed("the worker wrote no heartbeat") from late


async def window(admin: Connection, pid: int, seconds: float) -> tuple[float, float, float]:
    """Statements a minute on the busiest queue, statements a minute in all, and percent of one core."""
    queues_before, all_before = await statements(admin)
    used_before = busy(pid)
    await asyncio.sleep(seconds)
    queues_after, all_after = await statements(admin)
    busiest = max(queues_after[name] - queues_before[name] for name in queues_after)
    per_minute = MINUTE / seconds
    return (
        busiest * per_minute,
        (all_after - all_before) * per_minute,
        100 * (busy(pid) - used_before) / seconds,
    )


async def statements(admin: Connection) -> tuple[dict[str, int], int]:
    """What the worker's role has run so far: per queue, and in all."""
    by_queue = {
        kind.queue: await admin.fetchval(
            """
            select coalesce(sum(calls), 0)::bigint
            from pg_stat_statements
            where userid = 'zmarty_worker'::regrole and query ~ ('q_' || $1 || '\\M')
            """,
            kind.queue,
        )
        for kind in QUEUES
    }
    in_all = await admin.fetchval(
        "select coalesce(sum(calls), 0)::bigint from pg_stat_statements where userid = 'zmarty_worker'::regrole"
        " and dbid = (select oid from pg_database where datname = current_database())"
    )
    return by_queue, in_all


def busy(pid: int) -> float:
    """Seconds on a core so far, as the scheduler counts them: the clock ticks of /proc/PID/stat miss short bursts."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / NANOSECONDS
