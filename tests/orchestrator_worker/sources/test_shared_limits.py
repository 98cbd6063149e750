"""Two worker processes and one vendor, over real sockets: what they ask together stays within the vendor's limit."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources.vendor import KeyRefused, QuotaUsed, SourceLimited
from orchestrator_worker.sources.vendors import Vendors, open_vendors
from tests.conftest import Dsn
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

REPOSITORY = Path(__file__).parents[3]
BTC = Symbol.parse("BTC/USDT")


@pytest.fixture(scope="module")
def simulators() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_stack.simulators", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split(" at ")[1].split(",")[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
async def control(simulators: str) -> AsyncIterator[httpx.AsyncClient]:
    """The simulators' switchboard, as it is after a start."""
    async with httpx.AsyncClient(base_url=simulators) as client:
        await client.delete("/_control")
        await client.delete("/_requests")
        yield client


@pytest.fixture
async def vendors(simulators: str, trading_worker: Pool) -> AsyncIterator[Vendors]:
    async with open_vendors(
        trading_worker,
        exchange_url=f"{simulators}/exchange",
        cryptometer_url=f"{simulators}/cryptometer",
        cryptometer_key="sim-test",
    ) as opened:
        yield opened


async def ask_in_process(dsn: str, simulators: str, questions: int) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.orchestrator_worker.sources.asking",
        dsn,
        simulators,
        str(questions),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    endings: list[str] = json.loads(told.splitlines()[-1])
    return endings


async def statuses(control: httpx.AsyncClient, vendor: str = "cryptometer") -> Counter[Any]:
    requests = (await control.get("/_requests", params={"vendor": vendor})).json()["requests"]
    return Counter(request["status"] for request in requests)


async def test_two_processes_never_exceed_the_vendors_limit(
    simulators: str, control: httpx.AsyncClient, trading: Pool, trading_dsn: Dsn
) -> None:
    """With the limits as the migration sets them."""
    await control.post("/cryptometer/_control", json={"limit": {"per_second": 1, "burst": 5}})

    endings = await asyncio.gather(
        *(ask_in_process(trading_dsn("zmarty_worker"), simulators, 5) for _ in range(2))
    )

    assert endings == [["answered"] * 5] * 2
    assert await statuses(control) == {200: 10}
    row = await trading.fetchrow("select requests, limited from vendor_usage where vendor = 'cryptometer'")
    assert row is not None
    assert tuple(row) == (10, 0)


async def test_without_our_limits_the_vendor_would_refuse(
    simulators: str, control: httpx.AsyncClient, trading: Pool, trading_dsn: Dsn
) -> None:
    """What the test above would see if nobody took turns."""
    await control.post("/cryptometer/_control", json={"limit": {"per_second": 1, "burst": 5}})
    await trading.execute("delete from vendor_limits")

    await ask_in_process(trading_dsn("zmarty_worker"), simulators, 10)

    assert (await statuses(control))[429] > 0


async def test_a_vendors_429_pauses_it_for_every_process(
    simulators: str, control: httpx.AsyncClient, vendors: Vendors, trading_dsn: Dsn
) -> None:
    assert vendors.cryptometer is not None
    await control.post(
        "/cryptometer/_control", json={"fail": {"status": 429, "times": 1, "retry_after": 600}}
    )

    with pytest.raises(SourceLimited) as caught:
        await vendors.cryptometer.liquidations(BTC)

    assert caught.value.retry_after_seconds == 600
    assert await ask_in_process(trading_dsn("zmarty_worker"), simulators, 3) == ["source_limited"] * 3
    assert await statuses(control) == {429: 1}, "nobody asked again"


async def test_a_short_429_is_waited_out_by_the_same_job(
    control: httpx.AsyncClient, vendors: Vendors
) -> None:
    assert vendors.cryptometer is not None
    await control.post("/cryptometer/_control", json={"fail": {"status": 429, "times": 1, "retry_after": 1}})

    found = await vendors.cryptometer.liquidations(BTC)

    assert found.exchanges
    assert await statuses(control) == {429: 1, 200: 1}


async def test_another_refusal_pauses_nobody(
    control: httpx.AsyncClient, vendors: Vendors, trading: Pool
) -> None:
    assert vendors.cryptometer is not None
    await control.post("/cryptometer/_control", json={"fail": {"status": 403, "times": 1}})

    with pytest.raises(KeyRefused):
        await vendors.cryptometer.liquidations(BTC)

    assert (await vendors.cryptometer.liquidations(BTC)).exchanges
    assert await trading.fetchval("select max(paused_until) from vendor_limits") is None


async def test_a_used_quota_asks_nothing_more(
    control: httpx.AsyncClient, vendors: Vendors, trading: Pool
) -> None:
    assert vendors.cryptometer is not None
    await trading.execute("update vendor_limits set monthly_quota = 1 where vendor = 'cryptometer'")
    await vendors.cryptometer.liquidations(BTC)

    with pytest.raises(QuotaUsed):
        await vendors.cryptometer.liquidations(BTC)

    assert await statuses(control) == {200: 1}


async def test_klines_weigh_what_the_exchange_counts(vendors: Vendors, trading: Pool) -> None:
    await vendors.exchange.candles(BTC, Timeframe.HOUR_1, since=None, limit=1_500)

    row = await trading.fetchrow("select requests, weight from vendor_usage where vendor = 'binance'")
    assert row is not None
    assert tuple(row) == (2, 4)


async def test_every_vendor_of_the_worker_has_its_limits(simulators: str, trading_worker: Pool) -> None:
    async with open_vendors(
        trading_worker,
        exchange_url=f"{simulators}/exchange",
        cryptometer_url=f"{simulators}/cryptometer",
        cryptometer_key="sim-test",
        king_fisher_url=f"{simulators}/kingfisher",
        king_fisher_key="sim-test",
    ) as vendors:
        assert vendors.cryptometer is not None
        assert vendors.king_fisher is not None
        await vendors.exchange.candles(BTC, Timeframe.HOUR_1, since=None, limit=1)
        await vendors.cryptometer.liquidations(BTC)
        await vendors.king_fisher.clusters(BTC)

    unlimited = await trading_worker.fetch(
        "select vendor from vendor_usage where vendor not in (select vendor from vendor_limits)"
    )
    assert unlimited == []


async def test_a_market_wide_answer_is_asked_for_once(
    simulators: str, control: httpx.AsyncClient, vendors: Vendors, trading: Pool, trading_worker: Pool
) -> None:
    async with open_vendors(
        trading_worker,
        exchange_url=f"{simulators}/exchange",
        cryptometer_url=f"{simulators}/cryptometer",
        cryptometer_key="sim-test",
    ) as others:
        assert vendors.cryptometer is not None
        assert others.cryptometer is not None
        asking = [(vendors, others)[place % 2].cryptometer for place in range(8)]

        trends = await asyncio.gather(*(client.trend() for client in asking if client is not None))

    assert len(trends) == 8
    assert len({(trend.score, trend.observed_at) for trend in trends}) == 1
    assert await statuses(control) == {200: 1}

    await trading.execute("update vendor_answers set fresh_until = now()")
    await vendors.cryptometer.trend()
    assert await statuses(control) == {200: 2}
