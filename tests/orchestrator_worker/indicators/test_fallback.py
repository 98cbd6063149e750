"""ingest_indicators when an exchange is away: whose candles are taken, and that no series mixes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Bury, Ending
from orchestrator_worker.indicators import handler, observations
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import exchange, exchanges
from orchestrator_worker.sources.exchanges import ExchangeChoice
from orchestrator_worker.sources.vendor import SourceUnavailable, Vendor, hurried
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.candles.test_backfill import BTC, HOUR, NEWEST, NOW, World, stored
from tests.orchestrator_worker.jobs import delivered, store_candles
from tests.orchestrator_worker.market import random_candles
from tests.orchestrator_worker.vendors import ADMITTED
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool

PAIR = IngestIndicators(symbol=BTC, timeframe=Timeframe.HOUR_1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for module in (handler, exchange, exchanges):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    return World()


@pytest.fixture
async def resources(world: World, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url="https://binance.test",
        exchanges=[ExchangeChoice("kraken", "https://kraken.test")],
        cryptometer_url="https://cryptometer.test",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def ingest(resources: Resources, *, attempt: int = 1, pair: IngestIndicators = PAIR) -> Ending:
    delivery = await delivered(resources.trading, pair)
    await resources.trading.execute(
        "update pgmq.q_ingest_indicators set read_ct = $1 where msg_id = $2", attempt, delivery.lease.id
    )
    delivery.lease.read_count = attempt
    return await handler.handle(delivery, resources)


async def test_an_exchange_that_fails_twice_is_stood_in_for(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing["binance"] = httpx.Response(451)

    with pytest.raises(SourceUnavailable):
        await ingest(resources)
    assert await stored(trading, "kraken") == []

    assert await ingest(resources, attempt=2) is None
    assert len(await stored(trading, "kraken")) == 719, "its own history, so that indicators need no other's"
    assert await stored(trading) == []


async def test_after_its_return_the_first_exchange_goes_on_where_it_was(
    world: World, resources: Resources, trading: Pool
) -> None:
    bars = world.bars(NEWEST - 2_000 * HOUR, NEWEST - 3 * HOUR)
    await store_candles(trading, BTC, Timeframe.HOUR_1, random_candles(len(bars), seed=3, began_at=bars[0]))
    world.failing["binance"] = httpx.Response(503)
    await ingest(resources, attempt=2)
    del world.failing["binance"]
    world.asked.clear()

    assert await ingest(resources) is None

    assert world.asked == [("binance", 4)], "asked from its own newest candle on, not from Kraken's"
    assert (await stored(trading))[-1] == NEWEST


async def test_a_symbol_only_another_exchange_lists_is_ingested_at_once(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing["binance"] = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    assert await ingest(resources) is None

    assert (await stored(trading, "kraken"))[-1] == NEWEST


async def test_a_symbol_nobody_lists_is_buried(world: World, resources: Resources) -> None:
    world.failing["binance"] = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    ending = await ingest(
        resources, pair=IngestIndicators(symbol=Symbol.parse("ETH/USDT"), timeframe=Timeframe.HOUR_1)
    )

    assert isinstance(ending, Bury)
    assert ending.code == "source_request_refused"


async def test_an_exchange_that_lags_behind_its_reach_brings_its_newest_candles(
    world: World, resources: Resources, trading: Pool
) -> None:
    old = random_candles(5, seed=1, began_at=NEWEST - 2_500 * HOUR)
    await store_candles(trading, BTC, Timeframe.HOUR_1, old, exchange="kraken")
    world.failing["binance"] = httpx.Response(503)

    assert await ingest(resources, attempt=2) is None

    assert len(await stored(trading, "kraken")) == 5 + 719


async def test_a_delisted_symbol_waits_a_day(resources: Resources, trading: Pool, world: World) -> None:
    await trading.execute("update instruments set active = false where symbol = 'BTC/USDT'")

    assert await ingest(resources) is None

    assert world.asked == []
    row = await trading.fetchrow("select next_due_at, last_error from ingest_state")
    assert row is not None
    assert tuple(row) == (NOW + timedelta(days=1), "the symbol is not traded any more")


async def test_a_series_is_of_one_exchange(trading_worker: Pool, trading: Pool) -> None:
    pair = (trading_worker, BTC, Timeframe.HOUR_1)
    home = random_candles(400, seed=1, began_at=NEWEST - 402 * HOUR)
    stand_in = random_candles(300, seed=2, began_at=NEWEST - 299 * HOUR)
    await store_candles(trading, BTC, Timeframe.HOUR_1, home)
    await store_candles(trading, BTC, Timeframe.HOUR_1, stand_in, exchange="kraken")

    longest = await candles_store.candles_between(*pair, since=NEWEST - 500 * HOUR, bars_max=1_000)
    newest = await candles_store.candles_between(*pair, until=NEWEST, holding=NEWEST, bars_max=1_000)
    past = NEWEST - 200 * HOUR
    before = await candles_store.candles_between(*pair, until=past, holding=past, bars_max=1_000)

    assert longest["close"].to_list() == pytest.approx(home["close"].to_list())
    assert newest["close"].to_list() == pytest.approx(stand_in["close"].to_list())
    assert before["close"].to_list() == pytest.approx(home["close"].to_list()[: before.height])


async def test_a_first_ingest_waits_for_readings_no_longer_than_its_patience(
    resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[float | None] = []

    async def observe(*given: Any, patience_seconds: float | None, **named: Any) -> dict[str, Any]:
        patience.append(patience_seconds)
        return {}

    monkeypatch.setattr(handler, "observe", observe)

    await ingest(resources)
    await trading.execute("delete from candles where opened_at = $1", NEWEST)
    await ingest(resources)

    assert patience == [handler.FIRST_PATIENCE_SECONDS, None]


async def test_what_is_not_told_in_time_is_missing(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(observations, "_questions", lambda *_: {"trend": never})

    told = await observations.observe(resources, BTC, Timeframe.HOUR_1, now=NOW, patience_seconds=0.05)

    assert dict(told) == {}


async def test_who_is_in_a_hurry_takes_no_late_turn() -> None:
    waited: list[float] = []

    class Watched:
        async def wait_turn(self, vendor: str, *, weight: int, patience_seconds: float) -> Any:
            waited.append(patience_seconds)
            return ADMITTED

        async def pause(self, vendor: str, *, seconds: float, reason: str) -> None: ...

    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    vendor = Vendor("x", "https://x.test", limits=Watched(), transport=answer)
    with hurried(2.0):
        await vendor.get("/")
    await vendor.get("/")

    assert waited[0] <= 2.0 < waited[1]
