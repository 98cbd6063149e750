"""Cryptometer's envelope, its newest-first lists and its parsers, on rows of our own and on the real captures."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources import cryptometer as cryptometer_module
from orchestrator_worker.sources.candle_source import closed_candles
from orchestrator_worker.sources.cryptometer import (
    Cryptometer,
    candle_from,
    liquidations_from,
    long_short_ratio_from,
    trend_from,
)
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

CAPTURES = Path(__file__).parents[4] / "shared/data/cryptometer"
CAPTURED_AT = datetime(2025, 7, 31, 9, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)
NEWEST = datetime(2026, 11, 20, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)
AVAX = Symbol.parse("AVAX/USDT")


def capture(name: str) -> list[Any]:
    path = CAPTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the folder of real captures is not here")
    captured: list[Any] = json.loads(path.read_text(), parse_float=Decimal)["response"]["data"]
    return captured


def as_read(value: Any) -> Any:
    """The value as our client hands it to a parser: through JSON, fractions as Decimal."""
    return json.loads(json.dumps(value), parse_float=Decimal)


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


def test_the_base_volume_is_what_was_bought_and_sold() -> None:
    candle = candle_from(as_read(bar(NEWEST)), AVAX, Timeframe.HOUR_1)

    assert (candle.volume, candle.volume_usd, candle.vwap) == (Decimal(30), Decimal(615), Decimal("20.5"))
    assert (candle.trades_count, candle.exchange, candle.source) == (12, "binance", "cryptometer")


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
    ):
        with pytest.raises(SourceUnavailable):
            await question

    assert asked == [
        "https://c.test/ohlcv/?api_key=k&e=binance&pair=AVAX-USDT&timeframe=d",
        "https://c.test/ls-ratio/?api_key=k&e=binance_futures&pair=AVAX-USDT&timeframe=1h",
        "https://c.test/liquidation-data-v2/?api_key=k&symbol=avax",
        "https://c.test/trend-indicator-v3/?api_key=k",
    ]


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


def test_a_missing_side_of_liquidations_is_zero() -> None:
    found = liquidations_from(
        as_read([{"binance_futures": {"longs": 5.5}, "bitmex": {"shorts": 2}}]), observed_at=NOW
    )

    assert (found.longs, found.shorts) == (Decimal("5.5"), Decimal(2))
    assert found.data["exchanges"]["bitmex"] == {"longs": 0.0, "shorts": 2.0}


@pytest.mark.parametrize(
    "rows", [[], [{}], [[]], [{"binance": 3}], [{"binance": {"longs": "many"}}], [{"binance": {"longs": -1}}]]
)
def test_liquidations_that_are_not_told_are_missing_and_not_zero(rows: list[Any]) -> None:
    with pytest.raises(ValueError):
        liquidations_from(as_read(rows), observed_at=NOW)


@pytest.mark.parametrize(
    "change", [{"trend_score": None}, {"trend_score": 101}, {"timestamp": "now"}, {"buy_pressure": True}]
)
def test_a_trend_with_a_wrong_field_is_missing(change: dict[str, Any]) -> None:
    row = {"trend_score": 49.79, "buy_pressure": 47, "sell_pressure": 53, "timestamp": "2026-11-20T12:00:00Z"}
    assert trend_from(as_read([row])).score == Decimal("49.79")

    with pytest.raises(ValueError):
        trend_from(as_read([row | change]))


def test_the_real_candles_parse() -> None:
    rows = capture("ohlcv")

    candles = closed_candles(
        "cryptometer", rows, lambda row: candle_from(row, AVAX, Timeframe.HOUR_1), now=CAPTURED_AT
    )

    assert len(rows) == 40
    assert len(candles) == 39
    assert candles[0].opened_at < candles[-1].opened_at == datetime(2025, 7, 31, 8, tzinfo=UTC)
    # If volume were read in the wrong currency, the average price would lie far outside the bar.
    assert all(candle.vwap and candle.low <= candle.vwap <= candle.high for candle in candles)


def test_the_real_readings_parse() -> None:
    ratio = long_short_ratio_from(
        capture("ls_ratio"), Timeframe.HOUR_1, newest=Timeframe.HOUR_1.newest_closed(CAPTURED_AT)
    )
    liquidations = liquidations_from(capture("liquidation_data"), observed_at=CAPTURED_AT)
    trend = trend_from(capture("trend_indicator"))

    assert (ratio.ratio, ratio.observed_at) == (Decimal("0.98"), datetime(2025, 7, 31, 9, tzinfo=UTC))
    assert liquidations.longs == Decimal("1485204.84690021")
    assert liquidations.exchanges["bitmex"] == (Decimal(71), Decimal(0))
    assert (trend.score, trend.observed_at) == (Decimal("49.79"), CAPTURED_AT)
