"""Simulations through the API: the worker's own handler answers, owners read them, and failures cost nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.resources import Resources
from orchestrator_worker.consumer import Consumer, Work
from orchestrator_worker.scaling import handler as scaling
from orchestrator_worker.simulation import handler as simulation
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from tests.orchestrator_worker.jobs import store_candles
from tests.orchestrator_worker.market import random_candles
from tests.orchestrator_worker.simulation.test_handler import resources_with
from zmarty.market import Symbol, Timeframe
from zmarty.messages import CalculateScaling, RunSimulation
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
ANALYZE = "/v1/simulation/analyze"
ASKED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "lookback_days": 30,
    "strategy": "sma_cross",
    "trading": {"draws": 100},
}

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def ada(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
async def working(trading_worker: Pool) -> AsyncIterator[None]:
    """A worker that does simulations and scalings, and two months of candles."""
    newest = HOUR.newest_closed(datetime.now(UTC))
    candles = random_candles(1_500, seed=7, began_at=newest - 1_499 * HOUR.delta)
    await store_candles(trading_worker, BTC, HOUR, candles)
    async with worker(trading_worker):
        yield


@asynccontextmanager
async def worker(pool: Pool) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    works: list[Work[Any]] = [
        Work(message=RunSimulation, handle=simulation.handle, concurrency=1),
        Work(message=CalculateScaling, handle=scaling.handle, concurrency=1),
    ]
    consumers = [Consumer(work, resources_with(pool)) for work in works]
    for consumer in consumers:
        # Nobody listens for this test's worker.
        consumer.poll_seconds = 0.1
    loops = [asyncio.create_task(consumer.run(stopping)) for consumer in consumers]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*loops)
        for consumer in consumers:
            await consumer.drain(5)


async def balance_of(chat: Pool, user_id: UUID) -> tuple[int, int]:
    record = await chat.fetchrow("select balance, held from credit_accounts where user_id = $1", user_id)
    assert record is not None
    return record["balance"], record["held"]


@pytest.mark.parametrize(
    ("path", "asked", "names"),
    [
        (ANALYZE, ASKED, {"statistics", "chance", "directions"}),
        ("/v1/simulation/win-ratio", {"symbol": "BTC", "lookback_days": 30}, {"win_rates"}),
        (
            "/v1/patterns/validate",
            {"symbol": "BTC", "lookback_days": 30, "pattern": "flag"},
            {"win_rates", "finding"},
        ),
        (
            "/v1/risk/assess",
            {"symbol": "BTC/USDT", "lookback_days": 30, "size": 2, "equity": 500},
            {"plan", "stop_first"},
        ),
    ],
)
async def test_a_simulation_is_answered_and_costs_a_credit(
    api: httpx2.AsyncClient,
    auth: AuthServer,
    chat: Pool,
    ada: UUID,
    resources: Resources,
    working: None,
    path: str,
    asked: dict[str, Any],
    names: set[str],
) -> None:
    answer = await api.post(path, json=asked, headers=bearer(auth.token(ada)))

    assert answer.status_code == 200, answer.text
    assert names <= answer.json().keys()
    assert answer.json()["symbol"] == "BTC/USDT"
    await resources.background.close(drain_seconds=10)
    assert await balance_of(chat, ada) == (99, 0)


async def test_a_users_simulations_are_listed_and_paged(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, working: None
) -> None:
    asked = {**ASKED, "strategy": {"name": "sma_cross", "fast": 5, "slow": 20, "stop": 0.01, "target": 0.015}}
    made = await api.post(ANALYZE, json=asked, headers=bearer(auth.token(ada)))
    assert made.status_code == 200, made.text
    count = made.json()["statistics"]["n"]

    [listed] = (await api.get("/v1/simulations?kind=analyze", headers=bearer(auth.token(ada)))).json()[
        "items"
    ]
    assert (listed["id"], listed["state"], listed["trades_count"]) == (made.json()["id"], "done", count)
    path = f"/v1/simulations/{listed['id']}"
    numbers, cursor = [], ""
    for _ in range(50):
        page = (await api.get(f"{path}?limit=3{cursor}", headers=bearer(auth.token(ada)))).json()
        numbers += [trade["number"] for trade in page["trades"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert numbers == list(range(1, count + 1))
    assert page["summary"]["statistics"]["n"] == count
    assert 1 < len(page["curve"]) <= 400

    stranger = bearer(auth.token(uuid4()))
    assert (await api.get("/v1/simulations", headers=stranger)).json()["items"] == []
    assert (await api.get(path, headers=stranger)).status_code == 404
    assert (await api.get(f"/v1/reports/{listed['id']}", headers=bearer(auth.token(ada)))).status_code == 404


async def test_a_report_is_read_as_json_and_as_a_page(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, working: None
) -> None:
    asked = {"symbol": "BTC/USDT", "period": "30d", "report_type": "comprehensive", "trading": {"draws": 100}}
    made = await api.post("/v1/reports/generate", json=asked, headers=bearer(auth.token(ada)))
    assert made.status_code == 200, made.text
    path = f"/v1/reports/{made.json()['id']}"

    told = (await api.get(path, headers=bearer(auth.token(ada)))).json()
    assert told["lookback_days"] == 30
    assert told["risk"].keys() == {"long", "short"}
    assert len(told["trades"]) == min(told["trades_count"], 200)

    page = await api.get(path, headers=bearer(auth.token(ada)) | {"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page.text.count("<polyline") == 3

    stranger = bearer(auth.token(uuid4())) | {"Accept": "text/html"}
    assert (await api.get(path, headers=stranger)).status_code == 404
    assert (await api.get(path)).status_code == 401
    assert (await api.get("/v1/reports/nonsense", headers=bearer(auth.token(ada)))).status_code == 404


@pytest.mark.parametrize(
    ("path", "asked", "status", "error", "field"),
    [
        (ANALYZE, {**ASKED, "symbol": "NOPE/USDT"}, 404, "symbol_unknown", None),
        (ANALYZE, {**ASKED, "symbol": "BTC-PERP"}, 422, "symbol_unsupported", "symbol"),
        (ANALYZE, {**ASKED, "lookback_days": 0}, 422, "field_invalid", "lookback_days"),
        (ANALYZE, {**ASKED, "lookback_days": 10**9}, 422, "field_invalid", "lookback_days"),
        (
            ANALYZE,
            {**ASKED, "lookback_days": 3_650, "timeframe": "5m"},
            422,
            "field_invalid",
            "lookback_days",
        ),
        (ANALYZE, {**ASKED, "timeframe": "7h"}, 422, "field_invalid", "timeframe"),
        (ANALYZE, {**ASKED, "strategy": "moonshot"}, 422, "field_invalid", "strategy"),
        (ANALYZE, {**ASKED, "pattern": "flag"}, 422, "field_invalid", "body"),
        (ANALYZE, {**ASKED, "strateggy": 1}, 422, "field_invalid", "strateggy"),
        (ANALYZE, {**ASKED, "trading": {"fee": -1}}, 422, "field_invalid", "trading.fee"),
        ("/v1/patterns/validate", {"symbol": "BTC", "pattern": "cup"}, 422, "field_invalid", "pattern"),
        ("/v1/risk/assess", {"symbol": "BTC", "entry": 100, "stop": 101}, 422, "field_invalid", "body"),
        ("/v1/reports/generate", {"symbol": "BTC", "period": "soon"}, 422, "field_invalid", "period"),
        ("/v1/reports/generate", {"symbol": "BTC", "period": "99y"}, 422, "field_invalid", "period"),
        (
            "/v1/reports/generate",
            {"symbol": "BTC", "report_type": "nice"},
            422,
            "field_invalid",
            "report_type",
        ),
    ],
)
async def test_bad_questions_name_the_field_and_cost_nothing(
    api: httpx2.AsyncClient,
    auth: AuthServer,
    chat: Pool,
    trading: Pool,
    ada: UUID,
    path: str,
    asked: dict[str, Any],
    status: int,
    error: str,
    field: str | None,
) -> None:
    answer = await api.post(path, json=asked, headers=bearer(auth.token(ada)))

    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    if field is not None:
        assert answer.json()["details"]["field"].split(".")[0] == field.split(".")[0]
    assert await balance_of(chat, ada) == (100, 0)
    assert await trading.fetchval("select count(*) from jobs") == 0


@pytest.mark.parametrize(
    ("path", "asked", "error", "words"),
    [
        (ANALYZE, {**ASKED, "timeframe": "1d"}, "not_enough_data", "have 0, need"),
        (
            "/v1/risk/assess",
            {"symbol": "BTC", "stop": 1e9, "lookback_days": 30},
            "field_invalid",
            "must lie below the entry",
        ),
    ],
)
async def test_what_only_the_worker_can_refuse_costs_nothing(
    api: httpx2.AsyncClient,
    auth: AuthServer,
    chat: Pool,
    ada: UUID,
    resources: Resources,
    working: None,
    path: str,
    asked: dict[str, Any],
    error: str,
    words: str,
) -> None:
    answer = await api.post(path, json=asked, headers=bearer(auth.token(ada)))

    assert (answer.status_code, answer.json()["error"]) == (422, error), answer.text
    assert words in answer.json()["message"]
    await resources.background.close(drain_seconds=10)
    assert await balance_of(chat, ada) == (100, 0)


async def test_without_a_worker_the_job_is_to_be_followed(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_api.jobs.asking.answer_of.__kwdefaults__", {"wait_seconds": 0.05})

    answer = await api.post(ANALYZE, json=ASKED, headers=bearer(auth.token(ada)))

    assert answer.status_code == 202
    job = (await api.get(answer.headers["Location"], headers=bearer(auth.token(ada)))).json()
    assert (job["state"], job["detail"]["simulation"]) == ("queued", "analyze")


async def test_scaling_is_free_and_a_refusal_is_an_answer(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, ada: UUID, working: None
) -> None:
    asked = {
        "vault": {"equity": 10_000},
        "signal_quality": 0.9,
        "market_condition": "trending_up",
        "preset": "customer",
        "by_operator": True,
    }

    answer = await api.post("/v1/scaling/calculate", json=asked, headers=bearer(auth.token(ada)))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["allowed"], told["rule"]) == (False, "scaling_off")
    # Who asks is the token's word: a body cannot make an operator.
    assert "preset_needs_operator" in {refusal["rule"] for refusal in told["refusals"]}
    assert [rung["margin_total"] for rung in told["ladder"]] == pytest.approx([200, 600, 1_400, 3_000])
    assert await balance_of(chat, ada) == (100, 0)

    operator = await api.post("/v1/scaling/calculate", json=asked, headers=bearer(auth.operator_token(ada)))
    assert "preset_needs_operator" not in {refusal["rule"] for refusal in operator.json()["refusals"]}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"equity": 1_000, "vault": {"equity": 1_000}}, "body"),
        ({}, "body"),
        ({"equity": -5}, "equity"),
        ({"equity": 1_000, "market_condition": "sunny"}, "market_condition"),
        ({"equity": 1_000, "steps": [{"margin": 0, "leverage": 1, "price": 1}]}, "steps"),
    ],
)
async def test_a_bad_scaling_names_its_field(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, asked: dict[str, Any], field: str
) -> None:
    body = {"signal_quality": 0.5, "market_condition": "ranging"} | asked

    answer = await api.post("/v1/scaling/calculate", json=body, headers=bearer(auth.token(ada)))

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid"), answer.text
    assert answer.json()["details"]["field"].split(".")[0] == field
