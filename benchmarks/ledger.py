"""Hold and settle pairs, as an answer makes them, on many accounts and on one: against pgbench's TPC-B on the same cluster."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

from benchmarks import pgbench
from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, percentile, ratio_at_least, value_at_most
from benchmarks.machine import describe_machine
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge
from orchestrator_api.credits.pricing import Usage
from zmarty.postgres import Pool

ACCOUNTS = 1_000
PAIRS = 6_000
HOT_PAIRS = 2_000
TRANSACTIONS = 8_000
CLIENTS = 8
CREDITS = 1_000_000
HELD, USED = 20, 6
# A pair on the hot account waits for the others; a request would be given up long after this.
HOT_MILLISECONDS_MAX = 2_000
TPC_B_TARGET = 0.4
CHARGE = Charge(
    credits=USED,
    reason="chat",
    usage=Usage(input_tokens=500, output_tokens=1_000),
    provider="xai",
    model="grok-4.7",
)
ADD_USERS = "insert into auth.users (id, email) select id, id || '@example.com' from unnest($1::uuid[]) as id"
GIVE = "select private.grant_credits(id, $2, 'benchmark', 'benchmark') from unnest($1::uuid[]) as id"
# What the pairs must have left behind, whatever order they came in.
COUNTED = """
select
  (select count(*) from credits_ledger where kind = 'charge' and user_id = any ($1)) as charges,
  (select sum(held) from credit_accounts where user_id = any ($1)) as held,
  (select sum(balance) from credit_accounts where user_id = any ($1)) as balance,
  (select sum(remaining) from credit_grants where user_id = any ($1)) as remaining,
  (select count(*) from private.credit_differences()) as differences
"""


async def run(effort: Effort) -> list[Figure]:
    async with scratch_cluster("chat") as cluster:
        database = await cluster.database()
        await asyncio.to_thread(pgbench.fill, database)
        users = await add_users(database, ACCOUNTS + 1)
        many, hot = users[1:], users[:1]
        waits: list[float] = []

        async def pairs(accounts: Sequence[UUID], count: int, took: list[float]) -> float:
            await settle_down(database)
            return await pairs_per_second(database, accounts, count, took)

        async def tpc_b() -> float:
            await settle_down(database)
            return await pgbench.tpc_b_per_second(
                database, transactions=effort.of(TRANSACTIONS) // CLIENTS * CLIENTS, clients=CLIENTS
            )

        rates = await effort.rounds(
            {
                "many": lambda: pairs(many, effort.of(PAIRS), []),
                "hot": lambda: pairs(hot, effort.of(HOT_PAIRS), waits),
                "tpc-b": tpc_b,
            }
        )
    machine = describe_machine()
    return [
        figure(
            f"hold and settle, {ACCOUNTS:,} accounts, {CLIENTS} at once",
            rates["many"],
            "pairs/s",
            against="pgbench TPC-B",
            against_values=rates["tpc-b"],
            target=ratio_at_least(TPC_B_TARGET),
            machine=machine,
        ),
        figure(
            f"hold and settle, one account, {CLIENTS} at once",
            rates["hot"],
            "pairs/s",
            against="pgbench TPC-B",
            against_values=rates["tpc-b"],
            machine=machine,
        ),
        figure(
            "a pair on the one account, p99",
            [percentile(waits, 0.99)],
            "ms",
            target=value_at_most(HOT_MILLISECONDS_MAX, "ms"),
            machine=machine,
        ),
    ]


async def add_users(database: Database, count: int) -> list[UUID]:
    users = [uuid4() for _ in range(count)]
    async with database.admin() as connection:
        await connection.execute(ADD_USERS, users)
        await connection.execute(GIVE, users, CREDITS)
    return users


async def settle_down(database: Database) -> None:
    async with database.admin() as connection:
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")


async def pairs_per_second(
    database: Database, accounts: Sequence[UUID], count: int, took: list[float]
) -> float:
    before = await counted(database, accounts)
    todo = iter(range(count))
    async with database.pool("zmarty_api", size=CLIENTS) as pool:
        started = time.perf_counter()
        await asyncio.gather(*(work(pool, accounts, todo, took) for _ in range(CLIENTS)))
        seconds = time.perf_counter() - started
    after = await counted(database, accounts)
    expected = (before[0] + count, 0, before[2] - USED * count, before[3] - USED * count, 0)
    if after != expected:
        raise Incorrect(f"{count} pairs should have left {expected}, and left {after}")
    return count / seconds


async def work(pool: Pool, accounts: Sequence[UUID], todo: Iterator[int], took: list[float]) -> None:
    """One client: a hold and a settlement, each in a transaction of its own, as a question and its answer make them."""
    for _ in todo:
        user = random.choice(accounts)
        began = time.perf_counter()
        async with pool.acquire() as connection:
            hold = await ledger.hold(connection, user, credits=HELD)
        async with pool.acquire() as connection:
            await ledger.settle(connection, hold, CHARGE)
        took.append((time.perf_counter() - began) * 1000)


async def counted(database: Database, accounts: Sequence[UUID]) -> tuple[int, ...]:
    async with database.admin() as connection:
        row = await connection.fetchrow(COUNTED, accounts)
    assert row is not None
    return tuple(int(value) for value in row)
