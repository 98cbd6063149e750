"""Signals end to end through the real worker: a new candle's message in, the signal saved, its win rates counted anew."""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.databases import scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, value_at_least
from benchmarks.idle import until_beating
from benchmarks.machine import describe_machine
from benchmarks.markets import candles_of
from benchmarks.processes import worker
from benchmarks.waiting import until
from orchestrator_worker.signals.walk import BARS_MIN, STRATEGY_VERSION
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals
from zmarty.postgres import Connection, Pool

SYMBOLS = 40
HISTORY_BARS = 2_000
HISTORY_BARS_MIN = BARS_MIN + 60
TIMEFRAME = Timeframe.HOUR_1
NOWHERE = "http://127.0.0.1:9"
DEADLINE_SECONDS = 600.0
LOOK_SECONDS = 0.02
MINUTE = 60.0
SIGNALS_A_MINUTE_MIN = 100


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    symbols = [Symbol.parse(f"C{number}/USDT") for number in range(effort.of(SYMBOLS))]
    history = max(HISTORY_BARS_MIN, effort.of(HISTORY_BARS))
    newest = TIMEFRAME.newest_closed(datetime.now(UTC))
    bars = history + effort.runs
    markets = {
        symbol: candles_of(
            bars, seed=seed, timeframe=TIMEFRAME, began_at=newest - (bars - 1) * TIMEFRAME.delta
        )
        for seed, symbol in enumerate(symbols)
    }
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmarty-bench-")))
        chat = await (await stack.enter_async_context(scratch_cluster("chat"))).database()
        trading = await (await stack.enter_async_context(scratch_cluster("trading"))).database()
        admin = await stack.enter_async_context(trading.admin())
        pool = await stack.enter_async_context(trading.pool())
        settings = {
            "CHAT_DATABASE_URL": chat.dsn(),
            "TRADING_DATABASE_URL": trading.dsn(),
            "WATCHERS_WEBHOOK_URL": f"{NOWHERE}/watchers-upsert",
            "WATCHERS_WEBHOOK_SECRETS": "whsec_" + "A" * 43 + "=",
            "EXCHANGE_BASE_URL": NOWHERE,
            "CRYPTOMETER_BASE_URL": NOWHERE,
            "WORKER_ID": "signals",
        }
        await stack.enter_async_context(worker(settings, folder))
        await until_beating(admin)
        walked = await first_walk(admin, pool, markets, history)
        rates = [await one_candle(admin, pool, markets, history + turn) for turn in range(effort.runs)]
    walked_signals = len(symbols) * (history - BARS_MIN + 1)
    return [
        figure(
            f"a new candle of {len(symbols)} pairs: signals saved and win rates counted",
            rates,
            "signals a minute",
            machine=machine,
            target=value_at_least(SIGNALS_A_MINUTE_MIN, "signals a minute"),
        ),
        figure(
            f"first walk of {len(symbols)} pairs, {history:,} candles each, judged and counted",
            [walked_signals / walked * MINUTE],
            "signals a minute",
            machine=machine,
        ),
    ]


async def first_walk(
    admin: Connection, pool: Pool, markets: dict[Symbol, pl.DataFrame], history: int
) -> float:
    for symbol, candles in markets.items():
        await store(admin, symbol, candles.head(history))
    return await told(
        admin, pool, {symbol: candles["opened_at"][history - 1] for symbol, candles in markets.items()}
    )


async def one_candle(admin: Connection, pool: Pool, markets: dict[Symbol, pl.DataFrame], bar: int) -> float:
    for symbol, candles in markets.items():
        await store(admin, symbol, candles.slice(bar, 1))
    seconds = await told(
        admin, pool, {symbol: candles["opened_at"][bar] for symbol, candles in markets.items()}
    )
    return len(markets) / seconds * MINUTE


async def told(admin: Connection, pool: Pool, newest: dict[Symbol, datetime]) -> float:
    """Seconds from the first message until every pair has its signal and nothing waits to be counted."""
    started = time.perf_counter()
    async with pool.acquire() as connection:
        for symbol, opened_at in newest.items():
            await queue.send(
                connection, ComputeSignals(symbol=symbol, timeframe=TIMEFRAME, opened_at=opened_at)
            )
    await until(partial(drained, admin), seconds=DEADLINE_SECONDS, every=LOOK_SECONDS)
    seconds = time.perf_counter() - started
    saved = await admin.fetchval(
        "select count(*) from signals where strategy_version = $1 and opened_at = any($2::timestamptz[])",
        STRATEGY_VERSION,
        list(set(newest.values())),
    )
    if saved != len(newest):
        raise Incorrect(f"{saved} of {len(newest)} signals were saved")
    return seconds


async def drained(admin: Connection) -> bool:
    waiting: int = await admin.fetchval(
        "select (select count(*) from pgmq.q_compute_signals) + (select count(*) from pgmq.q_compute_winrate)"
    )
    return waiting == 0


async def store(admin: Connection, symbol: Symbol, candles: pl.DataFrame) -> None:
    await admin.execute(
        "select partitions.ensure_candle_partitions($1, $2)",
        candles["opened_at"][0],
        candles["opened_at"][-1],
    )
    await admin.copy_records_to_table(
        "candles",
        records=[(str(symbol), str(TIMEFRAME), "binance", "benchmark", *row) for row in rows_of(candles)],
        columns=[
            "symbol",
            "timeframe",
            "exchange",
            "source",
            "opened_at",
            "open",
            "high",
            "low",
            "close",
            "volume",
        ],
    )


def rows_of(candles: pl.DataFrame) -> list[tuple[object, ...]]:
    return candles.with_columns(
        pl.col("open", "high", "low", "close", "volume").cast(pl.Decimal(20, 8))
    ).rows()
