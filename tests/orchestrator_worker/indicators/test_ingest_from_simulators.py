"""ingest_indicators against the simulators as a process of their own: real sockets, every vendor, every timeframe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from orchestrator_worker.indicators import handler
from orchestrator_worker.indicators.history import CLOSE_MARGIN
from orchestrator_worker.indicators.technical import NAMED
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendors import open_vendors
from zmarty import messages, queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Delivery

REPOSITORY = Path(__file__).parents[3]
CRYPTOMETER_KNOWS = {"5m", "15m", "30m", "1h", "4h", "1d"}


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
async def resources(simulators: str, trading_worker: Pool) -> AsyncIterator[Resources]:
    async with open_vendors(
        trading_worker,
        exchange_url=f"{simulators}/exchange",
        cryptometer_url=f"{simulators}/cryptometer",
        cryptometer_key="sim-test",
        king_fisher_url=f"{simulators}/kingfisher",
        king_fisher_key="sim-test",
    ) as vendors:
        yield Resources(chat=trading_worker, trading=trading_worker, vendors=vendors)


async def ingest(resources: Resources, pair: IngestIndicators) -> None:
    async with resources.trading.acquire() as connection:
        await connection.execute("select pgmq.send('ingest_indicators', $1::jsonb)", pair.payload())
    [lease] = await queue.lease(resources.trading, pair.queue, quantity=1, lease_seconds=60)
    parsed = messages.parse(IngestIndicators, lease.text)
    assert isinstance(parsed, IngestIndicators)
    assert await handler.handle(Delivery(parsed, lease), resources) is None


@pytest.mark.timeout(180)
@pytest.mark.parametrize("timeframe", list(Timeframe))
async def test_every_timeframe_is_ingested(
    resources: Resources, trading: Pool, timeframe: Timeframe, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine answers slowly; what a first ingest does not wait for is another test.
    monkeypatch.setattr(handler, "FIRST_PATIENCE_SECONDS", 30.0)
    pair = IngestIndicators(symbol=Symbol.parse("ETH/USDT"), timeframe=timeframe)

    await ingest(resources, pair)

    candles = await trading.fetchrow(
        "select count(*), now() - max(opened_at) from candles where timeframe = $1", timeframe.value
    )
    assert candles is not None
    count, behind = candles
    assert count >= 300
    assert behind < 2 * timeframe.delta + CLOSE_MARGIN
    rows = {row["source"]: row["data"] for row in await trading.fetch("select source, data from indicators")}
    ratio = {"ls_ratio"} if timeframe.value in CRYPTOMETER_KNOWS else set()
    assert set(rows) == {"technical", "liquidations", "trend", "clusters"} | ratio
    assert set(rows["technical"]) == set(NAMED)
    assert rows["technical"]["rsi"] is not None
    assert await trading.fetchval("select count(*) from pgmq.q_compute_signals") == 1


async def test_both_candle_sources_tell_the_same_market(resources: Resources) -> None:
    symbol, cryptometer = Symbol.parse("ETH/USDT"), resources.vendors.cryptometer
    assert cryptometer is not None

    exchange = await resources.vendors.exchange.candles(symbol, Timeframe.MINUTES_5, since=None, limit=39)
    vendor = await cryptometer.candles(symbol, Timeframe.MINUTES_5, since=exchange[5].opened_at, limit=39)

    by_opening = {candle.opened_at: candle for candle in exchange}
    shared = [(by_opening[candle.opened_at], candle) for candle in vendor if candle.opened_at in by_opening]
    assert len(shared) >= 33
    for one, other in shared:
        assert (one.open, one.high, one.low, one.close) == (other.open, other.high, other.low, other.close)
        assert abs(one.volume - other.volume) < abs(one.volume) / 1000 + 1
        assert one.trades_count == other.trades_count
