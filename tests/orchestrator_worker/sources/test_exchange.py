"""Klines in Binance's wire shape: pages, closed bars only, and figures as the exchange gave them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources import exchange as exchange_module
from orchestrator_worker.sources.exchange import ExchangeKlines
from orchestrator_worker.sources.vendor import AnswerUnreadable, RequestRefused, Vendor
from tests.orchestrator_worker.vendors import Unlimited
from zmarty.market import Symbol, Timeframe

BTC = Symbol.parse("BTC/USDT")
NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kline(opened_at: datetime, **changes: Any) -> list[Any]:
    row = {
        "opened": int(opened_at.timestamp() * 1000),
        "open": "100.10000000",
        "high": "101.00000000",
        "low": "99.50000000",
        "close": "100.70000000",
        "volume": "10.00000000",
        "closed": int((opened_at + HOUR).timestamp() * 1000) - 1,
        "quote": "1004.00000000",
        "trades": 77,
    } | changes
    return [*row.values(), "5.0", "502.0", "0"]


class Exchange:
    """Answers as Binance does, oldest first: the first `limit` bars from startTime on, else the last ones to endTime."""

    def __init__(self, opened: list[datetime], make: Callable[[datetime], list[Any]] = kline) -> None:
        self.opened = opened
        self.make = make
        self.asked: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v3/klines"
        asked = dict(request.url.params)
        self.asked.append(asked)
        first, last, limit = int(asked.get("startTime", 0)), int(asked["endTime"]), int(asked["limit"])
        assert 1 <= limit <= 1_000
        bars = [at for at in self.opened if first <= at.timestamp() * 1000 <= last]
        chosen = bars[:limit] if "startTime" in asked else bars[-limit:]
        return httpx.Response(200, json=[self.make(at) for at in chosen])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "utc_now", lambda: NOW)


def klines_of(answer: Callable[[httpx.Request], httpx.Response]) -> ExchangeKlines:
    transport = httpx.MockTransport(answer)
    return ExchangeKlines(Vendor("binance", "https://x.test", limits=Unlimited(), transport=transport))


def hours(count: int, *, until: datetime) -> list[datetime]:
    return [until - back * HOUR for back in range(count - 1, -1, -1)]


async def test_the_newest_closed_bars_come_in_pages_of_a_thousand() -> None:
    exchange = Exchange(hours(2_600, until=datetime(2026, 11, 20, 12, tzinfo=UTC)))

    candles = await klines_of(exchange).candles(BTC, Timeframe.HOUR_1, since=None, limit=2_500)

    assert [page["limit"] for page in exchange.asked] == ["1000", "1000", "500"]
    assert {page["symbol"] for page in exchange.asked} == {"BTCUSDT"}
    assert len(candles) == 2_500
    assert [candle.opened_at for candle in candles] == hours(
        2_500, until=datetime(2026, 11, 20, 11, tzinfo=UTC)
    )


async def test_a_bar_carries_the_figures_of_its_row() -> None:
    opened_at = datetime(2026, 11, 20, 11, tzinfo=UTC)

    [candle] = await klines_of(Exchange([opened_at])).candles(BTC, Timeframe.HOUR_1, since=None, limit=5)

    assert (candle.open, candle.high, candle.low, candle.close) == tuple(
        map(Decimal, ("100.1", "101", "99.5", "100.7"))
    )
    assert (candle.volume, candle.volume_usd, candle.trades_count) == (Decimal(10), Decimal(1004), 77)
    assert candle.vwap == Decimal("100.4")
    assert (candle.exchange, candle.source) == ("binance", "binance")


async def test_a_quote_that_is_no_dollar_has_no_dollar_volume() -> None:
    exchange = Exchange([datetime(2026, 11, 20, 11, tzinfo=UTC)])

    [candle] = await klines_of(exchange).candles(
        Symbol.parse("ETH/BTC"), Timeframe.HOUR_1, since=None, limit=5
    )

    assert candle.volume_usd is None
    assert candle.vwap == Decimal("100.4")


async def test_the_bar_that_is_still_open_is_dropped() -> None:
    def everything(_: httpx.Request) -> httpx.Response:
        # An exchange that does not look at endTime.
        return httpx.Response(
            200, json=[kline(at) for at in hours(3, until=datetime(2026, 11, 20, 12, tzinfo=UTC))]
        )

    candles = await klines_of(everything).candles(BTC, Timeframe.HOUR_1, since=None, limit=10)

    assert candles[-1].opened_at == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert len(candles) == 2


async def test_since_brings_the_oldest_first_up_to_the_limit() -> None:
    exchange = Exchange(hours(100, until=datetime(2026, 11, 20, 12, tzinfo=UTC)))
    since = datetime(2026, 11, 19, 0, tzinfo=UTC)

    candles = await klines_of(exchange).candles(BTC, Timeframe.HOUR_1, since=since, limit=4)

    assert [candle.opened_at for candle in candles] == [since + hour * HOUR for hour in range(4)]


async def test_a_halt_leaves_its_bars_missing_and_the_rest_in_order() -> None:
    opened = hours(1_500, until=datetime(2026, 11, 20, 11, tzinfo=UTC))
    exchange = Exchange([*opened[:700], *opened[705:]])

    candles = await klines_of(exchange).candles(BTC, Timeframe.HOUR_1, since=None, limit=1_500)

    assert [candle.opened_at for candle in candles] == exchange.opened


async def test_a_bar_that_cannot_be_true_is_left_out() -> None:
    opened = hours(3, until=datetime(2026, 11, 20, 11, tzinfo=UTC))
    exchange = Exchange(opened, lambda at: kline(at, low="200.0") if at == opened[1] else kline(at))

    candles = await klines_of(exchange).candles(BTC, Timeframe.HOUR_1, since=None, limit=3)

    assert [candle.opened_at for candle in candles] == [opened[0], opened[2]]


@pytest.mark.parametrize(
    "body",
    [{"code": 0}, [[]], [["x"]], [[1, 2]], [kline(NOW.replace(minute=0, second=0) - HOUR, close="NaN")]],
)
async def test_an_answer_of_another_shape_is_unreadable(body: Any) -> None:
    with pytest.raises(AnswerUnreadable):
        await klines_of(lambda _: httpx.Response(200, json=body)).candles(
            BTC, Timeframe.HOUR_1, since=None, limit=1
        )


async def test_a_symbol_the_exchange_does_not_list_is_refused() -> None:
    refusal = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})

    with pytest.raises(RequestRefused, match="Invalid symbol"):
        await klines_of(lambda _: refusal).candles(BTC, Timeframe.HOUR_1, since=None, limit=1)


async def test_a_history_that_ends_early_is_all_there_is() -> None:
    exchange = Exchange([datetime(2026, 11, 9, tzinfo=UTC)])

    candles = await klines_of(exchange).candles(BTC, Timeframe.WEEK_1, since=None, limit=5_000)

    assert len(candles) == 1
    assert len(exchange.asked) == 1


async def test_a_halt_longer_than_a_page_does_not_stop_catching_up() -> None:
    since = datetime(2026, 8, 1, tzinfo=UTC)
    newest = datetime(2026, 11, 20, 11, tzinfo=UTC)
    exchange = Exchange([since, newest - HOUR, newest])

    candles = await klines_of(exchange).candles(BTC, Timeframe.HOUR_1, since=since, limit=100)

    assert [candle.opened_at for candle in candles] == exchange.opened
