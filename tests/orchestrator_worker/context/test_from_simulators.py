"""observe_market against the simulated Cryptometer: every source of the plan, in its wire shape, through to what is known."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from local_stack.simulators.app import create_app
from local_stack.simulators.market import Market
from orchestrator_worker.context import handler
from orchestrator_worker.context.recall import recall
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources import cryptometer
from orchestrator_worker.sources.plan import PLAN
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.jobs import delivered
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ObserveMarket
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
# A time at which the synthetic market has moved: a quiet one has no movements to tell of.
NOW = datetime(2026, 11, 21, 3, 14, 42, tzinfo=UTC)


@pytest.fixture
def simulators() -> ASGIApp:
    app = create_app(Market(seed=7, clock=NOW.timestamp))

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        # A server has one for each request; a transport without a server does not.
        await app({**scope, "state": {}}, receive, send)

    return with_state


@pytest.mark.timeout(120)
async def test_every_source_of_the_plan_is_answered_and_known(
    simulators: ASGIApp, trading: Pool, trading_worker: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (handler, cryptometer):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    await trading.execute("update vendor_limits set per_second = 1000, burst = 1000")
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'BTC/USDT', '1h', true, 1)",
        uuid4(),
    )
    transport = httpx.ASGITransport(app=simulators)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulators") as client:
        await client.post("/cryptometer/_control", json={"limit": None})
    async with open_vendors(
        trading_worker,
        exchange_url="http://simulators/exchange",
        cryptometer_url="http://simulators/cryptometer",
        cryptometer_key="sim-test",
        transport=transport,
    ) as vendors:
        resources = Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)

        assert await handler.handle(await delivered(trading, ObserveMarket()), resources) is None

    failures = await trading.fetch("select source, failure from source_usage where failure is not null")
    assert {row["source"]: row["failure"] for row in failures} == {}
    kept = {row["source"] for row in await trading.fetch("select source from market_snapshots")}
    assert kept == {source.name for source in PLAN if source.scope == "market"}
    known = await recall(trading, BTC, Timeframe.HOUR_1, now=NOW)
    assert set(known) >= {
        "trend",
        "rapid_movements",
        "volume_flow",
        "liquidity_lens",
        "volatility_index",
        "whale_trades",
        "open_interest",
        "merged_volume",
        "volume_24h",
        "ai_screener_analysis",
    }
    assert known["open_interest"].data["open_interest"] > 0
