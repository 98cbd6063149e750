"""What an operator does to queues by hand. The work lies in the trading database, its audit in the chat database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from console.accounts import connect
from console.audit import audited
from console.migrations import SQL
from console.settings import ConsoleSettings
from zmarty.postgres import Connection
from zmarty.queue import metrics

STEP = 500
# What one `--all` works through; whoever has more dead letters than this should ask why first.
LETTERS_MAX = 100_000
PEEK_MAX = 200

Report = Callable[[int], None]


class QueueUnknown(Exception):
    """No queue has this name; says which there are."""


class NothingChosen(Exception):
    """Neither ids nor --all: says what to give."""


@dataclass(frozen=True)
class Desk:
    """Where an operator works from: both databases, and the name that goes into the audit log."""

    trading: Connection
    chat: Connection
    actor: str


@asynccontextmanager
async def looking(settings: ConsoleSettings) -> AsyncIterator[Connection]:
    trading = await connect(settings.dsn("trading"))
    try:
        yield trading
    finally:
        await trading.close()


@asynccontextmanager
async def desk(settings: ConsoleSettings, actor: str) -> AsyncIterator[Desk]:
    # Chat first: what cannot be audited is not done.
    chat = await connect(settings.dsn("chat"))
    try:
        async with looking(settings) as trading:
            yield Desk(trading, chat, actor)
    finally:
        await chat.close()


async def require_queue(trading: Connection, queue: str) -> None:
    """Raises QueueUnknown; before anything is audited, because a typing error is not an action."""
    try:
        await trading.execute(SQL["require_queue"], queue)
    except asyncpg.UndefinedObjectError as error:
        raise QueueUnknown(f"{error.message}. {error.hint or ''}".strip()) from error


async def stats(trading: Connection) -> dict[str, Any]:
    """How every queue stands, and the transaction that keeps the tables from being vacuumed, if there is one."""
    rows = await trading.fetch(SQL["queue_stats"])
    horizon = await trading.fetchrow(SQL["horizon"])
    return {"queues": [dict(row) for row in rows], "horizon": dict(horizon) if horizon else None}


async def length(trading: Connection, queue: str) -> int:
    """Exactly how many messages the queue holds; for a long one the stats only estimate."""
    await require_queue(trading, queue)
    return int((await metrics(trading, queue)).queue_length)


async def peek(trading: Connection, queue: str, *, limit: int) -> list[dict[str, Any]]:
    await require_queue(trading, queue)
    return [dict(row) for row in await trading.fetch(SQL["peek"], queue, limit)]


async def peek_dead(trading: Connection, queue: str, *, limit: int) -> list[dict[str, Any]]:
    await require_queue(trading, queue)
    return [dict(row) for row in await trading.fetch(SQL["newest_dead_letters"], queue, limit)]


async def all_letters(trading: Connection, queue: str) -> list[int]:
    """The ids of the dead letters that are there now, oldest first; at most LETTERS_MAX of the newest."""
    found: list[int] = []
    last: tuple[Any, Any] = (None, None)
    while len(found) < LETTERS_MAX:
        rows = await trading.fetch(
            SQL["older_dead_letters"], queue, *last, min(STEP, LETTERS_MAX - len(found))
        )
        if not rows:
            break
        found += [row["msg_id"] for row in rows]
        last = (rows[-1]["buried_at"], rows[-1]["msg_id"])
    return found[::-1]


async def retry(at: Desk, queue: str, letters: Sequence[int], *, report: Report = lambda _: None) -> int:
    """Send the originals again, in steps of a transaction each; answers how many were there to be sent."""
    return await _work_through(at, "retry", queue, letters, SQL["retry_dead"], report)


async def discard(at: Desk, queue: str, letters: Sequence[int], *, report: Report = lambda _: None) -> int:
    """Archive dead letters without doing their work; answers how many there were."""
    return await _work_through(at, "discard", queue, letters, SQL["discard_dead"], report)


async def _work_through(
    at: Desk, verb: str, queue: str, letters: Sequence[int], statement: str, report: Report
) -> int:
    await require_queue(at.trading, queue)
    asked = {"count": len(letters), "msg_ids": list(letters[:STEP])}
    done = 0
    async with audited(at.chat, at.actor, f"dead_letters_{verb}", f"queue:{queue}", asked) as result:
        for start in range(0, len(letters), STEP):
            step = letters[start : start + STEP]
            done += await at.trading.fetchval(statement, queue, list(step))
            # Filled in as it goes: a run that breaks off says how far it came.
            result["count"] = done
            report(len(step))
    return done


async def purge(at: Desk, queue: str, *, depth: int, report: Report = lambda _: None) -> int:
    """Delete up to `depth` messages for good; what arrives meanwhile is not chased."""
    await require_queue(at.trading, queue)
    purged = 0
    async with audited(at.chat, at.actor, "queue_purge", f"queue:{queue}", {"depth": depth}) as result:
        while purged < depth:
            step = await at.trading.fetchval(SQL["purge"], queue, min(STEP, depth - purged))
            if not step:
                break
            purged += step
            result["count"] = purged
            report(step)
    return purged


async def pause(at: Desk, queue: str) -> bool:
    """Hand out no more messages; answers whether the queue was running. Survives restarts."""
    await require_queue(at.trading, queue)
    async with audited(at.chat, at.actor, "queue_pause", f"queue:{queue}", {}) as result:
        result["changed"] = await at.trading.fetchval(SQL["pause_queue"], queue, at.actor)
    return bool(result["changed"])


async def resume(at: Desk, queue: str) -> bool:
    """Hand out messages again; answers whether the queue was paused."""
    await require_queue(at.trading, queue)
    async with audited(at.chat, at.actor, "queue_resume", f"queue:{queue}", {}) as result:
        result["changed"] = await at.trading.fetchval(SQL["resume_queue"], queue)
    return bool(result["changed"])
