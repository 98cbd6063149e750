"""observe_sentiment against the simulators' xAI: kept where it is switched on, missing everywhere else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from local_stack.simulators.app import create_app
from local_stack.simulators.market import Market
from orchestrator_worker.context import handler as observing
from orchestrator_worker.context.recall import recall
from orchestrator_worker.ending import Discard
from orchestrator_worker.resources import Resources
from orchestrator_worker.sentiment import handler
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.jobs import delivered
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ObserveMarket, ObserveSentiment
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")


@pytest.fixture
def simulators() -> ASGIApp:
    app = create_app(Market(seed=7, clock=lambda: 1_795_230_882.0))

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        # A server has one for each request; a transport without a server does not.
        await app({**scope, "state": {}}, receive, send)

    return with_state


@pytest.fixture
async def resources(simulators: ASGIApp, trading: Pool, trading_worker: Pool) -> AsyncIterator[Resources]:
    await trading.execute(
        "update vendor_limits set per_second = 1000, burst = 1000, monthly_dollars = 1000, monthly_quota = null"
    )
    async with open_vendors(
        trading_worker,
        exchange_url="http://simulators/exchange",
        cryptometer_url="http://simulators/cryptometer",
        xai_url="http://simulators/xai/v1",
        xai_key="sim-test",
        transport=httpx.ASGITransport(app=simulators),
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def test_what_people_say_is_kept_with_its_links(resources: Resources, trading: Pool) -> None:
    message = ObserveSentiment(symbol=BTC)

    assert await handler.handle(await delivered(trading, message), resources) is None

    known = await recall(trading, BTC, Timeframe.HOURS_4, now=datetime.now(UTC))
    sentiment = known["sentiment"].data
    assert -1 <= sentiment["score"] <= 1
    assert sentiment["mentions"] > 0
    assert all(cited["url"].startswith("https://") for cited in sentiment["citations"])
    assert await trading.fetchval("select dollars from vendor_usage where vendor = 'xai_search'") > 0


async def test_a_second_message_within_the_hour_pays_nothing(resources: Resources, trading: Pool) -> None:
    await handler.handle(await delivered(trading, ObserveSentiment(symbol=BTC)), resources)

    again = await handler.handle(await delivered(trading, ObserveSentiment(symbol=BTC)), resources)

    assert isinstance(again, Discard)
    assert await trading.fetchval("select requests from vendor_usage where vendor = 'xai_search'") == 1


async def test_a_malformed_answer_is_missing_and_not_asked_again_at_once(
    resources: Resources, simulators: ASGIApp, trading: Pool
) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=simulators), base_url="http://simulators"
    ) as client:
        await client.post("/xai/_control", json={"malformed": True})

    ending = await handler.handle(await delivered(trading, ObserveSentiment(symbol=BTC)), resources)

    assert isinstance(ending, Discard)
    assert await recall(trading, BTC, Timeframe.HOUR_1, now=datetime.now(UTC)) == {}
    wait = await trading.fetchval("select due_at - asked_at from context_readings")
    assert wait == timedelta(minutes=30)


async def test_where_it_is_switched_off_it_is_missing(trading: Pool, trading_worker: Pool) -> None:
    async with open_vendors(
        trading_worker, exchange_url="http://exchange.test", cryptometer_url="http://c.test"
    ) as vendors:
        resources = Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)
        ending = await handler.handle(await delivered(trading, ObserveSentiment(symbol=BTC)), resources)

    assert isinstance(ending, Discard)
    assert await trading.fetchval("select count(*) from context_readings") == 0


async def test_a_look_at_the_market_sends_for_it_once_an_hour(resources: Resources, trading: Pool) -> None:
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'BTC/USDT', '1h', true, 1)",
        uuid4(),
    )
    look = ObserveMarket()

    await observing.handle(await delivered(trading, look), resources)
    [lease] = await queue.lease(trading, "observe_sentiment", quantity=10, lease_seconds=30)
    assert json.loads(lease.text or "")["symbol"] == "BTC/USDT"
    await handler.handle(await delivered(trading, ObserveSentiment(symbol=BTC)), resources)

    await observing.handle(await delivered(trading, look), resources)
    assert await queue.lease(trading, "observe_sentiment", quantity=10, lease_seconds=30) == []
