"""Candles of exchanges that ccxt speaks, in Kraken's own wire shape; OKX over a socket: tests/local_stack/simulators/test_okx.py."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import polars as pl
import pytest
from pydantic import ValidationError

from orchestrator_worker.settings import WorkerSettings
from orchestrator_worker.sources import exchanges
from orchestrator_worker.sources.exchanges import CcxtCandles, ExchangeChoice, ExchangeUnusable
from orchestrator_worker.sources.vendor import (
    AnswerTooShort,
    AnswerUnreadable,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
    Vendor,
)
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.market import OHLCV
from tests.orchestrator_worker.vendors import ADMITTED, Unlimited
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

# Here and not within a test: loading all exchanges takes seconds on a busy machine.
pytest.importorskip("ccxt.async_support")

BTC = Symbol.parse("BTC/USDT")
NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
NEWEST = datetime(2026, 11, 20, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)
KRAKEN_BARS_MAX = 720

PAIR = {
    "altname": "XBTUSDT", "wsname": "XBT/USDT", "aclass_base": "currency", "base": "XXBT", "aclass_quote": "currency",
    "quote": "USDT", "lot": "unit", "pair_decimals": 1, "lot_decimals": 8, "cost_decimals": 5, "lot_multiplier": 1,
    "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.25]], "fees_maker": [[0, 0.1]],
    "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": "0.0001", "costmin": "0.5",
    "tick_size": "0.1", "status": "online",
}  # fmt: skip


def bar(opened_at: datetime, **changes: Any) -> list[Any]:
    row: dict[str, Any] = {
        "time": int(opened_at.timestamp()),
        "open": "83000.1",
        "high": "83100.0",
        "low": "82900.5",
        "close": "83050.2",
        "vwap": "83010.3",
        "volume": "12.34567891",
        "trades": 77,
    }
    return [*(row | changes).values()]


class Kraken:
    """Gives at most the newest 720 bars, those after `since`, and the one that is still open last."""

    def __init__(self, opened: list[datetime], make: Callable[[datetime], list[Any]] = bar) -> None:
        self.opened = opened
        self.make = make
        self.asked: list[str] = []
        self.answer: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        assert request.url.host == "kraken.test"
        self.asked.append(request.url.path)
        if request.url.path == "/0/public/AssetPairs":
            return httpx.Response(200, json={"error": [], "result": {"XBTUSDT": PAIR}})
        assert request.url.path == "/0/public/OHLC"
        if self.answer is not None:
            return self.answer
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        assert query["pair"] == "XBTUSDT"
        after = int(query.get("since", 0))
        bars = [self.make(at) for at in self.opened if at.timestamp() > after][-KRAKEN_BARS_MAX:]
        return httpx.Response(200, json={"error": [], "result": {"XBTUSDT": bars, "last": 1}})


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "utc_now", lambda: NOW)


def hours(count: int, *, until: datetime = NEWEST + HOUR) -> list[datetime]:
    """Opening times, the last one by default that of the bar that is still open."""
    return [until - back * HOUR for back in range(count - 1, -1, -1)]


def kraken(answer: Callable[[httpx.Request], httpx.Response], limits: Unlimited | None = None) -> CcxtCandles:
    vendor = Vendor("kraken", "", limits=limits or Unlimited(), transport=httpx.MockTransport(answer))
    source = CcxtCandles(ExchangeChoice("kraken", "https://kraken.test"), vendor)
    # ccxt's own pace is a second for each request; ours is what these tests are about.
    source._client.enableRateLimit = False
    return source


async def test_the_newest_closed_candles_are_as_the_exchange_wrote_them() -> None:
    world = Kraken(hours(50))

    candles = await kraken(world).candles(BTC, Timeframe.HOUR_1, since=None, limit=10)

    assert [candle.opened_at for candle in candles] == hours(10, until=NEWEST)
    assert {(candle.exchange, candle.source) for candle in candles} == {("kraken", "kraken")}
    assert (candles[0].open, candles[0].volume) == (Decimal("83000.1"), Decimal("12.34567891"))
    assert (candles[0].volume_usd, candles[0].trades_count) == (None, None), "ccxt does not tell these"


async def test_candles_since_then_end_at_until() -> None:
    candles = await kraken(Kraken(hours(50))).candles(
        BTC, Timeframe.HOUR_1, since=NEWEST - 20 * HOUR, until=NEWEST - 10 * HOUR, limit=100
    )

    assert [candle.opened_at for candle in candles] == hours(11, until=NEWEST - 10 * HOUR)


async def test_a_halt_leaves_its_bars_out() -> None:
    opened = [at for at in hours(50) if at not in (NEWEST - 5 * HOUR, NEWEST - 6 * HOUR)]

    candles = await kraken(Kraken(opened)).candles(BTC, Timeframe.HOUR_1, since=NEWEST - 9 * HOUR, limit=100)

    assert [candle.opened_at for candle in candles] == opened[-9:-1]


async def test_an_exchange_that_cannot_reach_back_says_so() -> None:
    source = kraken(Kraken(hours(5_000)))

    with pytest.raises(AnswerTooShort, match="newest 720 bars"):
        await source.candles(BTC, Timeframe.HOUR_1, since=NEWEST - 2_000 * HOUR, limit=1_000)
    assert len(await source.candles(BTC, Timeframe.HOUR_1, since=None, limit=2_000)) == KRAKEN_BARS_MAX - 1
    reached = await source.candles(
        BTC, Timeframe.HOUR_1, since=NEWEST - 718 * HOUR, until=NEWEST, limit=source.page_bars
    )
    assert len(reached) == source.page_bars == KRAKEN_BARS_MAX - 1


async def test_a_short_history_is_no_cut_one() -> None:
    candles = await kraken(Kraken(hours(100))).candles(
        BTC, Timeframe.HOUR_1, since=NEWEST - 400 * HOUR, limit=1_000
    )

    assert len(candles) == 99


@pytest.mark.parametrize(
    ("symbol", "timeframe", "reason"),
    [
        ("XMR/USDT", Timeframe.HOUR_1, "does not list XMR/USDT"),
        ("BTC/USDT", Timeframe.WEEK_1, "not the start of a 1w candle"),
    ],
)
async def test_what_the_exchange_does_not_have_is_refused(
    symbol: str, timeframe: Timeframe, reason: str
) -> None:
    with pytest.raises((RequestRefused, AnswerUnreadable), match=reason):
        await kraken(Kraken(hours(50))).candles(Symbol.parse(symbol), timeframe, since=None, limit=10)


async def test_a_timeframe_the_exchange_does_not_know_is_refused() -> None:
    source = kraken(Kraken(hours(50)))
    del source._client.timeframes["30m"]

    with pytest.raises(RequestRefused, match="no candles of 30m"):
        await source.candles(BTC, Timeframe.MINUTES_30, since=None, limit=10)


async def test_the_listing_is_asked_for_once_by_many() -> None:
    world = Kraken(hours(50))
    source = kraken(world)

    asking = [source.candles(BTC, Timeframe.HOUR_1, since=None, limit=3) for _ in range(4)]
    cut = asyncio.ensure_future(asking[0])
    others = [asyncio.ensure_future(question) for question in asking[1:]]
    await asyncio.sleep(0)
    cut.cancel()

    assert [len(candles) for candles in await asyncio.gather(*others)] == [3, 3, 3]
    assert world.asked.count("/0/public/AssetPairs") <= 2


async def test_every_request_takes_a_turn() -> None:
    limits = Unlimited()

    await kraken(Kraken(hours(50)), limits).candles(BTC, Timeframe.HOUR_1, since=None, limit=10)

    assert limits.weights == [1, 1]
    limits.admission = ADMITTED.__class__(
        verdict="limited", wait_seconds=9.0, used=1, quota=None, is_low=False
    )
    with pytest.raises(SourceLimited, match="kraken: our own limit"):
        await kraken(Kraken(hours(50)), limits).candles(BTC, Timeframe.HOUR_1, since=None, limit=10)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, json={"error": ["EGeneral:Too many requests"]}), SourceLimited),
        (httpx.Response(200, json={"error": ["EQuery:Invalid asset pair"]}), RequestRefused),
        (httpx.Response(200, json={"error": ["EService:Unavailable"]}), SourceUnavailable),
        (httpx.Response(200, text="<html>"), AnswerUnreadable),
        (httpx.Response(451, text="not here"), SourceUnavailable),
        (httpx.Response(429, headers={"retry-after": "60"}), SourceLimited),
    ],
)
async def test_failures_are_said_in_our_words(answer: httpx.Response, kind: type[SourceUnavailable]) -> None:
    world, limits = Kraken(hours(50)), Unlimited()
    source = kraken(world, limits)
    world.answer = answer

    with pytest.raises(kind) as failed:
        await source.candles(BTC, Timeframe.HOUR_1, since=None, limit=10)

    assert failed.value.vendor == "kraken"
    if kind is SourceLimited:
        assert limits.pauses[0][0] == "kraken"
        assert failed.value.retry_after_seconds


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"close": "NaN"}, "close"),
        ({"open": "-1"}, "prices must be positive"),
        ({"high": "1"}, "between low and high"),
        ({"volume": "-3"}, "volume must not be negative"),
        ({"close": None}, "close"),
        ({"time": int(NEWEST.timestamp()) // 1_000}, "open time is not a time in milliseconds: .* seconds"),
        (
            {"time": int(NEWEST.timestamp()) * 1_000},
            "open time is not a time in milliseconds: .* microseconds",
        ),
    ],
)
async def test_candles_that_cannot_be_true_name_the_field(changes: dict[str, Any], field: str) -> None:
    world = Kraken(hours(5), make=lambda at: bar(at, **changes))

    with pytest.raises(AnswerUnreadable, match=field):
        await kraken(world).candles(BTC, Timeframe.HOUR_1, since=None, limit=10)


async def test_duplicate_and_unsorted_candles_come_out_in_order_once() -> None:
    opened = hours(6)

    candles = await kraken(Kraken([*reversed(opened), *opened])).candles(
        BTC, Timeframe.HOUR_1, since=None, limit=10
    )

    assert [candle.opened_at for candle in candles] == opened[:-1]


async def test_a_real_unfinished_candle_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    path = OHLCV / "partial_candle_example_BTCUSDT_1d.csv"
    if not path.exists():
        pytest.skip("no real candles on this machine")
    with Path(path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    opened = [datetime.fromisoformat(row["ts"]).replace(tzinfo=UTC) for row in rows]
    written = {int(at.timestamp()): row for at, row in zip(opened, rows, strict=True)}

    def make(at: datetime) -> list[Any]:
        row = written[int(at.timestamp())]
        names = ("open", "high", "low", "close", "volume")
        return bar(at, **{name: row[name] for name in names})

    # Six hours into the last row's day, as the exchange was asked.
    monkeypatch.setattr(exchanges, "utc_now", lambda: opened[-1] + timedelta(hours=6))
    candles = await kraken(Kraken(opened, make)).candles(BTC, Timeframe.DAY_1, since=None, limit=10)

    assert [candle.opened_at for candle in candles] == opened[:-1]


async def test_a_real_halt_and_its_zero_volume_bar_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    path = OHLCV / "BTCUSDT_1h_2023-2025.parquet"
    if not path.exists():
        pytest.skip("no real candles on this machine")
    halt = datetime(2023, 3, 24, 12, tzinfo=UTC)
    around = pl.read_parquet(path).filter(pl.col("ts").is_between(halt - 20 * HOUR, halt + 20 * HOUR))
    rows = {row["ts"]: row for row in around.iter_rows(named=True)}

    def make(at: datetime) -> list[Any]:
        names = ("open", "high", "low", "close", "volume")
        return bar(at, **{name: f"{rows[at][name]}" for name in names})

    monkeypatch.setattr(exchanges, "utc_now", lambda: halt + 22 * HOUR)
    candles = await kraken(Kraken(sorted(rows), make)).candles(
        BTC, Timeframe.HOUR_1, since=halt - 20 * HOUR, limit=100
    )

    assert [candle.opened_at for candle in candles] == sorted(rows)
    assert len(rows) == 40, "one bar of forty-one is missing"
    assert sum(candle.volume == 0 for candle in candles) == 1


def test_a_choice_is_a_name_or_a_name_with_an_address() -> None:
    assert ExchangeChoice.parse("okx") == ExchangeChoice("okx")
    assert ExchangeChoice.parse("okx=http://127.0.0.1:9/okx/") == ExchangeChoice(
        "okx", "http://127.0.0.1:9/okx"
    )
    for wrong in ("", "OKX", "okx=ftp://x", "=http://x", "a b"):
        with pytest.raises(ValueError, match=r"exchange|address"):
            ExchangeChoice.parse(wrong)


def test_settings_name_the_wrong_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCHANGES", "kraken, kraken")
    with pytest.raises(ValidationError, match="names twice: kraken"):
        WorkerSettings()


@pytest.mark.parametrize(
    ("name", "reason"), [("krakn", "no exchange named krakn"), ("bitbns", "publishes no candles")]
)
async def test_an_exchange_without_candles_stops_the_start(name: str, reason: str) -> None:
    with pytest.raises(ExchangeUnusable, match=reason):
        CcxtCandles(ExchangeChoice(name), Vendor(name, "", limits=Unlimited()))


def test_without_ccxt_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)

    with pytest.raises(ExchangeUnusable, match=r"install requirements-exchanges\.lock"):
        CcxtCandles(ExchangeChoice("okx"), Vendor("okx", "", limits=Unlimited()))


@pytest.fixture
def order(trading_worker: Pool) -> Callable[[str], Any]:
    async def names(written: str) -> list[str]:
        async with open_vendors(
            trading_worker,
            exchange_url="https://x.test",
            exchanges=[ExchangeChoice.parse(entry) for entry in written.split()],
            cryptometer_url="https://c.test",
        ) as vendors:
            return [exchange.name for exchange in vendors.exchanges()]

    return names


async def test_binance_comes_first_unless_it_has_a_place(order: Callable[[str], Any]) -> None:
    assert await order("") == ["binance"]
    assert await order("kraken okx") == ["binance", "kraken", "okx"]
    assert await order("kraken binance") == ["kraken", "binance"]


async def test_exchanges_have_limits_of_their_own(trading_worker: Pool) -> None:
    limited = {row["vendor"] for row in await trading_worker.fetch("select vendor from vendor_limits")}

    assert {"kraken", "okx", "bybit", "coinbase"} <= limited
