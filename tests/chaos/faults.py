"""The faults: each does its harm to real processes, undoes it, and says in a few words what it did."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import asyncpg

from tests.chaos.stage import KINDS, Stage

Fault: TypeAlias = Callable[[Stage, random.Random, float], Awaitable[str]]

WORKERS = ("worker", "worker-2")
MARKET_VENDORS = ("exchange", "cryptometer", "kingfisher")
MODELS = ("xai", "openai", "anthropic")
SERVICE_CONNECTIONS = (
    "application_name <> 'chaos' and backend_type = 'client backend' and usename <> 'supabase_admin'"
)


async def kill_a_worker(stage: Stage, dice: random.Random, _: float) -> str:
    name = dice.choice(WORKERS)
    await _kill(stage, name)
    return name


async def kill_all_workers(stage: Stage, _dice: random.Random, _: float) -> str:
    for name in WORKERS:
        await _kill(stage, name)
    return "both"


async def freeze_a_worker(stage: Stage, dice: random.Random, seconds: float) -> str:
    """Its leases end while it stands still; when it goes on, it must not write what others have done meanwhile."""
    name = dice.choice(WORKERS)
    pid = (await stage.services())[name]["pid"]
    if pid is None:
        return f"{name} was away"
    _signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds / 2)
        await end_leases(stage)
        await asyncio.sleep(seconds / 2)
    finally:
        _signal(pid, signal.SIGCONT)
    return name


async def take_over_leases(stage: Stage, _dice: random.Random, _: float) -> str:
    """Every running job is handed out again, as when a lease is shorter than its job."""
    return f"{await end_leases(stage)} leases"


async def restart_database(stage: Stage, dice: random.Random, _: float) -> str:
    kind = dice.choice(KINDS)
    await stage.restart(f"{kind}-database")
    await stage.until_database_answers(kind)
    return f"{kind}, fast"


async def restart_both_databases(stage: Stage, _dice: random.Random, _: float) -> str:
    await asyncio.gather(*(stage.restart(f"{kind}-database") for kind in KINDS))
    await asyncio.gather(*(stage.until_database_answers(kind) for kind in KINDS))
    return "both, fast"


async def crash_chat(stage: Stage, _dice: random.Random, _: float) -> str:
    return await _crash(stage, "chat")


async def crash_trading(stage: Stage, _dice: random.Random, _: float) -> str:
    return await _crash(stage, "trading")


async def drop_connections(stage: Stage, dice: random.Random, _: float) -> str:
    """A share of the services' connections end; sometimes all."""
    kind, share = dice.choice(KINDS), dice.choice((0.3, 1.0))
    await stage.until_database_answers(kind)
    async with stage.database(kind, as_superuser=True) as admin:
        dropped = await admin.fetchval(
            "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity"
            f" where {SERVICE_CONNECTIONS} and random() <= $1",
            share,
        )
    return f"{dropped} of {kind}"


async def kill_edge(stage: Stage, _dice: random.Random, seconds: float) -> str:
    """It comes back from its supervisor again and again, and is killed again, until the time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    kills = 0
    while asyncio.get_running_loop().time() < deadline:
        kills += await _kill(stage, "edge")
        await asyncio.sleep(0.2)
    return f"down {seconds:.1f} s, {kills} kills"


async def freeze_edge(stage: Stage, _dice: random.Random, seconds: float) -> str:
    """It accepts connections and answers nobody."""
    pid = (await stage.services())["edge"]["pid"]
    if pid is None:
        return "was away"
    _signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _signal(pid, signal.SIGCONT)
    return f"silent {seconds:.1f} s"


async def slow_vendors(stage: Stage, dice: random.Random, seconds: float) -> str:
    latency_ms = dice.randrange(200, 1500)
    for vendor in MARKET_VENDORS:
        await stage.control(vendor, latency_ms=latency_ms)
    try:
        await asyncio.sleep(seconds)
    finally:
        for vendor in MARKET_VENDORS:
            await stage.release(vendor)
    return f"{latency_ms} ms"


async def flapping_vendors(stage: Stage, dice: random.Random, seconds: float) -> str:
    """Up and down, and down in another way each time."""
    deadline = asyncio.get_running_loop().time() + seconds
    flaps = 0
    try:
        while asyncio.get_running_loop().time() < deadline:
            vendor = dice.choice(MARKET_VENDORS)
            harm = dice.choice(({"fail": {"status": 503}}, {"reset": True}, {"fail": {"status": 500}}))
            await stage.control(vendor, **harm)
            await asyncio.sleep(dice.uniform(0.1, 0.5))
            await stage.release(vendor)
            await asyncio.sleep(dice.uniform(0.05, 0.2))
            flaps += 1
    finally:
        for vendor in MARKET_VENDORS:
            await stage.release(vendor)
    return f"{flaps} times"


async def limit_vendors(stage: Stage, _dice: random.Random, seconds: float) -> str:
    """Too many requests, says the exchange, and names a pause."""
    await stage.control("exchange", fail={"status": 429, "times": 2, "retry_after": 1})
    await asyncio.sleep(seconds)
    await stage.release("exchange")
    return "429, Retry-After 1"


async def failing_models(stage: Stage, dice: random.Random, seconds: float) -> str:
    """Down, breaking off in the middle of an answer, or mute."""
    for model in MODELS:
        harm = dice.choice(
            ({"fail": {"status": 503}}, {"cut_after_pieces": 3}, {"error_after_pieces": 2}, {"empty": True})
        )
        await stage.control(model, **harm)
    try:
        await asyncio.sleep(seconds)
    finally:
        for model in MODELS:
            await stage.release(model)
    return f"{seconds:.1f} s"


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_a_worker,
        kill_all_workers,
        freeze_a_worker,
        take_over_leases,
        restart_database,
        restart_both_databases,
        crash_chat,
        crash_trading,
        drop_connections,
        kill_edge,
        freeze_edge,
        slow_vendors,
        flapping_vendors,
        limit_vendors,
        failing_models,
    )
}


async def end_leases(stage: Stage, *, ending_within_seconds: float = 3_600.0) -> int:
    """What is held, or waits for its next attempt, is due now if it would have been within this time."""
    moved = 0
    # The database may be the next one that is away.
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with stage.database("trading") as trading:
            for row in await trading.fetch("select names from queueing.names()"):
                tag = await trading.execute(
                    f"update pgmq.q_{row['names']} set vt = now()"
                    " where vt > now() and vt < now() + make_interval(secs => $1) and read_ct > 0",
                    ending_within_seconds,
                )
                moved += int(tag.split()[-1])
                # Workers sleep until the due times they know of.
                await trading.execute("select pg_notify('zmarty_queue', $1)", row["names"])
    return moved


async def end_claims(stage: Stage) -> int:
    """Every outbox row that a relay holds is free again, as when its relay died half a minute ago."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with stage.database("chat") as chat:
            tag = await chat.execute(
                "update outbox set claimed_until = now() where claimed_until > now() and delivered_at is null"
            )
            await chat.execute("notify zmarty_outbox")
            return int(tag.split()[-1])
    return 0


async def _crash(stage: Stage, kind: str) -> str:
    """Postgres' immediate shutdown: no checkpoint, every connection cut, recovery from the log at the next start."""
    # Another fault may have taken it down already.
    await stage.until_database_answers(kind)
    before = stage.postmaster(kind)
    _signal(before, signal.SIGQUIT)
    async with asyncio.timeout(30):
        while _is_alive(before):
            await asyncio.sleep(0.02)
    await stage.until_database_answers(kind)
    return f"{kind}, immediate"


async def _kill(stage: Stage, name: str) -> bool:
    pid = (await stage.services())[name]["pid"]
    if pid is not None:
        _signal(pid, signal.SIGKILL)
    return pid is not None


def _signal(pid: int, number: signal.Signals) -> None:
    # It may have been killed by another fault meanwhile.
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
