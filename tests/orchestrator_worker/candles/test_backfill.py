"""backfill_candles on a real database, with an exchange that answers as Binance does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from orchestrator_worker.candles import filling, handler, store
from orchestrator_worker.candles.gaps import Stretch
from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import exchange, exchanges
from orchestrator_worker.sources.exchanges import ExchangeChoice
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.jobs import delivered
from tests.orchestrator_worker.sources.test_exchanges import PAIR as KRAKEN_PAIR
from zmarty import jobs, queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import BackfillCandles
from zmarty.postgres import Pool
from zmarty.queue import Delivery

BTC = Symbol.parse("BTC/USDT")
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)
NEWEST = datetime(2026, 11, 20, 11, tzinfo=UTC)


@dataclass
class World:
    """Binance from `listed_from` on, without the bars of `halts`; Kraken beside it with the newest 720 bars."""

    listed_from: datetime = NEWEST - 3_000 * HOUR
    halts: set[datetime] = field(default_factory=set)
    failing: dict[str, httpx.Response] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.split(".")[0]
        query = dict(request.url.params)
        if refusal := self.failing.get(host):
            return refusal
        if request.url.path == "/0/public/AssetPairs":
            return httpx.Response(200, json={"error": [], "result": {"XBTUSDT": KRAKEN_PAIR}})
        if host == "kraken":
            since = datetime.fromtimestamp(int(query.get("since", 0)), UTC)
            bars = [at for at in self.bars(self.listed_from, NEWEST + HOUR) if at > since][-720:]
            self.asked.append((host, len(bars)))
            rows = [[int(at.timestamp()), "100", "101", "99", "100.5", "100", "7", 42] for at in bars]
            return httpx.Response(200, json={"error": [], "result": {"XBTUSDT": rows}})
        first = datetime.fromtimestamp(int(query.get("startTime", 0)) / 1000, UTC)
        last = datetime.fromtimestamp(int(query.get("endTime", NOW.timestamp() * 1000)) / 1000, UTC)
        bars = self.bars(first, last)[: int(query["limit"])]
        self.asked.append((host, len(bars)))
        return httpx.Response(200, json=[self.kline(at) for at in bars])

    def bars(self, first: datetime, last: datetime) -> list[datetime]:
        first, bars = max(first, self.listed_from), []
        while first <= last:
            if first not in self.halts:
                bars.append(first)
            first += HOUR
        return bars

    def kline(self, at: datetime) -> list[Any]:
        opened = int(at.timestamp() * 1000)
        return [opened, "100", "101", "99", "100.5", "10", opened + 3_599_999, "1005", 42, "5", "500", "0"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for module in (handler, filling, exchange, exchanges):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    return World()


@pytest.fixture
async def resources(world: World, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url="https://binance.test",
        cryptometer_url="https://cryptometer.test",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


@pytest.fixture
async def with_kraken(world: World, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url="https://binance.test",
        exchanges=[ExchangeChoice("kraken", "https://kraken.test")],
        cryptometer_url="https://cryptometer.test",
        transport=httpx.MockTransport(world),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


def wish(since: datetime, job_id: UUID | None = None, symbol: Symbol = BTC) -> BackfillCandles:
    return BackfillCandles(symbol=symbol, timeframe=Timeframe.HOUR_1, since=since, job_id=job_id)


async def make_job(pool: Pool) -> UUID:
    return await jobs.create(pool, kind="backfill_candles", user_id=None)


async def backfill(resources: Resources, message: BackfillCandles) -> Ending:
    """Handle the message and all that it sends on, as the consumer would."""
    delivery = await delivered(resources.trading, message)
    for _ in range(50):
        ending = await handler.handle(delivery, resources)
        leases = await queue.lease(resources.trading, message.queue, quantity=1, lease_seconds=30)
        if ending is not None or not leases:
            return ending
        delivery = Delivery(BackfillCandles.model_validate_json(leases[0].text or ""), leases[0])
    raise AssertionError("it goes on for ever")


async def stored(pool: Pool, exchange: str = "binance") -> list[datetime]:
    rows = await pool.fetch("select opened_at from candles where exchange = $1 order by 1", exchange)
    return [row["opened_at"] for row in rows]


async def absent(pool: Pool) -> list[tuple[datetime, datetime]]:
    rows = await pool.fetch("select first_opened_at, last_opened_at from candle_absences order by 1")
    return [tuple(row) for row in rows]


async def waiting(pool: Pool, name: str) -> int:
    return int(await pool.fetchval(f"select count(*) from pgmq.q_{name}"))


async def test_a_backfill_fills_the_history_and_has_it_judged(
    world: World, resources: Resources, trading: Pool
) -> None:
    job_id = await make_job(trading)
    world.halts = {NEWEST - 1_500 * HOUR, NEWEST - 1_499 * HOUR, NEWEST - 7 * HOUR}

    assert await backfill(resources, wish(NEWEST - 2_500 * HOUR, job_id)) is None

    assert await stored(trading) == world.bars(NEWEST - 2_500 * HOUR, NEWEST)
    assert await absent(trading) == [
        (NEWEST - 1_500 * HOUR, NEWEST - 1_499 * HOUR),
        (NEWEST - 7 * HOUR, NEWEST - 7 * HOUR),
    ]
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert (job.state, job.progress) == ("done", 1.0)
    assert job.result == {
        "exchange": "binance",
        "bars_missing": 2_501,
        "bars_saved": 2_498,
        "bars_absent": 3,
        "bars_unreachable": 0,
    }
    assert await waiting(trading, "compute_signals") == await waiting(trading, "compute_winrate") == 1


async def test_what_is_there_is_not_asked_for_again(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.halts = {NEWEST - 40 * HOUR}
    await backfill(resources, wish(NEWEST - 100 * HOUR))
    world.asked.clear()
    await trading.execute("select pgmq.purge_queue('compute_signals')")

    assert await backfill(resources, wish(NEWEST - 100 * HOUR)) is None

    assert world.asked == [], "the halt is remembered"
    assert await waiting(trading, "compute_signals") == 0


async def test_gaps_alone_are_fetched(world: World, resources: Resources, trading: Pool) -> None:
    await backfill(resources, wish(NEWEST - 200 * HOUR))
    lost = [NEWEST - hours * HOUR for hours in (150, 149, 148, 20)]
    await trading.execute("delete from candles where opened_at = any($1)", lost)
    world.asked.clear()

    await backfill(resources, wish(NEWEST - 200 * HOUR))

    assert world.asked == [("binance", 5), ("binance", 3)], "each gap with a neighbour on either side"
    assert await stored(trading) == world.bars(NEWEST - 200 * HOUR, NEWEST)


async def test_the_time_before_a_listing_is_one_question(
    world: World, resources: Resources, trading: Pool
) -> None:
    since = NEWEST - 60_000 * HOUR

    await backfill(resources, wish(since))

    assert await absent(trading) == [(since, world.listed_from - HOUR)]
    assert len(world.asked) == 5, "one for the beginning, four pages"


async def test_a_late_candle_is_not_called_absent(world: World, resources: Resources, trading: Pool) -> None:
    job_id = await make_job(trading)
    world.halts = {NEWEST}

    await backfill(resources, wish(NEWEST - 10 * HOUR, job_id))

    assert await absent(trading) == []
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.result is not None
    assert (job.result["bars_saved"], job.result["bars_unreachable"]) == (10, 1)


async def test_a_worker_that_dies_costs_a_page(
    world: World, resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await make_job(trading)
    delivery = await delivered(resources.trading, wish(NEWEST - 2_500 * HOUR, job_id))
    kept, save = 0, store.save_candles

    async def die(*given: Any) -> None:
        nonlocal kept
        kept += 1
        if kept == 2:
            raise KeyboardInterrupt
        await save(*given)

    monkeypatch.setattr(store, "save_candles", die)
    with pytest.raises(KeyboardInterrupt):
        await handler.handle(delivery, resources)
    monkeypatch.setattr(store, "save_candles", save)
    before, world.asked[:] = len(await stored(trading)), []

    assert before == 998
    assert await handler.handle(delivery, resources) is None

    assert [bars for _, bars in world.asked] == [1, 1_000, 506]
    assert await stored(trading) == world.bars(NEWEST - 2_500 * HOUR, NEWEST)
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.result is not None
    assert job.result["bars_saved"] == 2_501


async def test_a_long_backfill_goes_on_in_further_messages(
    world: World, resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PIECE_PAGES_MAX", 1)
    job_id = await make_job(trading)

    assert await backfill(resources, wish(NEWEST - 2_500 * HOUR, job_id)) is None

    assert await stored(trading) == world.bars(NEWEST - 2_500 * HOUR, NEWEST)
    assert await waiting(trading, "compute_signals") == 1
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.result is not None
    assert (job.state, job.result["bars_missing"], job.result["bars_saved"]) == ("done", 2_501, 2_501)


async def test_a_cancelled_job_stops_after_its_page(
    world: World, resources: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await make_job(trading)
    save = store.save_candles

    async def cancel(*given: Any) -> None:
        await save(*given)
        await jobs.cancel(trading, job_id)

    monkeypatch.setattr(store, "save_candles", cancel)

    assert isinstance(await backfill(resources, wish(NEWEST - 2_500 * HOUR, job_id)), Discard)

    assert len(await stored(trading)) == 998, "what was fetched stays"
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.state == "cancelled"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (wish(datetime(2008, 1, 1, tzinfo=UTC)), "since: must not lie before 2009-01-03"),
        (wish(datetime(2030, 1, 1, tzinfo=UTC)), "since: must not lie in the future"),
        (wish(NEWEST, symbol=Symbol.parse("NOPE/USDT")), "symbol: NOPE/USDT is no instrument"),
    ],
)
async def test_what_cannot_be_filled_says_why(
    message: BackfillCandles, reason: str, resources: Resources, trading: Pool
) -> None:
    ending = await backfill(resources, message)
    assert isinstance(ending, Bury)
    assert reason in ending.reason

    job_id = await make_job(trading)
    assert isinstance(await backfill(resources, message.model_copy(update={"job_id": job_id})), Discard)
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.state == "failed"
    assert job.error is not None
    assert reason in job.error


async def test_an_exchange_that_asks_to_wait_is_waited_for(world: World, resources: Resources) -> None:
    world.failing["binance"] = httpx.Response(429, headers={"retry-after": "90"})

    ending = await backfill(resources, wish(NEWEST - 10 * HOUR))

    assert isinstance(ending, Postpone)
    assert (ending.seconds, ending.counts) == (90.0, False)


async def test_an_exchange_that_is_away_is_tried_again(world: World, resources: Resources) -> None:
    world.failing["binance"] = httpx.Response(500)

    with pytest.raises(SourceUnavailable):
        await backfill(resources, wish(NEWEST - 10 * HOUR))


async def test_a_refused_symbol_comes_from_the_next_exchange(
    world: World, with_kraken: Resources, trading: Pool
) -> None:
    world.failing["binance"] = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    assert await backfill(with_kraken, wish(NEWEST - 300 * HOUR)) is None

    assert await stored(trading, "kraken") == world.bars(NEWEST - 300 * HOUR, NEWEST)
    assert await stored(trading) == []


async def test_what_nobody_reaches_back_to_is_said_and_the_rest_is_filled(
    world: World, with_kraken: Resources, trading: Pool
) -> None:
    job_id = await make_job(trading)
    world.failing["binance"] = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    assert await backfill(with_kraken, wish(NEWEST - 2_000 * HOUR, job_id)) is None

    filled = await stored(trading, "kraken")
    assert (filled[-1], len(filled)) == (NEWEST, 717)
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert job.result is not None
    assert job.result["bars_unreachable"] == 2_001 - 717


async def test_neighbouring_absences_are_one_row(trading_worker: Pool, trading: Pool) -> None:
    parts = [
        Stretch(NEWEST - a * HOUR, NEWEST - b * HOUR) for a, b in ((9, 8), (5, 4), (7, 6), (20, 20), (9, 5))
    ]

    async with trading_worker.acquire() as connection:
        for part in parts:
            await store.save_absence(connection, BTC, Timeframe.HOUR_1, "binance", part)

    assert await absent(trading) == [(NEWEST - 20 * HOUR,) * 2, (NEWEST - 9 * HOUR, NEWEST - 4 * HOUR)]


async def test_absences_are_forgotten_in_time(trading_worker: Pool, trading: Pool) -> None:
    async with trading_worker.acquire() as connection:
        for hours in (50, 10):
            part = Stretch(NEWEST - hours * HOUR, NEWEST - hours * HOUR)
            await store.save_absence(connection, BTC, Timeframe.HOUR_1, "binance", part)
    await trading.execute(
        "update candle_absences set seen_at = now() - interval '91 days' where first_opened_at < $1",
        NEWEST - 20 * HOUR,
    )

    assert await trading.fetchval("select private.forget_absences()") == 1
    assert await absent(trading) == [(NEWEST - 10 * HOUR, NEWEST - 10 * HOUR)]
