"""The same one-row effect for every contestant, and the count that says whether anything was lost or doubled."""

from __future__ import annotations

from benchmarks.databases import Database
from benchmarks.figures import Incorrect
from zmarty.postgres import Connection, Pool

INSERT = "insert into bench.effects (job) values ($1::bigint)"
INSERT_MANY = "insert into bench.effects (job) select unnest($1::bigint[])"
BODY = '{"symbol": "BTC/USDT", "timeframe": "1h"}'
# What one statement sends at most while a queue is filled.
FILL_BATCH = 10_000


async def prepare(database: Database) -> None:
    async with database.admin() as admin:
        await admin.execute(
            """
            create schema bench;
            create table bench.effects (job bigint not null);
            grant usage on schema bench to zmarty_worker;
            grant select, insert on bench.effects to zmarty_worker;
            """
        )


async def start_afresh(database: Database, queue: str, messages: int, *, delay_seconds: int = 0) -> None:
    """Leave `messages` in the queue and nothing else, with nothing left to flush."""
    async with database.admin() as admin:
        await admin.execute(f"truncate pgmq.q_{queue}, pgmq.a_{queue}, bench.effects")
        await fill(admin, queue, messages, delay_seconds=delay_seconds)
        await admin.execute(f"vacuum analyze pgmq.q_{queue}")
        await admin.execute("checkpoint")


async def fill(admin: Connection, queue: str, messages: int, *, delay_seconds: int = 0) -> None:
    for first in range(0, messages, FILL_BATCH):
        await admin.execute(
            "select pgmq.send_batch($1::text, array_fill($2::text::jsonb, array[$3::integer]), $4::integer)",
            queue,
            BODY,
            min(FILL_BATCH, messages - first),
            delay_seconds,
            timeout=120,
        )


async def check_drained(pool: Pool | Connection, queue: str, messages: int) -> None:
    """Raise Incorrect unless every message had its effect once and was archived once."""
    await check_effects(pool, messages)
    await check_archived(pool, queue, messages)


async def check_archived(pool: Pool | Connection, queue: str, messages: int, *, left: int = 0) -> None:
    [found] = await pool.fetch(
        f"""
        select (select count(*) from pgmq.q_{queue}) as left, count(*) as archived, count(distinct msg_id) as messages
        from pgmq.a_{queue}
        """
    )
    if tuple(found) != (left, messages, messages):
        raise Incorrect(f"{queue}: {dict(found)} instead of {left} left and {messages} archived")


async def check_effects(pool: Pool | Connection, jobs: int) -> None:
    [(effects, distinct)] = await pool.fetch("select count(*), count(distinct job) from bench.effects")
    if (effects, distinct) != (jobs, jobs):
        raise Incorrect(f"{jobs} jobs left {effects} effects, {distinct} of them distinct")
