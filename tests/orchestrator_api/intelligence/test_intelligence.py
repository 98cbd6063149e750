"""Stored analyses and patterns are read for nothing; a new one is asked of the worker, waited for, and paid for once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.intelligence import routes
from orchestrator_api.jobs import asking
from orchestrator_worker.intelligence.handler import handle
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from tests.orchestrator_worker.jobs import LEASE_SECONDS, resources_of, store_candles
from tests.orchestrator_worker.market import random_candles
from zmarty import jobs, messages, queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import AnalyzeMarket
from zmarty.postgres import Pool
from zmarty.queue import Delivery

HOUR = Timeframe.HOUR_1
BTC, ETH = Symbol.parse("BTC/USDT"), Symbol.parse("ETH/USDT")
ANALYZE = "/v1/intelligence/analyze/BTC-USDT"
BULK = "/v1/intelligence/bulk-analyze"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def ada(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
def client(api: httpx2.AsyncClient, auth: AuthServer, ada: UUID) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.token(ada)))
    return api


async def add_analysis(
    trading: Pool, opened_at: datetime, *, symbol: str = "BTC/USDT", age: int = 3_600
) -> None:
    await trading.execute(
        """
        insert into market_intelligence
          (symbol, timeframe, opened_at, close, trend_direction, trend_strength, volatility, relative_volatility, regime,
           levels, computed_at)
        values ($1, '1h', $2, 64000, 'up', 61.5, 0.52, 1.1, 'trending', $3, now() - make_interval(secs => $4))
        """,
        symbol,
        opened_at,
        [
            {
                "kind": "support",
                "price": 63000.5,
                "touches": 3,
                "strength": 0.7,
                "last_touched_at": opened_at.isoformat(),
            }
        ],
        age,
    )


async def add_pattern(
    trading: Pool, *, hours_left: float = 5, confidence: float = 0.8, **others: Any
) -> UUID:
    detected = HOUR.newest_closed(datetime.now(UTC))
    pattern_id = uuid4()
    await trading.execute(
        """
        insert into patterns
          (id, symbol, timeframe, kind, direction, origin, confidence, started_at, ended_at, detected_opened_at,
           price_levels, bars, fits, expires_at, over_at)
        values ($1, $2, $3, $4, 'long', 'live', $5, $6, $7, $7, $8, $9, '{"straight": 0.9}', $10, $11)
        """,
        pattern_id,
        others.get("symbol", "BTC/USDT"),
        others.get("timeframe", "1h"),
        others.get("kind", "double_bottom"),
        confidence,
        detected - timedelta(hours=others.get("bars", 40)),
        detected,
        {"entry": 100.0, "neckline": 99.5, "target": 110.0, "invalidation": 95.0},
        [{"role": "neckline", "opened_at": detected.isoformat(), "price": 99.5}],
        datetime.now(UTC) + timedelta(hours=hours_left),
        others.get("over_at"),
    )
    return pattern_id


@asynccontextmanager
async def working(pool: Pool) -> AsyncIterator[None]:
    """A worker that takes whatever is asked."""

    async def work() -> None:
        while True:
            for lease in await queue.lease(
                pool, AnalyzeMarket.queue, quantity=10, lease_seconds=LEASE_SECONDS
            ):
                message = messages.parse(AnalyzeMarket, lease.text)
                assert isinstance(message, AnalyzeMarket)
                await handle(Delivery(message, lease), resources_of(pool))
            await asyncio.sleep(0.02)

    running = asyncio.create_task(work())
    try:
        yield
    finally:
        running.cancel()


def recent(bars: int) -> Any:
    newest = HOUR.newest_closed(datetime.now(UTC))
    return random_candles(bars, seed=3, began_at=newest - (bars - 1) * HOUR.delta)


async def balance(chat: Pool, user_id: UUID) -> int:
    return int(await chat.fetchval("select balance from credit_accounts where user_id = $1", user_id))


async def settled(chat: Pool, user_id: UUID) -> int:
    """The balance once nothing is held any more."""
    async with asyncio.timeout(40):
        while await chat.fetchval("select held from credit_accounts where user_id = $1", user_id):
            await asyncio.sleep(0.02)
    return await balance(chat, user_id)


async def test_the_newest_analysis_is_shown_with_its_times(client: httpx2.AsyncClient, trading: Pool) -> None:
    opened_at = datetime(2026, 3, 1, 5, tzinfo=UTC)
    await add_analysis(trading, opened_at - timedelta(hours=1))
    await add_analysis(trading, opened_at)

    told = (await client.get("/v1/intelligence/market/BTC-USDT")).json()

    assert (told["opened_at"], told["closed_at"]) == ("2026-03-01T05:00:00Z", "2026-03-01T06:00:00Z")
    assert (told["trend_direction"], told["trend_strength"], told["regime"]) == ("up", 61.5, "trending")
    assert told["season"] is None
    assert told["levels"][0]["price"] == 63000.5


async def test_what_is_not_analysed_is_not_found(client: httpx2.AsyncClient) -> None:
    missing = await client.get("/v1/intelligence/market/BTC-USDT", params={"timeframe": "4h"})
    unknown = await client.get("/v1/intelligence/market/NOPE-USDT")

    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "symbol_unknown")


async def test_patterns_that_hold_come_best_first_in_pages(client: httpx2.AsyncClient, trading: Pool) -> None:
    best = await add_pattern(trading, confidence=0.95, kind="flag")
    other = await add_pattern(trading, confidence=0.7)
    await add_pattern(trading, hours_left=-1, kind="pennant")
    await add_pattern(trading, kind="rising_wedge", over_at=datetime.now(UTC))

    first = (await client.get("/v1/intelligence/patterns/BTC-USDT", params={"limit": 1})).json()
    second = (
        await client.get("/v1/intelligence/patterns/BTC-USDT", params={"limit": 1, "cursor": first["next"]})
    ).json()

    assert [row["id"] for row in first["items"] + second["items"]] == [str(best), str(other)]
    assert second["next"] is None
    assert first["items"][0]["price_levels"]["target"] == 110.0
    for query in ({"kind": "flag"}, {"confidence_min": "0.9"}):
        told = (await client.get("/v1/intelligence/patterns/BTC-USDT", params=query)).json()
        assert [row["id"] for row in told["items"]] == [str(best)]


async def test_a_timeframe_has_at_most_ten_patterns(client: httpx2.AsyncClient, trading: Pool) -> None:
    for number in range(14):
        await add_pattern(trading, confidence=0.6 + number / 100, bars=20 + number)

    told = (await client.get("/v1/intelligence/patterns/BTC-USDT")).json()["items"]

    assert len(told) == 10
    assert told[0]["confidence"] == pytest.approx(0.73)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"timeframe": "2h"}, "timeframe"),
        ({"direction": "up"}, "direction"),
        ({"confidence_min": "2"}, "confidence_min"),
        ({"kind": "a;b"}, "kind"),
        ({"cursor": "x"}, "cursor"),
    ],
)
async def test_wrong_filters_are_named(
    client: httpx2.AsyncClient, query: Mapping[str, str], field: str
) -> None:
    answer = await client.get("/v1/intelligence/patterns/BTC-USDT", params=query)

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, field)


async def test_an_analysis_is_made_and_paid_for_once(
    client: httpx2.AsyncClient, chat: Pool, ada: UUID, trading_worker: Pool
) -> None:
    await store_candles(trading_worker, BTC, HOUR, recent(700))
    before = await balance(chat, ada)

    async with working(trading_worker):
        made = await client.post(ANALYZE, json={"timeframe": "1h"})
        again = await client.get(ANALYZE, params={"timeframe": "1h"})

    assert made.status_code == again.status_code == 200
    assert made.json() == again.json()
    assert made.json()["intelligence"]["opened_at"] == recent(1)["opened_at"][-1].isoformat().replace(
        "+00:00", "Z"
    )
    assert await settled(chat, ada) == before - 1
    assert await trading_worker.fetchval("select count(*) from jobs") == 1


async def test_who_does_not_want_to_wait_follows_the_job(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, trading: Pool
) -> None:
    monkeypatch.setattr(asking.answer_of, "__kwdefaults__", {"wait_seconds": 0.05})

    first = await client.post(ANALYZE)
    second = await client.post(ANALYZE)

    assert first.status_code == second.status_code == 202
    assert first.headers["location"] == second.headers["location"] == f"/v1/jobs/{first.json()['id']}"
    assert await trading.fetchval("select count(*) from pgmq.q_analyze_market") == 1


async def test_too_little_history_costs_nothing(
    client: httpx2.AsyncClient, chat: Pool, ada: UUID, trading_worker: Pool
) -> None:
    await store_candles(trading_worker, BTC, HOUR, recent(50))
    before = await balance(chat, ada)

    async with working(trading_worker):
        refused = await client.post(ANALYZE)

    assert (refused.status_code, refused.json()["error"]) == (422, "not_enough_data")
    assert "have 50, need 300" in refused.json()["message"]
    assert await settled(chat, ada) == before


async def test_without_credits_nothing_is_asked(
    client: httpx2.AsyncClient, chat: Pool, ada: UUID, trading: Pool
) -> None:
    await chat.execute("update credit_accounts set held = balance where user_id = $1", ada)

    refused = await client.post(ANALYZE)

    assert (refused.status_code, refused.json()["error"]) == (402, "credits_exhausted")
    assert await trading.fetchval("select count(*) from jobs") == 0


async def test_an_unknown_symbol_is_refused_before_anything(
    client: httpx2.AsyncClient, trading: Pool
) -> None:
    single = await client.post("/v1/intelligence/analyze/NOPE-USDT")
    bulk = await client.post(BULK, json={"symbols": ["BTC/USDT", "NOPE/USDT"]})

    assert (single.status_code, bulk.status_code) == (404, 404)
    assert bulk.json()["details"]["symbol"] == "NOPE/USDT"
    assert await trading.fetchval("select count(*) from jobs") == 0


async def test_several_symbols_are_one_job_with_a_result_each(
    client: httpx2.AsyncClient, chat: Pool, ada: UUID, trading_worker: Pool
) -> None:
    await store_candles(trading_worker, BTC, HOUR, recent(400))
    await store_candles(trading_worker, ETH, HOUR, recent(30))
    before = await balance(chat, ada)

    async with working(trading_worker):
        answer = await client.post(BULK, json={"symbols": ["BTC", "eth-usdt"], "timeframe": "1h"})

    results = answer.json()["results"]
    assert results["BTC/USDT"]["trend_direction"] in ("up", "down", "sideways")
    assert results["ETH/USDT"]["error"].startswith("not_enough_data: have 30, need 300")
    assert await settled(chat, ada) == before - routes.CREDITS


@pytest.mark.parametrize(
    ("symbols", "field"),
    [
        ([], "symbols"),
        (["BTC/USDT"] * 21, "symbols"),
        (["BTC/USDT", "btcusdt"], "symbols"),
        (["?"], "symbols.0"),
    ],
)
async def test_wrong_lists_of_symbols_are_refused(
    client: httpx2.AsyncClient, symbols: list[str], field: str
) -> None:
    answer = await client.post(BULK, json={"symbols": symbols})

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, field)


async def test_effectiveness_comes_with_its_n(client: httpx2.AsyncClient, trading: Pool) -> None:
    for kind, n in (("flag", 12), ("pennant", 3)):
        await trading.execute(
            """
            insert into pattern_effectiveness
              (symbol, timeframe, kind, direction, origin, horizon, n, n_effective, wins, losses, expired, rate, low, high,
               baseline, expectancy, since)
            values ('BTC/USDT', '1h', $1, 'all', 'all', '24h', $2::integer, 2.5, 1, 1, $2 - 2, 0.25, 0.01, 0.9, 0.3, 0.001, now())
            """,
            kind,
            n,
        )

    told = (await client.get("/v1/analysis/pattern-effectiveness", params={"limit": 1})).json()
    rest = (await client.get("/v1/analysis/pattern-effectiveness", params={"cursor": told["next"]})).json()
    enough = (await client.get("/v1/analysis/pattern-effectiveness", params={"n_min": 10})).json()

    assert [(row["kind"], row["n"]) for row in told["items"] + rest["items"]] == [
        ("flag", 12),
        ("pennant", 3),
    ]
    assert [row["kind"] for row in enough["items"]] == ["flag"]
    assert told["items"][0]["baseline"] == 0.3


async def test_the_record_of_the_worker_is_readable(client: httpx2.AsyncClient, trading_worker: Pool) -> None:
    await store_candles(trading_worker, BTC, HOUR, recent(6_000))

    async with working(trading_worker):
        await client.post(ANALYZE)
    told = (await client.get("/v1/analysis/pattern-effectiveness", params={"symbol": "BTC"})).json()["items"]

    assert told and all(row["n"] >= 1 and row["low"] <= row["rate"] <= row["high"] for row in told)
    job = (await jobs.of_user(trading_worker, await _owner(trading_worker), limit=1))[0]
    assert job.kind == routes.KIND and job.state == "done"


async def _owner(pool: Pool) -> UUID:
    owner: UUID = await pool.fetchval("select user_id from jobs limit 1")
    return owner


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/intelligence/market/BTC-USDT"),
        ("GET", "/v1/intelligence/patterns/BTC-USDT"),
        ("GET", ANALYZE),
        ("POST", ANALYZE),
        ("POST", BULK),
        ("GET", "/v1/analysis/pattern-effectiveness"),
    ],
)
async def test_nothing_is_told_to_strangers(api: httpx2.AsyncClient, method: str, path: str) -> None:
    assert (await api.request(method, path)).status_code == 401
