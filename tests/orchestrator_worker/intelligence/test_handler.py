"""analyze_market on real Postgres: one row a candle, patterns told once and judged, jobs ended with what waits for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import httpx
import polars as pl
import pytest

from orchestrator_worker.ending import Bury, Discard
from orchestrator_worker.intelligence.handler import BULK_KIND, handle
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.exchange import ExchangeKlines
from orchestrator_worker.sources.vendor import Vendor
from orchestrator_worker.sources.vendors import Vendors
from tests.orchestrator_worker.jobs import delivered, resources_of, store_candles
from tests.orchestrator_worker.market import random_candles, real_candles
from tests.orchestrator_worker.vendors import Unlimited
from zmarty import jobs
from zmarty.market import Symbol, Timeframe
from zmarty.messages import AnalyzeMarket
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
ETH = Symbol.parse("ETH/USDT")
pytestmark = pytest.mark.timeout(180)


def recent(bars: int, *, seed: int = 5, later: int = 0) -> pl.DataFrame:
    """Candles up to `later` bars before the newest closed one."""
    newest = HOUR.newest_closed(datetime.now(UTC)) - later * HOUR.delta
    return random_candles(bars, seed=seed, began_at=newest - (bars - 1) * HOUR.delta)


async def analyse(pool: Pool, symbol: Symbol = BTC, job_id: UUID | None = None, **others: Any) -> object:
    message = AnalyzeMarket(symbol=symbol, timeframe=HOUR, job_id=job_id)
    resources = others.get("resources", resources_of(pool))
    return await handle(await delivered(pool, message), resources)


async def job_for(pool: Pool, *symbols: Symbol) -> UUID:
    kind = BULK_KIND if symbols else "analyze_market"
    return await jobs.create(pool, kind=kind, user_id=None, detail={"symbols": list(symbols)})


@asynccontextmanager
async def exchange_with(pool: Pool, candles: pl.DataFrame) -> AsyncIterator[Resources]:
    """An exchange that has these candles and answers in Binance's shape."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        start, end = int(asked.get("startTime", 0)), int(asked.get("endTime", 2**53))
        rows = [
            [
                int(row["opened_at"].timestamp() * 1000),
                *(f"{row[name]:.8f}" for name in ("open", "high", "low", "close", "volume")),
                0,
                "1.0",
                1,
            ]
            for row in candles.iter_rows(named=True)
        ]
        rows = [row for row in rows if start <= cast(int, row[0]) <= end]
        limit = int(asked["limit"])
        return httpx.Response(200, json=rows[:limit] if "startTime" in asked else rows[-limit:])

    vendor = Vendor(
        "binance", "http://exchange.test", limits=Unlimited(), transport=httpx.MockTransport(answer)
    )
    yield Resources(chat=pool, trading=pool, vendors=Vendors(exchange=ExchangeKlines(vendor)))
    await vendor.close()


async def test_the_newest_candle_gets_one_analysis(trading_worker: Pool) -> None:
    candles = recent(900)
    await store_candles(trading_worker, BTC, HOUR, candles)

    assert await analyse(trading_worker) is None
    assert await analyse(trading_worker) is None

    [row] = await trading_worker.fetch("select * from market_intelligence")
    assert (row["symbol"], row["opened_at"]) == (BTC, candles["opened_at"][-1])
    assert row["trend_direction"] in ("up", "down", "sideways")
    assert 0 <= row["trend_strength"] <= 100
    assert 0.1 < row["volatility"] < 5
    assert row["season"] is None
    assert len(row["indicators"]) == 21
    assert {level["kind"] for level in row["levels"]} <= {"support", "resistance"}


async def test_the_first_analysis_walks_and_judges_the_history(trading_worker: Pool) -> None:
    await store_candles(trading_worker, BTC, HOUR, recent(6_000))

    await analyse(trading_worker)

    patterns = await trading_worker.fetch("select * from patterns order by detected_opened_at")
    assert len(patterns) > 15
    judged = [row for row in patterns if row["barrier"] is not None]
    assert len(judged) > 10
    assert all(row["origin"] == "backfill" and 0 <= row["baseline"] <= 1 for row in judged)
    counted = await trading_worker.fetch("select * from pattern_effectiveness")
    assert sum(row["n"] for row in counted if (row["direction"], row["origin"]) == ("all", "all")) == len(
        judged
    )
    for row in counted:
        assert row["n"] >= 1 and row["low"] <= row["rate"] <= row["high"]
        assert row["wins"] + row["losses"] + row["expired"] == row["n"]


async def test_a_pattern_found_again_is_the_same_row(trading_worker: Pool) -> None:
    candles = recent(3_000)
    await store_candles(trading_worker, BTC, HOUR, candles[:-40])
    async with exchange_with(trading_worker, candles[:-40]) as resources:
        await analyse(trading_worker, resources=resources)
    before = {row["id"] for row in await trading_worker.fetch("select id from patterns")}

    for cut in (-30, -29, -12, None):
        async with exchange_with(trading_worker, candles[:cut]) as resources:
            assert await analyse(trading_worker, resources=resources) is None

    after = await trading_worker.fetch("select id, symbol, timeframe, kind, started_at from patterns")
    assert before <= {row["id"] for row in after}
    assert len({tuple(row)[1:] for row in after}) == len(after)
    assert await trading_worker.fetchval("select count(*) from market_intelligence") == 5


async def test_what_came_bar_by_bar_is_what_a_walk_finds(trading_worker: Pool) -> None:
    candles, symbol = recent(2_400, seed=12), Symbol.parse("SOL/USDT")
    await store_candles(trading_worker, BTC, HOUR, candles)
    await analyse(trading_worker)
    for cut in (-60, -45, -20, -19, None):
        await store_candles(trading_worker, symbol, HOUR, candles[:cut])
        async with exchange_with(trading_worker, candles[:cut]) as resources:
            await analyse(trading_worker, symbol, resources=resources)

    statement = "select kind, started_at, detected_opened_at, confidence from patterns where symbol = $1 order by 1, 2"
    whole = [tuple(row) for row in await trading_worker.fetch(statement, BTC)]
    assert [tuple(row) for row in await trading_worker.fetch(statement, symbol)] == whole


async def test_an_unwatched_pair_has_its_candles_fetched(trading_worker: Pool) -> None:
    candles = recent(2_000, seed=8)
    job_id = await job_for(trading_worker)

    async with exchange_with(trading_worker, candles) as resources:
        assert await analyse(trading_worker, ETH, job_id, resources=resources) is None

    assert await trading_worker.fetchval("select count(*) from candles where symbol = $1", ETH) == 2_000
    job = await jobs.find(trading_worker, job_id)
    assert job is not None and job.state == "done" and job.result is not None
    assert job.result["opened_at"] == candles["opened_at"][-1].isoformat()
    # Asked for once does not mean watched: nothing of it is due later.
    assert await trading_worker.fetchval("select count(*) from ingest_state") == 0


async def test_too_short_a_history_names_both_numbers(trading_worker: Pool) -> None:
    job_id = await job_for(trading_worker)

    async with exchange_with(trading_worker, recent(120)) as resources:
        assert await analyse(trading_worker, job_id=job_id, resources=resources) is None
        assert await analyse(trading_worker, resources=resources) == Discard(
            "not_enough_data: have 120, need 300 candles of BTC/USDT 1h"
        )

    job = await jobs.find(trading_worker, job_id)
    assert job is not None
    assert (job.state, job.error) == ("failed", "not_enough_data: have 120, need 300 candles of BTC/USDT 1h")


async def test_an_unknown_symbol_is_buried_and_its_job_fails(trading_worker: Pool) -> None:
    unknown = Symbol.parse("NOPE/USDT")
    job_id = await job_for(trading_worker)

    ending = await analyse(trading_worker, unknown)
    assert isinstance(ending, Bury) and ending.code == "symbol_unknown"
    assert await analyse(trading_worker, unknown, job_id) is None

    job = await jobs.find(trading_worker, job_id)
    assert job is not None and job.state == "failed" and "symbol_unknown" in (job.error or "")


async def test_a_cancelled_job_is_not_worked_on(trading_worker: Pool) -> None:
    job_id = await job_for(trading_worker)
    await jobs.cancel(trading_worker, job_id)

    assert isinstance(await analyse(trading_worker, job_id=job_id), Discard)
    assert await trading_worker.fetchval("select count(*) from market_intelligence") == 0


async def test_a_bulk_job_ends_with_its_last_symbol(trading_worker: Pool) -> None:
    job_id = await job_for(trading_worker, BTC, ETH)

    async with exchange_with(trading_worker, recent(600)) as resources:
        await analyse(trading_worker, BTC, job_id, resources=resources)
    half = await jobs.find(trading_worker, job_id)
    async with exchange_with(trading_worker, recent(100)) as resources:
        await analyse(trading_worker, ETH, job_id, resources=resources)

    assert half is not None and (half.state, half.progress) == ("running", 0.5)
    job = await jobs.find(trading_worker, job_id)
    assert job is not None and job.state == "done" and job.result is not None
    assert "opened_at" in job.result["results"][BTC]
    assert job.result["results"][ETH]["error"].startswith("not_enough_data: have 100, need 300")


async def test_symbols_that_end_together_lose_no_result(trading_worker: Pool) -> None:
    symbols = [BTC, ETH, Symbol.parse("SOL/USDT")]
    for symbol in symbols:
        await store_candles(trading_worker, symbol, HOUR, recent(400))
    job_id = await job_for(trading_worker, *symbols)

    deliveries = [
        await delivered(trading_worker, AnalyzeMarket(symbol=symbol, timeframe=HOUR, job_id=job_id))
        for symbol in symbols
    ]

    await asyncio.gather(*(handle(delivery, resources_of(trading_worker)) for delivery in deliveries))

    job = await jobs.find(trading_worker, job_id)
    assert job is not None and job.state == "done" and job.result is not None
    assert set(job.result["results"]) == set(symbols)


async def test_the_season_comes_from_the_risk_of_bitcoin(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute(
        """
        insert into risk_metric (symbol, observed_on, source, value, known_at, band, rarity, days, price)
        values ('BTC/USDT', current_date - 1, 'anchors', 0.62, now() - interval '1 day', 6, 1.5, 900, 100000),
          ('BTC/USDT', current_date - 1, 'regression', 0.2, now() - interval '1 day', 2, 1.2, 900, 100000),
          ('BTC/USDT', current_date, 'anchors', 0.1, now() + interval '1 hour', 1, 1.2, 900, 100000)
        """
    )
    await store_candles(trading_worker, ETH, HOUR, recent(500))

    await analyse(trading_worker, ETH)

    assert await trading_worker.fetchval("select season from market_intelligence") == "distribution"


async def test_a_cluster_ahead_becomes_a_pattern(trading_worker: Pool) -> None:
    closes = [100.0 - bar * 0.05 for bar in range(400)] + [80.0 + bar * 0.2 for bar in range(20)]
    candles = recent(420).with_columns(close=pl.Series(closes))
    candles = candles.with_columns(open=pl.col("close").shift(1, fill_value=100.0)).with_columns(
        high=pl.max_horizontal("open", "close") + 0.4, low=pl.min_horizontal("open", "close") - 0.4
    )
    await store_candles(trading_worker, BTC, HOUR, candles)
    await trading_worker.execute(
        """
        insert into liq_clusters (symbol, source, observed_at, side, price, size, notional)
        values ($1, 'king_fisher', now(), 'above', 86, 'xlarge', 9000000)
        """,
        BTC,
    )

    await analyse(trading_worker)

    row = await trading_worker.fetchrow("select * from patterns where kind = 'liquidation_cluster'")
    assert row is not None and row["direction"] == "long" and row["price_levels"]["target"] == 86
    assert row["barrier"] is None


async def test_real_candles_have_patterns_with_a_record(trading_worker: Pool) -> None:
    candles, timeframe = real_candles("SOLUSDT_1h_2024")
    await store_candles(trading_worker, BTC, timeframe, candles)
    async with exchange_with(trading_worker, candles[-1:]) as resources:
        await analyse(trading_worker, resources=resources)

    assert await trading_worker.fetchval("select sum(n) from pattern_effectiveness where origin = 'all'") > 10
