"""The simulated OKX, as ccxt's own client of it reads it over a socket."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from orchestrator_worker.sources import exchanges
from orchestrator_worker.sources.exchanges import CcxtCandles, ExchangeChoice
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable, Vendor
from tests.local_stack.simulators.conftest import Simulators
from tests.orchestrator_worker.vendors import Unlimited
from zmarty.market import Symbol, Timeframe

BTC = Symbol("BTC/USDT")
HOUR = timedelta(hours=1)


@pytest.fixture
async def okx(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CcxtCandles]:
    monkeypatch.setattr(exchanges, "utc_now", lambda: datetime.fromtimestamp(simulators.clock.now, UTC))
    vendor = Vendor("okx", "", limits=Unlimited())
    yield CcxtCandles(ExchangeChoice("okx", f"{simulators.url}/okx"), vendor)
    await vendor.close()


async def test_the_newest_closed_candles_are_read(okx: CcxtCandles) -> None:
    candles = await okx.candles(BTC, Timeframe.HOUR_1, since=None, limit=50)

    assert len(candles) == 50
    assert {later.opened_at - earlier.opened_at for earlier, later in pairwise(candles)} == {HOUR}
    assert candles[-1].opened_at == datetime(2026, 11, 21, 2, tzinfo=UTC), "the open bar is left out"


async def test_older_pages_join_without_a_seam(okx: CcxtCandles) -> None:
    since = datetime(2026, 9, 1, tzinfo=UTC)
    first = await okx.candles(BTC, Timeframe.HOUR_1, since=since, until=since + 199 * HOUR, limit=200)
    then = await okx.candles(
        BTC, Timeframe.HOUR_1, since=since + 200 * HOUR, until=since + 399 * HOUR, limit=200
    )

    assert [candle.opened_at for candle in (*first, *then)] == [
        since + number * HOUR for number in range(400)
    ]


async def test_a_refusal_in_a_good_status_is_a_refusal(okx: CcxtCandles, simulators: Simulators) -> None:
    with pytest.raises(RequestRefused):
        await okx.candles(Symbol("NOSUCH/USDT"), Timeframe.HOUR_1, since=None, limit=5)

    simulators.control("okx", fail={"status": 503, "seconds": 5})
    with pytest.raises(SourceUnavailable):
        await okx.candles(BTC, Timeframe.HOUR_1, since=None, limit=5)
