"""observe_market on a real database, with a Cryptometer that answers in its own wire shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from orchestrator_worker.context import handler
from orchestrator_worker.context.recall import recall
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import cryptometer, store
from orchestrator_worker.sources.plan import PLAN
from orchestrator_worker.sources.vendors import Vendors, open_vendors
from tests.orchestrator_worker.jobs import delivered
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ObserveMarket
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
MARKET = {source.name for source in PLAN if source.scope == "market"}
OF_SYMBOLS = {source.name for source in PLAN if source.scope != "market" and source.asked_by == "tick"}


@dataclass
class World:
    now: datetime = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
    failing: dict[str, httpx.Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if refusal := self.failing.get(path):
            return refusal
        return httpx.Response(200, json={"success": "true", "error": "false", "data": self.data(path)})

    def data(self, path: str) -> Any:
        ticker = {"pair": "BTC-USDT", "price": 100, "high": 110, "low": 90, "volume_24": 5000}
        screened = {
            "pair": "BTC-USDT",
            "symbol": "BTC",
            "exchange": "binance",
            "entry_price": 90,
            "price_reached": 100,
            "pnl": 11.1,
            "side": "BUY",
            "entry_time": "2026-11-19T00:35:00.000Z",
            "status": "closed",
        }
        stamp = self.now.isoformat()
        flow = [{"from": "USDT", "to": "BTC", "volume": 30}, {"from": "BTC", "to": "USDT", "volume": 10}]
        return {
            "/trend-indicator-v3/": [
                {"trend_score": 49.79, "buy_pressure": 47, "sell_pressure": 53, "timestamp": stamp}
            ],
            "/rapid-movements/": [
                {
                    "pair": "BTC-USDT",
                    "exchange": "binance",
                    "change_detected": 4.6,
                    "side": "PUMP",
                    "timestamp": stamp,
                }
            ],
            "/large-trades-activity/": [{"pair": "BTC-USDT", "quantity": 2, "total": 200000, "side": "SELL"}],
            "/volume-flow/": {"inflow": flow, "outflow": flow, "netflow": flow},
            "/liquidity-lens/": {"BTC": {"inflow": 10, "outflow": 4, "netflow": 6}},
            "/volatility-index/": [
                {
                    "pair": "BTC-USDT",
                    "volatility": "1.083",
                    "price": "100",
                    "avg_price": "99",
                    "change": "1.0",
                    "volume": "5",
                    "volume_change": "-50.0",
                }
            ],
            "/tickerlist-pro/": [ticker | {"usd_price": 100}],
            "/tickerlist/": [ticker],
            "/ai-screener/": [screened],
            "/coininfo/": [
                {
                    "symbol": "BTC",
                    "name": "Bitcoin",
                    "totalSupply": 21,
                    "circulatingSupply": 20,
                    "marketCap": 2000,
                    "price": 100,
                }
            ],
            "/cryptocurrency-info/": [
                {
                    "name": "Bitcoin",
                    "pair": "BTC-USDT",
                    "total_supply": "21",
                    "circulate_supply": "20",
                    "price": 100,
                    "high": 110,
                    "low": 90,
                    "volume": 5,
                }
            ],
            "/forex-rates/": [{"symbol": "EUR", "rate": 0.9}],
            "/coinlist/": [{"pair": "BTC-USDT", "market_pair": "BTCUSDT"}],
            "/xtrades/": [
                {
                    "pair": "BTC-USDT",
                    "exchange": "binance",
                    "price": 100,
                    "size": 500,
                    "total": 50000,
                    "side": "BUY",
                    "timestamp": stamp,
                }
            ],
            "/open-interest/": [{"market_pair": "BTCUSDT", "open_interest": "812345.5"}],
            "/merged-trade-volume/": [{"buy": 21516.05, "sell": 18731.98}],
            "/24h-trade-volume-v2/": [{"buy": 300, "sell": 100}],
            "/ai-screener-analysis/": {"ratio": "64.29", "trades": [screened]},
        }[path]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for module in (handler, cryptometer):
        monkeypatch.setattr(module, "utc_now", lambda: made.now)
    return made


def vendors_of(world: World, pool: Pool, key: str | None = "key") -> AbstractAsyncContextManager[Vendors]:
    return open_vendors(
        pool,
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        cryptometer_key=key,
        transport=httpx.MockTransport(world),
    )


@pytest.fixture
async def resources(world: World, trading: Pool, trading_worker: Pool) -> AsyncIterator[Resources]:
    # What the bucket of turns does is tested beside it; here nobody waits for it.
    await trading.execute("update vendor_limits set per_second = 1000, burst = 1000")
    async with vendors_of(world, trading_worker) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def watch(trading: Pool, symbol: str = "BTC/USDT", timeframe: str = "1h") -> None:
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, $2, $3, true, 1)",
        uuid4(),
        symbol,
        timeframe,
    )


async def observe(resources: Resources) -> Ending:
    return await handler.handle(await delivered(resources.trading, ObserveMarket()), resources)


async def snapshots(trading: Pool) -> dict[str, int]:
    rows = await trading.fetch("select source, count(*) from market_snapshots group by source")
    return {row["source"]: row["count"] for row in rows}


async def test_the_market_is_asked_once_and_every_symbol_once(
    world: World, resources: Resources, trading: Pool
) -> None:
    for timeframe in ("1h", "4h"):
        await watch(trading, timeframe=timeframe)

    assert await observe(resources) is None

    assert await snapshots(trading) == dict.fromkeys(MARKET, 1)
    assert len(world.asked) == len(MARKET) + len(OF_SYMBOLS) + 1, "the merged volume of two timeframes"
    kept = await trading.fetch("select distinct source from context_readings where data is not null")
    assert {row["source"] for row in kept} == OF_SYMBOLS
    assert await trading.fetchval("select count(*) from pgmq.a_observe_market") == 1


async def test_what_is_not_due_is_not_asked_again(world: World, resources: Resources, trading: Pool) -> None:
    await observe(resources)
    world.asked.clear()
    world.now += timedelta(minutes=5)
    await observe(resources)
    assert world.asked == []

    world.now += timedelta(minutes=5)
    await observe(resources)
    assert sorted(world.asked) == ["/large-trades-activity/", "/rapid-movements/"]

    world.asked.clear()
    world.now += timedelta(days=1)
    await observe(resources)
    # The trend's answer is shared with the ingests, which the database's own clock keeps.
    assert len(world.asked) == len(MARKET - {"trend"})


async def test_a_source_that_fails_is_missing_and_asked_again_later(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing = {
        "/volume-flow/": httpx.Response(200, json={"success": "false", "error": "Paid endpoint", "data": []}),
        "/coinlist/": httpx.Response(403),
        "/liquidity-lens/": httpx.Response(200, json={"success": "true", "error": "false", "data": {}}),
    }

    assert await observe(resources) is None

    assert set(await snapshots(trading)) == MARKET - {"volume_flow", "coin_list", "liquidity_lens"}
    failures = {
        row["source"]: row["failure"]
        for row in await trading.fetch(
            "select source, failure from context_readings where failure is not null"
        )
    }
    assert failures["volume_flow"] == "reports a failure: Paid endpoint"
    assert set(failures) == {"volume_flow", "coin_list", "liquidity_lens"}
    waits = {
        row["source"]: row["wait"]
        for row in await trading.fetch("select source, due_at - asked_at as wait from context_readings")
    }
    # A refusal would be the same in half an hour; an answer that could not be read need not.
    assert waits["coin_list"] >= timedelta(hours=6)
    assert waits["volume_flow"] <= timedelta(minutes=30)


async def test_the_last_good_value_is_used_until_it_is_stale(
    world: World, resources: Resources, trading: Pool
) -> None:
    await watch(trading)
    await observe(resources)
    answered_at = world.now
    world.failing = {source.path: httpx.Response(503) for source in PLAN}

    world.now += timedelta(minutes=50)
    await observe(resources)
    known = await recall(trading, BTC, Timeframe.HOUR_1, now=world.now)
    assert known["whale_trades"].observed_at == answered_at
    assert known["rapid_movements"].data["pumps"] == 1
    assert known["open_interest"].data["open_interest"] == 812345.5
    assert known["volume_flow"].data["netflow"] == 20

    world.now += timedelta(hours=3)
    known = await recall(trading, BTC, Timeframe.HOUR_1, now=world.now)
    assert set(known) == {
        "whale_trades",
        "open_interest",
        "merged_volume",
        "volume_24h",
        "ai_screener_analysis",
    }

    world.now += timedelta(days=3)
    assert await recall(trading, BTC, Timeframe.HOUR_1, now=world.now) == {}


async def test_a_month_that_runs_short_drops_the_least_valuable_by_name(
    world: World, resources: Resources, trading: Pool
) -> None:
    await watch(trading)
    now = await trading.fetchval("select clock_timestamp()")
    month = await store.month_of(trading, "cryptometer")
    assert month.quota is not None
    began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    elapsed = (now - began) / ((began + timedelta(days=32)).replace(day=1) - began)
    # Half of the slack is used up: the lower half of the plan has to go.
    used = int(month.quota * (min(elapsed + 0.05, 1.0) - 0.025))
    await trading.execute(
        "insert into vendor_usage (vendor, month, requests) values ('cryptometer', $1, $2)",
        began.date(),
        used,
    )

    assert await observe(resources) is None

    dropped = await trading.fetch("select source from source_usage where dropped > 0")
    asked = await trading.fetch("select source from source_usage where answered > 0")
    assert {row["source"] for row in asked} >= {"trend", "rapid_movements", "whale_trades", "open_interest"}
    assert {row["source"] for row in dropped} >= {"coin_list", "forex_rates", "coin_info", "volume_24h"}
    assert not {row["source"] for row in asked} & {row["source"] for row in dropped}
    place = [source.name for source in PLAN]
    worst_asked = max(place.index(row["source"]) for row in asked)
    assert all(place.index(row["source"]) > worst_asked for row in dropped)


async def test_a_paused_vendor_is_left_alone(world: World, resources: Resources, trading: Pool) -> None:
    world.failing["/trend-indicator-v3/"] = httpx.Response(429, headers={"retry-after": "600"})

    assert await observe(resources) is None

    assert world.asked == ["/trend-indicator-v3/"]
    assert await snapshots(trading) == {}


async def test_a_used_quota_asks_nothing(world: World, resources: Resources, trading: Pool) -> None:
    await trading.execute("update vendor_limits set monthly_quota = 0 where vendor = 'cryptometer'")

    assert await observe(resources) is None

    assert world.asked == []


async def test_without_any_vendor_there_is_nothing_to_do(world: World, trading_worker: Pool) -> None:
    async with vendors_of(world, trading_worker, key=None) as vendors:
        resources = Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)
        assert isinstance(await observe(resources), Discard)
