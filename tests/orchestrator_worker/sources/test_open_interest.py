"""Open interest by the hour, as the futures exchange sends it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources.open_interest import OpenInterest
from orchestrator_worker.sources.vendor import AnswerUnreadable, RequestRefused, Vendor
from tests.orchestrator_worker.vendors import Unlimited
from zmarty.market import Symbol

BTC = Symbol.parse("BTC/USDT")
ROW = {
    "symbol": "BTCUSDT",
    "sumOpenInterest": "20403.637",
    "sumOpenInterestValue": "1",
    "timestamp": 1583127900000,
}


def source(answer: Any) -> OpenInterest:
    def answered(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/futures/data/openInterestHist"
        assert dict(request.url.params) == {"symbol": "BTCUSDT", "period": "1h", "limit": "500"}
        return httpx.Response(200, json=answer)

    return OpenInterest(
        Vendor(
            "binance_futures", "https://f.test", limits=Unlimited(), transport=httpx.MockTransport(answered)
        )
    )


async def test_observations_come_oldest_first() -> None:
    later = ROW | {"timestamp": "1583131500000"}

    found = await source([later, ROW]).history(BTC)

    assert found == [
        (datetime(2020, 3, 2, 5, 45, tzinfo=UTC), Decimal("20403.637")),
        (datetime(2020, 3, 2, 6, 45, tzinfo=UTC), Decimal("20403.637")),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [1],
        [{}],
        [ROW | {"sumOpenInterest": "0"}],
        [ROW | {"sumOpenInterest": "NaN"}],
        [ROW | {"timestamp": "x"}],
    ],
)
async def test_what_is_not_documented_is_unreadable(answer: Any) -> None:
    with pytest.raises(AnswerUnreadable):
        await source(answer).history(BTC)


async def test_pairs_without_a_perpetual_are_not_asked_for() -> None:
    with pytest.raises(RequestRefused):
        await source([]).history(Symbol.parse("ETH/BTC"))
