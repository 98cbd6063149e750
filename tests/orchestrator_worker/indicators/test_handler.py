"""ingest_indicators on a real database, with vendors that answer in their own wire shapes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Bury, Ending, Postpone
from orchestrator_worker.indicators import handler, store
from orchestrator_worker.indicators.technical import NAMED
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import cryptometer, exchange
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import open_vendors
from zmarty import messages, queue
from zmarty.errors import LeaseLost
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Delivery

BTC = Symbol.parse("BTC/USDT")
PAIR = IngestIndicators(symbol=BTC, timeframe=Timeframe.HOUR_1)
HOUR = timedelta(hours=1)
START = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)


@dataclass
class World:
    """The vendors and the clock. Prices follow from the opening time, so that both candle sources agree."""

    now: datetime = START
    listed_from: datetime = START - timedelta(days=400)
    halted_from: datetime | None = None
    failing: dict[str, httpx.Response] = field(default_factory=dict)
    corrections: dict[datetime, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        host, path = request.url.host.split(".")[0], request.url.path
        self.asked.append(f"{host}{path}")
        for place, refusal in self.failing.items():
            if f"{host}{path}".startswith(place):
                return refusal
        if host == "exchange":
            return httpx.Response(200, json=self.klines(dict(request.url.params)))
        if host == "kingfisher":
            return httpx.Response(200, json=self.clusters())
        return httpx.Response(
            200, json={"success": "true", "error": "false", "data": self.cryptometer_rows(path)}
        )

    def bars(self, first: datetime, last: datetime) -> list[datetime]:
        last = min(last, self.halted_from - HOUR) if self.halted_from else last
        first = Timeframe.HOUR_1.floor(max(first, self.listed_from))
        return [first + hour * HOUR for hour in range(int((last - first) / HOUR) + 1)]

    def prices(self, opened_at: datetime) -> tuple[float, float, float, float]:
        step = int(opened_at.timestamp()) // 3600
        close = self.corrections.get(opened_at, 100 + (step * 7919 % 1000) / 100)
        opened = 100 + ((step - 1) * 7919 % 1000) / 100
        return opened, max(opened, close) + 1, min(opened, close) - 1, close

    def klines(self, asked: dict[str, str]) -> list[list[Any]]:
        last = datetime.fromtimestamp(int(asked["endTime"]) / 1000, UTC)
        limit = int(asked["limit"])
        if "startTime" in asked:
            bars = self.bars(datetime.fromtimestamp(int(asked["startTime"]) / 1000, UTC), last)[:limit]
        else:
            bars = self.bars(self.listed_from, last)[-limit:]
        rows = []
        for opened_at in bars:
            opened, high, low, close = self.prices(opened_at)
            rows.append(
                [
                    int(opened_at.timestamp() * 1000),
                    *(f"{price:.8f}" for price in (opened, high, low, close)),
                    "10.5",
                    int((opened_at + HOUR).timestamp() * 1000) - 1,
                    "1075.25",
                    42,
                    "5",
                    "500",
                    "0",
                ]
            )
        return rows

    def cryptometer_rows(self, path: str) -> list[Any]:
        newest = self.now.replace(minute=0, second=0)
        if path == "/ohlcv/":
            return [self.ohlcv(opened_at) for opened_at in reversed(self.bars(newest - 39 * HOUR, newest))]
        if path == "/ls-ratio/":
            return [
                {
                    "ratio": "1.25",
                    "buy": "55.5",
                    "sell": "44.5",
                    "timestamp": (newest - back * HOUR).isoformat(),
                }
                for back in range(3)
            ]
        if path == "/liquidation-data-v2/":
            return [{"binance_futures": {"longs": 1000.5, "shorts": 20}, "bitmex": {"longs": 71}}]
        assert path == "/trend-indicator-v3/"
        return [
            {
                "trend_score": 49.79,
                "buy_pressure": 47.21,
                "sell_pressure": 52.79,
                "timestamp": self.now.isoformat(),
            }
        ]

    def ohlcv(self, opened_at: datetime) -> dict[str, Any]:
        opened, high, low, close = self.prices(opened_at)
        return {
            "timestamp": opened_at.isoformat(),
            "open": round(opened, 2),
            "high": round(high, 2),
            "low": round(low, 2),
            "close": round(close, 2),
            "volume": 1075.3,
            "buy": 5,
            "sell": 5.5,
            "tradecount": 42,
        }

    def clusters(self) -> dict[str, Any]:
        return {
            "symbol": "BTC/USDT",
            "observed_at": (self.now - timedelta(minutes=4)).replace(second=0).isoformat(),
            "clusters": [
                {"side": "above", "price": "120.5", "size": "large", "notional": "5000000"},
                {"side": "below", "price": "90", "size": "small", "notional": "100000"},
            ],
        }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for module in (handler, exchange, cryptometer):
        monkeypatch.setattr(module, "utc_now", lambda: made.now)
    return made


@pytest.fixture
async def resources(world: World, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        cryptometer_key="key",
        king_fisher_url="https://kingfisher.test",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


@pytest.fixture
async def keyless(world: World, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def delivered(
    pool: Pool, *, by_hand: bool, message: IngestIndicators = PAIR
) -> Delivery[IngestIndicators]:
    async with pool.acquire() as connection:
        await (queue.send if by_hand else queue.send_once)(connection, message)
    [lease] = await queue.lease(pool, message.queue, quantity=1, lease_seconds=30)
    parsed = messages.parse(IngestIndicators, lease.text)
    assert isinstance(parsed, IngestIndicators)
    return Delivery(parsed, lease)


async def ingest(resources: Resources, *, by_hand: bool = False, message: IngestIndicators = PAIR) -> Ending:
    return await handler.handle(
        await delivered(resources.trading, by_hand=by_hand, message=message), resources
    )


async def follow_ups(pool: Pool) -> list[ComputeSignals]:
    """The waiting compute_signals messages; each is taken by looking."""
    leases = await queue.lease(pool, "compute_signals", quantity=10, lease_seconds=600)
    return [ComputeSignals.model_validate_json(lease.text or "") for lease in leases]


async def indicators(pool: Pool) -> dict[str, dict[str, Any]]:
    rows = await pool.fetch("select source, opened_at, data, observed_at from indicators order by opened_at")
    return {row["source"]: dict(row) for row in rows}


async def test_a_first_ingest_loads_the_history_and_tells_the_signals(
    world: World, resources: Resources, trading: Pool
) -> None:
    assert await ingest(resources) is None

    newest = datetime(2026, 11, 20, 11, tzinfo=UTC)
    span = await trading.fetchrow("select count(*), min(opened_at), max(opened_at) from candles")
    assert span is not None
    assert tuple(span) == (2_000, newest - 1_999 * HOUR, newest)
    assert await follow_ups(trading) == [
        ComputeSignals(symbol=BTC, timeframe=Timeframe.HOUR_1, opened_at=newest)
    ]
    state = await trading.fetchrow("select last_opened_at, failures, next_due_at from ingest_state")
    assert state is not None
    assert tuple(state) == (newest, 0, newest + 2 * HOUR + timedelta(seconds=10))
    assert "cryptometer/ohlcv/" not in world.asked
    assert await trading.fetchval("select count(*) from pgmq.a_ingest_indicators") == 1


async def test_each_source_is_a_row_that_says_where_it_comes_from(
    world: World, resources: Resources, trading: Pool
) -> None:
    await ingest(resources)

    rows = await indicators(trading)
    assert set(rows) == {"technical", "ls_ratio", "liquidations", "trend", "clusters"}
    assert {row["opened_at"] for row in rows.values()} == {datetime(2026, 11, 20, 11, tzinfo=UTC)}
    assert set(rows["technical"]["data"]) == set(NAMED)
    assert all(value is not None for value in rows["technical"]["data"].values())
    assert rows["technical"]["observed_at"] == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert rows["ls_ratio"]["data"] == {
        "vendor": "cryptometer",
        "observed_at": "2026-11-20T12:00:00+00:00",
        "ratio": 1.25,
        "long_percent": 55.5,
        "short_percent": 44.5,
    }
    assert (rows["liquidations"]["data"]["longs"], rows["liquidations"]["data"]["shorts"]) == (1071.5, 20)
    assert rows["trend"]["data"]["trend_score"] == 49.79
    assert [cluster["side"] for cluster in rows["clusters"]["data"]["clusters"]] == ["above", "below"]
    stored = await trading.fetch("select side, price, size, notional, source, observed_at from liq_clusters")
    assert sorted((row["side"], int(row["notional"]), row["source"]) for row in stored) == [
        ("above", 5_000_000, "king_fisher"),
        ("below", 100_000, "king_fisher"),
    ]


async def test_without_a_key_klines_alone_are_enough(world: World, keyless: Resources, trading: Pool) -> None:
    await ingest(keyless)

    world.now += HOUR
    await ingest(keyless)

    assert set(await indicators(trading)) == {"technical"}
    assert await trading.fetchval("select count(*) from candles") == 2_001
    assert {place.split("/")[0] for place in world.asked} == {"exchange"}


async def test_later_bars_come_from_cryptometer_alone(
    world: World, resources: Resources, trading: Pool
) -> None:
    await ingest(resources)
    world.now += 3 * HOUR
    world.asked.clear()

    await ingest(resources)

    sources = await trading.fetch("select source, count(*) from candles group by source order by source")
    assert [tuple(row) for row in sources] == [("binance", 2_000), ("cryptometer", 3)]
    assert not [place for place in world.asked if place.startswith("exchange")]
    volume = await trading.fetchrow(
        "select volume, volume_usd from candles where source = 'cryptometer' limit 1"
    )
    assert volume is not None
    assert [float(value) for value in volume] == [10.5, 1075.3]
    assert (await follow_ups(trading))[-1].opened_at == datetime(2026, 11, 20, 14, tzinfo=UTC)


@pytest.mark.parametrize("hours", [2, 45])
async def test_what_cryptometer_cannot_bring_the_exchange_does(
    world: World, resources: Resources, trading: Pool, hours: int
) -> None:
    await ingest(resources)
    if hours < 40:
        world.failing["cryptometer/ohlcv/"] = httpx.Response(503)
    world.now += hours * HOUR

    await ingest(resources)

    assert await trading.fetchval("select count(*) from candles where source = 'binance'") == 2_000 + hours


async def test_a_source_that_fails_is_missing_and_nothing_else(
    world: World, resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who is slow on a busy machine has not failed.
    monkeypatch.setattr(handler, "FIRST_PATIENCE_SECONDS", 30.0)
    world.failing["cryptometer/trend"] = httpx.Response(429, headers={"retry-after": "9"})
    world.failing["kingfisher"] = httpx.Response(500)

    assert await ingest(resources) is None

    assert set(await indicators(trading)) == {"technical", "ls_ratio", "liquidations"}
    assert await trading.fetchval("select count(*) from liq_clusters") == 0


async def test_a_reading_of_yesterday_is_no_reading(
    world: World, resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = world.clusters() | {"observed_at": (world.now - timedelta(days=1)).isoformat()}
    monkeypatch.setattr(world, "clusters", lambda: stale)

    await ingest(resources)

    assert "clusters" not in await indicators(trading)


async def test_a_message_sent_by_hand_is_answered_even_without_a_new_candle(
    world: World, resources: Resources, trading: Pool
) -> None:
    await ingest(resources)
    assert len(await follow_ups(trading)) == 1
    await trading.execute("delete from indicators")

    await ingest(resources, by_hand=True)

    assert "technical" in await indicators(trading)
    assert len(await follow_ups(trading)) == 1


@pytest.mark.parametrize("is_due", [False, True], ids=["before a minute's tick", "after it"])
async def test_a_first_ingest_is_judged_though_its_candles_were_there_for_another_reason(
    world: World, resources: Resources, trading: Pool, is_due: bool
) -> None:
    await ingest(resources)
    await follow_ups(trading)
    # As if the risk of the symbol had stored these candles, and nobody had watched them yet.
    await trading.execute("delete from ingest_state")
    await trading.execute("delete from indicators")
    if is_due:
        await trading.execute(
            "insert into watchers (user_id, symbol, timeframe, active, version)"
            " values (gen_random_uuid(), 'BTC/USDT', '1h', true, 1)"
        )
        assert await trading.fetchval("select queueing.enqueue_due_ingests()") == 1

    await ingest(resources)

    assert "technical" in await indicators(trading)
    assert len(await follow_ups(trading)) == 1


async def test_a_scheduled_message_without_a_new_candle_only_waits_longer(
    world: World, resources: Resources, trading: Pool
) -> None:
    await ingest(resources)
    await follow_ups(trading)
    world.halted_from = datetime(2026, 11, 20, 12, tzinfo=UTC)
    world.now += 2 * HOUR
    world.asked.clear()

    pauses = []
    for _ in range(3):
        await ingest(resources)
        pauses.append(await trading.fetchval("select next_due_at from ingest_state") - world.now)

    assert pauses == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]
    assert await trading.fetchval("select failures from ingest_state") == 3
    assert await follow_ups(trading) == []
    assert "cryptometer/trend-indicator-v3/" not in world.asked


async def test_ingesting_again_writes_nothing_twice(
    world: World, resources: Resources, trading: Pool
) -> None:
    rows = "select xmin, ctid, * from {} order by opened_at"
    await ingest(resources)
    candles = await trading.fetch(rows.format("candles"))
    readings = await trading.fetch("select xmin, source from indicators where source <> 'liquidations'")

    await ingest(resources, by_hand=True)

    assert await trading.fetch(rows.format("candles")) == candles
    assert (
        await trading.fetch("select xmin, source from indicators where source <> 'liquidations'") == readings
    )
    assert await trading.fetchval("select count(*) from liq_clusters") == 2


async def test_a_lost_lease_writes_nothing(world: World, resources: Resources, trading: Pool) -> None:
    delivery = await delivered(resources.trading, by_hand=False)
    await trading.execute("update pgmq.q_ingest_indicators set read_ct = read_ct + 1")

    with pytest.raises(LeaseLost):
        await handler.handle(delivery, resources)

    assert await trading.fetchval("select count(*) from candles") == 0
    assert await trading.fetchval("select count(*) from indicators") == 0
    assert await follow_ups(trading) == []


async def test_a_corrected_candle_is_updated_in_place(
    world: World, keyless: Resources, trading: Pool
) -> None:
    await ingest(keyless)
    corrected = datetime(2026, 11, 20, 11, tzinfo=UTC)
    world.corrections[corrected] = 104.25

    await ingest(keyless)

    assert (
        float(await trading.fetchval("select close from candles where opened_at = $1", corrected)) == 104.25
    )
    assert await trading.fetchval("select count(*) from candles") == 2_000


async def test_two_ingests_of_one_pair_at_once_agree(
    world: World, resources: Resources, trading: Pool
) -> None:
    deliveries = [await delivered(resources.trading, by_hand=True) for _ in range(2)]

    await asyncio.gather(*(handler.handle(delivery, resources) for delivery in deliveries))

    assert await trading.fetchval("select count(*) from candles") == 2_000
    assert len(await indicators(trading)) == 5
    assert len(await follow_ups(trading)) == 1


async def test_equal_candles_are_not_rewritten_nor_corrected_by_another_vendor(
    world: World, keyless: Resources, trading_worker: Pool, trading: Pool
) -> None:
    await ingest(keyless)
    stored = await candles_store.newest_candles(
        trading_worker, BTC, Timeframe.HOUR_1, exchange="binance", limit=3
    )
    versions = "select xmin, close from candles order by opened_at desc limit 3"
    before = await trading.fetch(versions)
    rounded = [replace(candle, source="cryptometer", close=candle.open) for candle in stored]

    async with trading_worker.acquire() as connection:
        await candles_store.save_candles(connection, BTC, Timeframe.HOUR_1, "binance", [*stored])
        await candles_store.save_candles(connection, BTC, Timeframe.HOUR_1, "binance", rounded)
        assert await trading.fetch(versions) == before
        corrected = [replace(candle, close=candle.open) for candle in stored]
        await candles_store.save_candles(connection, BTC, Timeframe.HOUR_1, "binance", corrected)

    assert [row["close"] for row in await trading.fetch(versions)] == [
        candle.close for candle in reversed(corrected)
    ]


async def test_a_slower_worker_does_not_undo_a_newer_word(trading_worker: Pool, trading: Pool) -> None:
    older, newer = START, START + timedelta(minutes=5)

    async with trading_worker.acquire() as connection:
        for observed_at, score in ((older, 1), (newer, 2), (older, 3)):
            row = store.IndicatorRow(source="trend", data={"trend_score": score}, observed_at=observed_at)
            await store.save_readings(connection, BTC, Timeframe.HOUR_1, older.replace(minute=0), [row])

    assert (await indicators(trading))["trend"]["data"] == {"trend_score": 2}


async def test_a_young_symbol_has_the_bars_it_has(world: World, resources: Resources, trading: Pool) -> None:
    world.listed_from = world.now - 5 * HOUR

    assert await ingest(resources) is None

    technical = (await indicators(trading))["technical"]["data"]
    assert await trading.fetchval("select count(*) from candles") == 5
    assert technical["rsi"] is None
    assert technical["macd"] == {"macd": None, "signal": None, "histogram": None}


async def test_a_market_without_candles_is_not_judged(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.listed_from = world.now + HOUR

    assert await ingest(resources, by_hand=True) is None

    assert await follow_ups(trading) == []
    state = await trading.fetchrow("select last_opened_at, failures, last_error from ingest_state")
    assert state is not None
    assert tuple(state) == (None, 1, "no new candle was found")


async def test_a_long_absence_is_caught_up_in_several_ingests(
    world: World, keyless: Resources, trading: Pool
) -> None:
    await ingest(keyless)
    world.now += 2_500 * HOUR

    await ingest(keyless)
    assert await trading.fetchval("select next_due_at from ingest_state") == world.now
    await ingest(keyless)

    assert await trading.fetchval("select count(*) from candles") == 4_500
    assert await trading.fetchval("select next_due_at from ingest_state") > world.now


async def test_an_unknown_symbol_is_buried_without_asking_anybody(world: World, resources: Resources) -> None:
    ending = await ingest(
        resources, message=IngestIndicators(symbol=Symbol.parse("NOPE/USDT"), timeframe=Timeframe.HOUR_1)
    )

    assert isinstance(ending, Bury)
    assert ending.code == "symbol_unknown"
    assert world.asked == []


async def test_a_symbol_that_no_exchange_lists_is_buried(world: World, resources: Resources) -> None:
    world.failing["exchange"] = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    ending = await ingest(resources)

    assert isinstance(ending, Bury)
    assert ending.code == "source_request_refused"


async def test_an_exchange_that_says_when_is_asked_then(world: World, resources: Resources) -> None:
    world.failing["exchange"] = httpx.Response(429, headers={"retry-after": "17"})

    assert await ingest(resources) == Postpone(17.0, "binance: answered 429: ", code="source_limited")


async def test_an_exchange_that_shuts_us_out_is_looked_at_hourly(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing["exchange"] = httpx.Response(418, headers={"retry-after": "86400"})

    ending = await ingest(resources)
    again = await ingest(resources)

    assert ending == Postpone(3_600.0, "binance: answered 418: ", code="source_limited")
    assert isinstance(again, Postpone)
    assert (again.seconds, again.reason) == (3_600.0, "binance: is paused, as it asked")
    assert len(world.asked) == 1, "while it is paused nobody asks"


async def test_an_exchange_that_is_down_fails_the_attempt(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing["exchange"] = httpx.Response(503)

    with pytest.raises(SourceUnavailable) as caught:
        await ingest(resources)

    assert caught.value.code == "source_unavailable"
    assert await trading.fetchval("select count(*) from ingest_state") == 0
