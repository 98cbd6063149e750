"""Cryptometer's client: what it asks, in which words, how its envelope is read, and that every question is in the plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources import cryptometer as cryptometer_module
from orchestrator_worker.sources.cryptometer import MARKET, Cryptometer
from orchestrator_worker.sources.plan import PLAN
from orchestrator_worker.sources.vendor import (
    AnswerTooShort,
    AnswerUnreadable,
    KeyRefused,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
    Vendor,
)
from tests.orchestrator_worker.vendors import Unlimited, Unshared
from zmarty.market import Symbol, Timeframe

NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)
NEWEST = datetime(2026, 11, 20, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)
AVAX = Symbol.parse("AVAX/USDT")


def bar(opened_at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": opened_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "open": 20.1,
        "high": 21,
        "low": 20,
        "close": 20.5,
        "volume": 615.0,
        "buy": 10.5,
        "sell": 19.5,
        "buy_total": 215.25,
        "sell_total": 399.75,
        "tradecount": 12,
    } | changes


def bars(count: int) -> list[dict[str, Any]]:
    """Newest first, the first one still open, as the vendor sends them."""
    return [bar(NEWEST + HOUR - back * HOUR) for back in range(count)]


def cryptometer_of(answer: Callable[[httpx.Request], httpx.Response]) -> Cryptometer:
    transport = httpx.MockTransport(answer)
    vendor = Vendor(
        "cryptometer", "https://c.test", limits=Unlimited(), params={"api_key": "k"}, transport=transport
    )
    return Cryptometer(vendor, Unshared())


def giving(data: Any) -> Cryptometer:
    return cryptometer_of(
        lambda _: httpx.Response(200, json={"success": "true", "error": "false", "data": data})
    )


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptometer_module, "utc_now", lambda: NOW)


async def test_candles_come_oldest_first_without_the_open_one() -> None:
    candles = await giving(bars(4)).candles(AVAX, Timeframe.HOUR_1, since=None, limit=40)

    assert [candle.opened_at for candle in candles] == [NEWEST - 2 * HOUR, NEWEST - HOUR, NEWEST]


async def test_only_bars_since_the_asked_time_come_back() -> None:
    candles = await giving(bars(10)).candles(AVAX, Timeframe.HOUR_1, since=NEWEST - HOUR, limit=40)

    assert [candle.opened_at for candle in candles] == [NEWEST - HOUR, NEWEST]


async def test_a_list_that_would_leave_a_hole_is_refused() -> None:
    with pytest.raises(AnswerTooShort):
        await giving(bars(4)).candles(AVAX, Timeframe.HOUR_1, since=NEWEST - 3 * HOUR, limit=40)


async def test_a_gap_of_more_bars_than_it_has_is_not_even_asked() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nobody is asked")

    with pytest.raises(AnswerTooShort):
        await cryptometer_of(answer).candles(AVAX, Timeframe.HOUR_1, since=NEWEST - 40 * HOUR, limit=100)


async def test_a_timeframe_it_does_not_know_is_refused_without_asking() -> None:
    with pytest.raises(RequestRefused):
        await giving([]).candles(AVAX, Timeframe.MINUTE_1, since=None, limit=40)


async def test_what_is_asked_is_spelled_as_the_vendor_spells_it() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(500)

    cryptometer = cryptometer_of(answer)
    for question in (
        cryptometer.candles(AVAX, Timeframe.DAY_1, since=None, limit=1),
        cryptometer.long_short_ratio(AVAX, Timeframe.HOUR_1),
        cryptometer.liquidations(AVAX),
        cryptometer.trend(),
        cryptometer.whale_trades(AVAX),
        cryptometer.merged_volume(AVAX, Timeframe.HOUR_1),
        cryptometer.volume_24h(AVAX),
        cryptometer.open_interest(AVAX),
        cryptometer.ai_screener_analysis(AVAX),
        cryptometer.ticker(AVAX),
        *(cryptometer.market_wide(source) for source in MARKET),
    ):
        with pytest.raises(SourceUnavailable):
            await question

    assert asked == [
        "https://c.test/ohlcv/?api_key=k&e=binance&pair=AVAX-USDT&timeframe=d",
        "https://c.test/ls-ratio/?api_key=k&e=binance_futures&pair=AVAX-USDT&timeframe=1h",
        "https://c.test/liquidation-data-v2/?api_key=k&symbol=avax",
        "https://c.test/trend-indicator-v3/?api_key=k",
        "https://c.test/xtrades/?api_key=k&e=binance&symbol=avax",
        "https://c.test/merged-trade-volume/?api_key=k&symbol=AVAX&timeframe=1h&exchange_type=spot",
        "https://c.test/24h-trade-volume-v2/?api_key=k&e=binance&pair=AVAX-USDT",
        "https://c.test/open-interest/?api_key=k&e=binance_futures&market_pair=avaxusdt",
        "https://c.test/ai-screener-analysis/?api_key=k&symbol=AVAX",
        "https://c.test/ticker/?api_key=k&e=binance&market_pair=avaxusdt",
        "https://c.test/rapid-movements/?api_key=k",
        "https://c.test/large-trades-activity/?api_key=k&e=binance&pair=BTC-USDT",
        "https://c.test/volume-flow/?api_key=k&timeframe=1h",
        "https://c.test/liquidity-lens/?api_key=k&timeframe=1h",
        "https://c.test/volatility-index/?api_key=k&e=binance&timeframe=1h",
        "https://c.test/tickerlist-pro/?api_key=k&e=binance",
        "https://c.test/tickerlist/?api_key=k&e=binance",
        "https://c.test/ai-screener/?api_key=k&type=full",
        "https://c.test/coininfo/?api_key=k",
        "https://c.test/cryptocurrency-info/?api_key=k&e=binance&filter=all",
        "https://c.test/forex-rates/?api_key=k&source=USD",
        "https://c.test/coinlist/?api_key=k&e=binance",
    ]
    assert {httpx.URL(address).path for address in asked} == {source.path for source in PLAN}


async def test_every_question_goes_through_the_budget() -> None:
    asked: list[tuple[str, str]] = []

    class Counting:
        @asynccontextmanager
        async def asking(self, vendor: str, source: str) -> AsyncIterator[None]:
            asked.append((vendor, source))
            yield

    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    vendor = Vendor("cryptometer", "https://c.test", limits=Unlimited(), transport=transport)
    cryptometer = Cryptometer(vendor, Unshared(), Counting())
    for question in (
        cryptometer.candles(AVAX, Timeframe.DAY_1, since=None, limit=1),
        cryptometer.trend(),
        cryptometer.liquidations(AVAX),
        cryptometer.market_wide("tickers"),
    ):
        with pytest.raises(SourceUnavailable):
            await question

    assert asked == [("cryptometer", name) for name in ("candles", "trend", "liquidations", "tickers")]


async def test_a_failure_is_quoted_without_the_key() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"success": "false", "message": "no data for secret-key today"})
    )
    vendor = Vendor(
        "cryptometer", "https://c.test", limits=Unlimited(), secrets=("secret-key",), transport=transport
    )

    with pytest.raises(AnswerUnreadable) as failure:
        await Cryptometer(vendor, Unshared()).trend()

    assert failure.value.reason == "reports a failure: no data for *** today"


@pytest.mark.parametrize(
    "envelope",
    [
        {"success": "false", "error": "Invalid API key"},
        {"success": "true", "error": "No data", "data": []},
        {"success": "true", "error": "false"},
        {"success": "true", "error": "false", "data": {}},
        [],
        "true",
    ],
)
async def test_an_envelope_that_reports_a_failure_is_one(envelope: Any) -> None:
    cryptometer = cryptometer_of(lambda _: httpx.Response(200, json=envelope))

    with pytest.raises(AnswerUnreadable):
        await cryptometer.trend()


@pytest.mark.parametrize(("status", "kind"), [(403, KeyRefused), (429, SourceLimited), (400, RequestRefused)])
async def test_the_key_the_limit_and_the_parameter_are_told_apart(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await cryptometer_of(lambda _: httpx.Response(status)).trend()


async def test_the_ratio_is_that_of_the_newest_closed_bar() -> None:
    rows = [
        {"ratio": ratio, "buy": "48.85", "sell": "51.15", "close": 1, "delta": 1, "timestamp": stamp}
        for ratio, stamp in [
            ("9.99", "2026-11-20T12:00:00.000Z"),
            ("0.95", "2026-11-20T11:00:00.000Z"),
            ("1.2", "2026-11-20T10:00:00.000Z"),
        ]
    ]

    ratio = await giving(rows).long_short_ratio(AVAX, Timeframe.HOUR_1)

    assert ratio.ratio == Decimal("0.95")
    assert ratio.observed_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert ratio.data["long_percent"] == 48.85


async def test_a_trend_of_the_future_is_refused() -> None:
    row = {"trend_score": 50, "buy_pressure": 50, "sell_pressure": 50}
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=6)

    assert (await giving([row | {"timestamp": soon.isoformat()}]).trend()).observed_at == soon
    with pytest.raises(AnswerUnreadable):
        await giving([row | {"timestamp": later.isoformat()}]).trend()
