"""What an ingest is told beside candles: asked once for all timeframes, kept by age, missing when nobody tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from orchestrator_worker.indicators import store
from orchestrator_worker.indicators.observations import observe
from orchestrator_worker.indicators.store import IndicatorRow
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import cryptometer
from orchestrator_worker.sources.vendors import open_vendors
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
HOUR = timedelta(hours=1)
HOURLY, SHORT = Timeframe.HOUR_1, Timeframe.MINUTES_5


@dataclass
class World:
    now: datetime = datetime(2026, 11, 20, 12, 0, 20, tzinfo=UTC)
    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.failing:
            return httpx.Response(503)
        data: Any = [{"binance_futures": {"longs": 1000.5, "shorts": 20}}]
        if path == "/ls-ratio/":
            opened_at = Timeframe.parse(request.url.params["timeframe"]).newest_closed(self.now)
            data = [{"ratio": "1.25", "buy": "55.5", "sell": "44.5", "timestamp": opened_at.isoformat()}]
        if path == "/trend-indicator-v3/":
            data = [
                {
                    "trend_score": 49.79,
                    "buy_pressure": 47,
                    "sell_pressure": 53,
                    "timestamp": self.now.isoformat(),
                }
            ]
        return httpx.Response(200, json={"success": "true", "error": "false", "data": data})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(cryptometer, "utc_now", lambda: made.now)
    return made


@pytest.fixture
async def resources(world: World, trading: Pool, trading_worker: Pool) -> AsyncIterator[Resources]:
    await trading.execute("update vendor_limits set per_second = 1000, burst = 1000")
    async with open_vendors(
        trading_worker,
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        cryptometer_key="key",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def told(resources: Resources, world: World, timeframe: Timeframe = HOURLY) -> dict[str, datetime]:
    """What one ingest is told, after it has been stored with the newest candle as the handler does."""
    readings = await observe(resources, BTC, timeframe, now=world.now)
    rows = [
        IndicatorRow(source=source, data=reading.data, observed_at=reading.observed_at)
        for source, reading in readings.items()
    ]
    async with resources.trading.acquire() as connection:
        await store.save_readings(connection, BTC, timeframe, timeframe.newest_closed(world.now), rows)
    return {source: reading.observed_at for source, reading in readings.items()}


async def snapshot(trading: Pool, source: str, observed_at: datetime, data: Any) -> None:
    await trading.execute(
        "insert into market_snapshots (source, vendor, observed_at, data) values ($1, 'cryptometer', $2, $3::jsonb)",
        source,
        observed_at,
        data,
    )


async def test_what_holds_for_a_symbol_is_asked_once_for_all_its_timeframes(
    world: World, resources: Resources
) -> None:
    first = await told(resources, world, HOURLY)
    second = await told(resources, world, SHORT)

    assert set(first) == set(second) == {"ls_ratio", "liquidations", "trend"}
    assert sorted(world.asked) == [
        "/liquidation-data-v2/",
        "/ls-ratio/",
        "/ls-ratio/",
        "/trend-indicator-v3/",
    ]


async def test_a_short_timeframe_asks_by_the_hour_and_is_told_each_value_once(
    world: World, resources: Resources
) -> None:
    await told(resources, world, SHORT)
    world.asked.clear()

    for _ in range(10):
        world.now += timedelta(minutes=5)
        assert "ls_ratio" not in await told(resources, world, SHORT)
    assert "/ls-ratio/" not in world.asked

    world.now += timedelta(minutes=10)
    assert "ls_ratio" in await told(resources, world, SHORT)
    assert world.asked.count("/ls-ratio/") == 1


async def test_a_source_that_fails_leaves_its_last_word_with_its_age(
    world: World, resources: Resources, trading: Pool
) -> None:
    await told(resources, world, HOURLY)
    asked_at = world.now
    world.failing = {"/liquidation-data-v2/"}

    world.now += HOUR
    assert "liquidations" not in await told(resources, world, HOURLY)
    # Another timeframe, which was not told before, still gets it, as old as it is.
    assert (await told(resources, world, SHORT))["liquidations"] == asked_at
    newest = await trading.fetchval("select max(observed_at) from indicators where source = 'liquidations'")
    assert newest == asked_at


async def test_a_last_word_that_is_stale_is_missing(world: World, resources: Resources) -> None:
    await told(resources, world, HOURLY)
    world.failing = {"/liquidation-data-v2/"}

    world.now += 4 * HOUR

    assert "liquidations" not in await told(resources, world, SHORT)


async def test_the_symbols_part_of_the_market_costs_no_request(
    world: World, resources: Resources, trading: Pool
) -> None:
    observed_at = world.now - timedelta(minutes=10)
    await snapshot(
        trading,
        "liquidity_lens",
        observed_at,
        {"coins": {"BTC": {"inflow": 5.0, "outflow": 2.0, "netflow": 3.0}, "ETH": {}}},
    )
    await snapshot(trading, "liquidity_lens", observed_at - HOUR, {"coins": {"BTC": {"netflow": -9.0}}})
    await snapshot(
        trading, "volatility_index", world.now - 3 * HOUR, {"pairs": {"BTC-USDT": {"volatility": 1.0}}}
    )

    readings = await observe(resources, BTC, HOURLY, now=world.now)

    assert readings["liquidity_lens"].data["netflow"] == 3.0
    assert readings["liquidity_lens"].observed_at == observed_at
    assert "volatility_index" not in readings, "it is older than its bound"


async def test_of_two_ingests_at_once_one_asks(world: World, resources: Resources) -> None:
    await asyncio.gather(*(observe(resources, BTC, HOURLY, now=world.now) for _ in range(4)))

    assert world.asked.count("/liquidation-data-v2/") == 1
    assert world.asked.count("/ls-ratio/") == 1
    assert world.asked.count("/trend-indicator-v3/") == 1
