"""Candles into the partitioned table with its triggers: our way of saving them against a bare COPY of the same rows."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, ratio_at_least
from benchmarks.machine import describe_machine
from orchestrator_worker.candles import store
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SYMBOL = Symbol.parse("BTC/USDT")
TIMEFRAME = Timeframe.MINUTE_1
EXCHANGE = "binance"
BEGAN_AT = datetime(2024, 1, 1, tzinfo=UTC)
CANDLES = 40_000
TEN = 10
# As many as a first ingest saves in its one transaction.
PAGE = 2_000
SEED = 1
COLUMNS = (
    "symbol", "timeframe", "exchange", "opened_at", "open", "high", "low", "close", "volume", "volume_usd",
    "trades_count", "vwap", "source",
)  # fmt: skip


@dataclass
class Ground:
    database: Database
    pool: Pool
    admin: Connection

    async def clear(self) -> None:
        await self.admin.execute("truncate candles, events")
        await self.admin.execute("checkpoint")


async def run(effort: Effort) -> list[Figure]:
    candles = made(effort.of(CANDLES))
    corrected = [replace(candle, close=candle.close + Decimal("0.5")) for candle in candles]
    async with scratch_cluster("trading") as cluster:
        database = await cluster.database()
        async with database.pool() as pool, database.admin() as admin:
            ground = Ground(database, pool, admin)
            many = made(len(candles) * TEN)
            await store.ensure_partitions(pool, many[0].opened_at, many[-1].opened_at)
            rates = await effort.rounds(
                {
                    "new": lambda: saved_per_second(ground, candles),
                    "copied": lambda: copied_per_second(ground, candles),
                    "again": lambda: saved_per_second(ground, candles, over=candles),
                    "corrected": lambda: saved_per_second(ground, corrected, over=candles),
                    "many": lambda: saved_per_second(ground, many),
                }
            )
    machine, unit = describe_machine(), "candles/s"
    return [
        figure(
            f"{len(candles):,} new candles, {PAGE:,} a transaction",
            rates["new"],
            unit,
            machine=machine,
            against="COPY of the same rows as text",
            against_values=rates["copied"],
            target=ratio_at_least(0.5),
        ),
        figure(
            "the same again, nothing to change",
            rates["again"],
            unit,
            machine=machine,
            against="COPY of the same rows as text",
            against_values=rates["copied"],
            target=ratio_at_least(0.5),
        ),
        figure(
            "the same again, each one corrected",
            rates["corrected"],
            unit,
            machine=machine,
            against="new candles",
            against_values=rates["new"],
        ),
        figure(
            f"{len(many):,} new candles",
            rates["many"],
            unit,
            machine=machine,
            against=f"{len(candles):,} new candles",
            against_values=rates["new"],
        ),
    ]


async def saved_per_second(
    ground: Ground, candles: Sequence[Candle], *, over: Sequence[Candle] = ()
) -> float:
    """Save the candles as the worker does, onto an empty table or over others."""
    await ground.clear()
    if over:
        await save(ground.pool, over)
    started = time.perf_counter()
    await save(ground.pool, candles)
    seconds = time.perf_counter() - started
    await check(ground, candles)
    return len(candles) / seconds


async def save(pool: Pool, candles: Sequence[Candle]) -> None:
    for page in pages(candles):
        async with pool.acquire() as connection, connection.transaction():
            await store.save_candles(connection, SYMBOL, TIMEFRAME, EXCHANGE, page)


async def copied_per_second(ground: Ground, candles: Sequence[Candle]) -> float:
    """COPY the same pages as the superuser: for roles under row level security Postgres has no COPY into a table."""
    await ground.clear()
    started = time.perf_counter()
    for page in pages(candles):
        text = "".join("\t".join(map(str, row_of(candle))) + "\n" for candle in page).encode()
        async with ground.admin.transaction():
            await ground.admin.copy_to_table("candles", source=io.BytesIO(text), columns=COLUMNS)
    seconds = time.perf_counter() - started
    await check(ground, candles)
    return len(candles) / seconds


async def check(ground: Ground, candles: Sequence[Candle]) -> None:
    found = await ground.admin.fetchrow("select count(*) as rows, sum(close) as closes from candles")
    assert found is not None
    if found["rows"] != len(candles) or found["closes"] != sum(candle.close for candle in candles):
        raise Incorrect(f"{found['rows']} candles are stored of {len(candles)}, or not as they were given")


def pages(candles: Sequence[Candle]) -> list[Sequence[Candle]]:
    return [candles[start : start + PAGE] for start in range(0, len(candles), PAGE)]


def row_of(candle: Candle) -> tuple[object, ...]:
    return (
        candle.symbol, candle.timeframe, candle.exchange, candle.opened_at, candle.open, candle.high, candle.low,
        candle.close, candle.volume, candle.volume_usd, candle.trades_count, candle.vwap, candle.source,
    )  # fmt: skip


def made(count: int) -> list[Candle]:
    """Candles with figures as long as an exchange's own."""
    dice = random.Random(SEED)
    candles = []
    for number in range(count):
        price = Decimal(dice.randint(6_000_000, 7_000_000)).scaleb(-2)
        candles.append(
            Candle(
                symbol=SYMBOL,
                timeframe=TIMEFRAME,
                opened_at=BEGAN_AT + number * TIMEFRAME.delta,
                open=price,
                high=price + 5,
                low=price - 5,
                close=price + 1,
                volume=Decimal(dice.randint(1, 10**9)).scaleb(-5),
                volume_usd=Decimal(dice.randint(1, 10**13)).scaleb(-5),
                trades_count=dice.randint(1, 10_000),
                vwap=price,
                exchange=EXCHANGE,
                source=EXCHANGE,
            )
        )
    return candles
