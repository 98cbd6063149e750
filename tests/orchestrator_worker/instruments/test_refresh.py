"""refresh_instruments on a real database, with exchanges that list symbols in their own wire shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import pytest

from local_stack.simulators.listing import listed
from orchestrator_worker.ending import Bury, Ending
from orchestrator_worker.instruments import handler
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.exchanges import ExchangeChoice
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.jobs import delivered
from tests.orchestrator_worker.sources.test_exchanges import PAIR as KRAKEN_PAIR
from zmarty.messages import RefreshInstruments
from zmarty.postgres import Pool


@dataclass
class World:
    listed: list[tuple[str, str]] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    asked: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.split(".")[0]
        if host in self.failing:
            return httpx.Response(503)
        if host == "kraken":
            return httpx.Response(200, json={"error": [], "result": {"XBTUSDT": KRAKEN_PAIR}})
        assert request.url.path == "/api/v3/exchangeInfo"
        self.asked = dict(request.url.params)
        return httpx.Response(
            200, json={"timezone": "UTC", "symbols": [self.row(*pair) for pair in self.listed]}
        )

    def row(self, base: str, quote: str) -> dict[str, object]:
        symbol = f"{base}{quote}"
        return {
            "symbol": symbol,
            "status": self.status.get(symbol, "TRADING"),
            "baseAsset": base,
            "quoteAsset": quote,
            "isSpotTradingAllowed": True,
        }


@pytest.fixture
async def world(trading: Pool) -> World:
    rows = await trading.fetch("select base, quote from instruments where active")
    return World(listed=[(row["base"], row["quote"]) for row in rows])


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


async def refresh(resources: Resources) -> Ending:
    return await handler.handle(await delivered(resources.trading, RefreshInstruments()), resources)


async def active(trading: Pool, symbol: str) -> bool | None:
    found: bool | None = await trading.fetchval("select active from instruments where symbol = $1", symbol)
    return found


async def test_new_symbols_are_known_and_odd_ones_passed_over(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.listed += [("1000SATS", "TRY"), ("W", "USDT"), ("币安人生", "USDT"), ("HALTED", "USDT")]
    world.status["HALTEDUSDT"] = "BREAK"
    known = await trading.fetchval("select count(*) from instruments")

    assert await refresh(resources) is None

    assert await active(trading, "1000SATS/TRY") is True
    assert await trading.fetchval("select count(*) from instruments") == known + 1
    assert world.asked == {"showPermissionSets": "false", "symbolStatus": "TRADING"}


async def test_delisted_symbols_are_inactive_and_their_watchers_stay(
    world: World, resources: Resources, trading: Pool
) -> None:
    watcher = "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'EOS/USDT', '1h', true, 1)"
    await trading.execute(watcher, uuid4())
    world.listed.remove(("EOS", "USDT"))

    assert await refresh(resources) is None

    assert await active(trading, "EOS/USDT") is False
    assert await trading.fetchval("select bool_and(active) from watchers") is True

    world.listed.append(("EOS", "USDT"))
    await refresh(resources)
    assert await active(trading, "EOS/USDT") is True, "it came back"


async def test_what_another_exchange_lists_is_traded(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.listed.remove(("BTC", "USDT"))

    await refresh(resources)

    assert await active(trading, "BTC/USDT") is True


async def test_an_answer_that_drops_too_many_changes_nothing(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.listed = [*world.listed[: len(world.listed) // 2], ("NEWCOIN", "USDT")]

    ending = await refresh(resources)

    assert isinstance(ending, Bury)
    assert ending.code == "too_many_delisted"
    assert "at most 20% are dropped at once; nothing was changed" in ending.reason
    assert await active(trading, "NEWCOIN/USDT") is None
    assert await trading.fetchval("select bool_and(active) from instruments") is True


async def test_while_one_exchange_is_silent_nothing_is_delisted(
    world: World, resources: Resources, trading: Pool
) -> None:
    world.failing = {"kraken"}
    world.listed = [("BTC", "USDT"), ("NEWCOIN", "USDT")]

    assert await refresh(resources) is None

    assert await active(trading, "NEWCOIN/USDT") is True
    assert await trading.fetchval("select bool_and(active) from instruments") is True


async def test_silence_of_all_is_tried_again(world: World, resources: Resources) -> None:
    world.failing = {"kraken", "binance"}

    with pytest.raises(SourceUnavailable):
        await refresh(resources)
    world.failing, world.listed = {"kraken"}, []
    with pytest.raises(SourceUnavailable, match=r"lists no symbol at all|503"):
        await refresh(resources)


async def test_the_daily_schedule_sends_one_message(trading: Pool) -> None:
    assert await trading.fetchval("select queueing.enqueue_refresh()") is not None
    assert await trading.fetchval("select queueing.enqueue_refresh()") is None
    assert await trading.fetchval("select count(*) from pgmq.q_refresh_instruments") == 1


async def test_the_local_exchange_lists_every_seeded_symbol(trading: Pool) -> None:
    """Else each night of a local system would end with a dead letter, or with fewer symbols."""
    seeded = {row["symbol"] for row in await trading.fetch("select symbol from instruments")}

    assert seeded <= set(listed())
