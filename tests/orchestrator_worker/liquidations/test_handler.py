"""ingest_clusters on a real database: sources in their order, pushes, screenshots read by the simulated models."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from local_stack.simulators import anthropic, openai
from local_stack.simulators.control import Gate, Vendor
from local_stack.simulators.seeing import png_with
from orchestrator_worker.ending import Bury, Discard, Postpone
from orchestrator_worker.liquidations import handler, maps
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import ModelAccess, open_vendors
from tests.orchestrator_worker.jobs import delivered, store_candles
from tests.orchestrator_worker.market import random_candles
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestClusters
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
HOUR = timedelta(hours=1)


@dataclass
class World:
    """The map vendors and what they were asked."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_failing: bool = False
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.host == "maps.test":
            return httpx.Response(503) if self.is_failing else httpx.Response(200, json=self.map())
        if request.url.host == "futures.test":
            return httpx.Response(200, json=self.open_interest())
        raise AssertionError(f"nobody should ask {request.url}")

    def map(self) -> dict[str, Any]:
        return {
            "symbol": "BTC/USDT",
            "observed_at": (self.now - timedelta(minutes=1)).isoformat(),
            "clusters": [
                {"side": "above", "price": "105.5", "size": "large", "notional": "5000000"},
                {"side": "below", "price": "96.0", "size": "small", "notional": "100000"},
            ],
        }

    def open_interest(self) -> list[dict[str, Any]]:
        newest = Timeframe.HOUR_1.floor(self.now)
        return [
            {
                "symbol": "BTCUSDT",
                "sumOpenInterest": str(1_000 + 10 * order),
                "sumOpenInterestValue": "1",
                "timestamp": int((newest - (99 - order) * HOUR).timestamp() * 1000),
            }
            for order in range(100)
        ]


@pytest.fixture
def world() -> World:
    return World()


@asynccontextmanager
async def resources_with(pool: Pool, world: World, **configured: Any) -> AsyncIterator[Resources]:
    async with open_vendors(
        pool,
        exchange_url="https://exchange.test",
        cryptometer_url="",
        transport=httpx.MockTransport(world),
        **configured,
    ) as vendors:
        yield Resources(chat=pool, trading=pool, vendors=vendors)


@pytest.fixture
async def resources(trading_worker: Pool, world: World) -> AsyncIterator[Resources]:
    async with resources_with(
        trading_worker, world, king_fisher_url="https://maps.test", futures_url="https://futures.test"
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    """The simulated models behind a real server, because their SDKs bring a transport of their own."""
    grok = openai.ChatCompletions(owner="xai", models=("grok-4.7",), refusal=openai.refuse_as_xai)
    app = Starlette(
        routes=[
            Mount("/xai", Gate(grok.router, Vendor("xai", openai.refuse_as_xai))),
            Mount("/anthropic", Gate(anthropic.Messages().router, Vendor("anthropic", anthropic.refusal))),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


async def add_candles(trading: Pool, world: World, bars: int = 120) -> float:
    """Hourly candles around 100 up to now; the newest close."""
    newest = Timeframe.HOUR_1.newest_closed(world.now)
    candles = random_candles(bars, seed=1, began_at=newest - (bars - 1) * HOUR, volatility=0.001)
    await store_candles(trading, BTC, Timeframe.HOUR_1, candles)
    return float(candles["close"][-1])


async def add_push(trading: Pool, push_id: str = "push-1", **columns: Any) -> None:
    given = {
        "id": push_id,
        "symbol": BTC,
        "observed_at": datetime.now(UTC) - timedelta(minutes=2),
        "link": "https://maps.example.com/1",
        **columns,
    }
    places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
    await trading.execute(
        f"insert into cluster_pushes ({', '.join(given)}) values ({places})", *given.values()
    )


async def handled(resources: Resources, **changes: Any) -> Any:
    return await handler.handle(
        await delivered(resources.trading, IngestClusters(symbol=BTC, **changes)), resources
    )


async def monitor(trading: Pool) -> dict[str, Any]:
    [row] = await trading.fetch("select * from liquidation_monitor")
    return dict(row)


async def test_a_map_is_kept_with_what_it_threatens(
    resources: Resources, trading: Pool, world: World
) -> None:
    close = await add_candles(trading, world)

    assert await handled(resources) is None

    rows = await trading.fetch("select source, side, price, notional from liq_clusters order by price")
    assert [(row["source"], row["side"], float(row["price"])) for row in rows] == [
        ("king_fisher", "below", 96.0),
        ("king_fisher", "above", 105.5),
    ]
    seen = await monitor(trading)
    assert float(seen["price"]) == pytest.approx(close)
    assert seen["nearest_above"]["price"] == 105.5
    assert seen["nearest_above"]["distance_percent"] == pytest.approx((105.5 / close - 1) * 100, abs=1e-3)
    above = (100 - abs(105.5 / close - 1) * 100) / 100 * 50
    below = (100 - abs(96 / close - 1) * 100) / 100 * 0.02 * 50
    assert seen["cascade_risk"] == pytest.approx(above + below)
    assert seen["cascade_band"] == "medium"
    assert set(seen["distances"]["long"]) == {"10x", "20x", "50x", "100x"}
    assert await trading.fetchval("select count(*) from pgmq.q_ingest_clusters") == 0


async def test_a_source_is_asked_once_for_a_map(resources: Resources, trading: Pool, world: World) -> None:
    await add_candles(trading, world)
    await handled(resources)

    again = await maps.current_map(
        resources.vendors, resources.trading, BTC, now=world.now + timedelta(minutes=5)
    )
    later = await maps.current_map(
        resources.vendors, resources.trading, BTC, now=world.now + timedelta(minutes=10)
    )

    assert again is not None
    assert again.vendor == "king_fisher"
    assert later is not None
    assert world.asked == ["/clusters/BTC-USDT"] * 2


async def test_without_a_map_one_is_estimated(resources: Resources, trading: Pool, world: World) -> None:
    await add_candles(trading, world)
    world.is_failing = True

    assert await handled(resources) is None

    rows = await trading.fetch("select distinct source, confidence from liq_clusters")
    assert [row["source"] for row in rows] == ["estimated"]
    assert 0 < rows[0]["confidence"] <= 1
    assert (await monitor(trading))["source"] == "estimated"


async def test_what_no_source_tells_is_missing(trading_worker: Pool, trading: Pool, world: World) -> None:
    await add_candles(trading, world)
    async with resources_with(trading_worker, world) as resources:
        ended = await handled(resources)

    assert isinstance(ended, Discard)
    assert ended.reason.startswith("map_missing")


async def test_an_unknown_symbol_is_buried(resources: Resources) -> None:
    message = IngestClusters(symbol=Symbol.parse("NOPE/USDT"))

    assert isinstance(await handler.handle(await delivered(resources.trading, message), resources), Bury)


async def test_a_pushed_map_is_kept_as_pushed(resources: Resources, trading: Pool, world: World) -> None:
    await add_candles(trading, world)
    clusters = [{"side": "above", "price": "101.5", "size": "xlarge", "notional": "9000000"}]
    await add_push(trading, clusters=clusters, confidence=0.7)

    assert await handled(resources, push_id="push-1") is None

    [row] = await trading.fetch("select * from liq_clusters")
    assert (row["source"], row["confidence"], row["link"]) == ("pushed", 0.7, "https://maps.example.com/1")
    assert await trading.fetchval("select state from cluster_pushes") == "kept"
    assert (await monitor(trading))["source"] == "pushed"
    assert isinstance(await handled(resources, push_id="push-1"), Discard), "a redelivery does nothing"


async def test_a_fresh_map_of_a_better_source_stays_the_monitors(
    resources: Resources, trading: Pool, world: World
) -> None:
    await add_candles(trading, world)
    await handled(resources)
    await add_push(trading, clusters=[{"side": "above", "price": "101.5", "size": "small", "notional": "1"}])

    assert await handled(resources, push_id="push-1") is None

    assert (await monitor(trading))["source"] == "king_fisher"
    assert await trading.fetchval("select count(*) from liq_clusters where source = 'pushed'") == 1


async def test_prices_of_another_market_are_refused(
    resources: Resources, trading: Pool, world: World
) -> None:
    await add_candles(trading, world)
    await add_push(trading, clusters=[{"side": "above", "price": "43000", "size": "small", "notional": None}])

    assert await handled(resources, push_id="push-1") is None

    [push] = await trading.fetch("select state, refusal from cluster_pushes")
    assert push["state"] == "refused"
    assert "price: 43000 is too far from the newest close" in push["refusal"]
    assert await trading.fetchval("select count(*) from liq_clusters") == 0


async def test_without_candles_nothing_can_be_believed(resources: Resources, trading: Pool) -> None:
    await add_push(trading, clusters=[{"side": "above", "price": "101", "size": "small"}])

    assert await handled(resources, push_id="push-1") is None

    assert "not_enough_data: have 0, need 1" in await trading.fetchval("select refusal from cluster_pushes")


@pytest.mark.parametrize("vendor", ["xai", "anthropic"])
async def test_a_screenshot_is_read_by_a_model(
    trading_worker: Pool, trading: Pool, world: World, models: str, vendor: str
) -> None:
    await add_candles(trading, world)
    picture = png_with("liquidation map BTC\n103.25 small 6000000\n97.5 medium")
    await add_push(trading, image=picture, media_type="image/png")
    path = "/xai/v1" if vendor == "xai" else "/anthropic"
    async with resources_with(
        trading_worker, world, models={vendor: ModelAccess(models + path, "sim-key")}
    ) as resources:
        assert await handled(resources, push_id="push-1") is None

    rows = await trading.fetch("select * from liq_clusters order by price")
    assert [(row["side"], float(row["price"]), row["size"]) for row in rows] == [
        ("below", 97.5, "medium"),
        # The figure says more than the model's comparison.
        ("above", 103.25, "large"),
    ]
    assert {(row["source"], row["confidence"], row["link"]) for row in rows} == {
        ("screenshot", 0.9, "https://maps.example.com/1")
    }
    [push] = await trading.fetch("select state, image from cluster_pushes")
    assert (push["state"], push["image"]) == ("kept", None)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a cat", "no liquidation map"),
        ("liquidation map ETH\n103 small", "names ETH, not BTC"),
        ("liquidation map BTC\n10.3 small", "too far from the newest close"),
        ("liquidation map BTC", "must be 1 to 60"),
        ("liquidation map BTC\n103 gigantic", "size: must be one of"),
    ],
)
async def test_an_implausible_picture_is_refused(
    trading_worker: Pool, trading: Pool, world: World, models: str, text: str, refusal: str
) -> None:
    await add_candles(trading, world)
    await add_push(trading, image=png_with(text), media_type="image/png")
    access = ModelAccess(f"{models}/xai/v1", "sim-key")
    async with resources_with(trading_worker, world, models={"xai": access}) as resources:
        assert await handled(resources, push_id="push-1") is None

    [push] = await trading.fetch("select state, refusal, image from cluster_pushes")
    assert push["state"] == "refused"
    assert refusal in push["refusal"]
    assert push["image"] is None
    assert await trading.fetchval("select count(*) from liq_clusters") == 0


async def test_without_a_model_a_picture_waits_in_the_dead_letters(
    resources: Resources, trading: Pool, world: World
) -> None:
    await add_candles(trading, world)
    await add_push(trading, image=png_with("liquidation map BTC\n103 small"), media_type="image/png")

    ended = await handled(resources, push_id="push-1")

    assert isinstance(ended, Bury)
    assert ended.code == "vision_unconfigured"
    assert await trading.fetchval("select state from cluster_pushes") == "waiting"


async def test_a_model_that_fails_lets_the_message_come_back(
    trading_worker: Pool, trading: Pool, world: World, models: str
) -> None:
    await add_candles(trading, world)
    await add_push(trading, image=png_with("liquidation map BTC\n103 small"), media_type="image/png")
    # The key is none of the simulator's, so it refuses, and so does an address where nobody listens.
    wrong = {
        "xai": ModelAccess(f"{models}/xai/v1", "stolen"),
        "openai": ModelAccess("http://127.0.0.1:9/v1", "k"),
    }
    async with resources_with(trading_worker, world, models=wrong) as resources:
        with pytest.raises(SourceUnavailable) as raised:
            await handled(resources, push_id="push-1")

    assert "stolen" not in str(raised.value)
    assert await trading.fetchval("select state from cluster_pushes") == "waiting"


async def test_a_used_up_allowance_postpones(
    trading_worker: Pool, trading: Pool, world: World, models: str
) -> None:
    await add_candles(trading, world)
    await add_push(trading, image=png_with("liquidation map BTC\n103 small"), media_type="image/png")
    await trading.execute("update vendor_limits set monthly_quota = 0 where vendor = 'vision'")
    access = ModelAccess(f"{models}/xai/v1", "sim-key")
    async with resources_with(trading_worker, world, models={"xai": access}) as resources:
        ended = await handled(resources, push_id="push-1")

    assert isinstance(ended, Postpone)
    assert ended.code == "source_quota_used"
