"""Cryptometer's answers about one symbol: missing sides, times, lists that end, on rows of our own and on the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator_worker.sources.candle_source import closed_candles
from orchestrator_worker.sources.cryptometer_symbol import (
    WHALES_LISTED,
    candle_from,
    liquidations_from,
    long_short_ratio_from,
    open_interest_from,
    screener_record_from,
    traded_volume_from,
    whale_trades_from,
)
from tests.orchestrator_worker.sources.captures import CAPTURED_AT, as_read, capture
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


def test_the_base_volume_is_what_was_bought_and_sold() -> None:
    candle = candle_from(as_read(bar(NEWEST)), AVAX, Timeframe.HOUR_1)

    assert (candle.volume, candle.volume_usd, candle.vwap) == (Decimal(30), Decimal(615), Decimal("20.5"))
    assert (candle.trades_count, candle.exchange, candle.source) == (12, "binance", "cryptometer")


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


def whale(minutes_ago: int, **changes: Any) -> dict[str, Any]:
    return {
        "u_id": minutes_ago,
        "pair": "AVAX-USDT",
        "exchange": "binance",
        "price": 20,
        "size": 1000.5,
        "total": 20010,
        "side": "BUY",
        "timestamp": (NOW - timedelta(minutes=minutes_ago)).isoformat(),
    } | changes


def test_whale_trades_are_those_of_the_last_day_and_only_dollars_are_added() -> None:
    rows = [
        whale(5),
        whale(10, side="SELL", total=30000),
        whale(20, pair="AVAX-ETH", total=7.5),
        whale(3 * 24 * 60, total=999999),
    ]

    found = whale_trades_from(as_read(rows), observed_at=NOW)

    assert (found.buys, found.sells) == (2, 1)
    assert (found.bought_usd, found.sold_usd) == (Decimal(20010), Decimal(30000))
    assert found.largest is not None and found.largest.total == 30000
    assert found.since == NOW - timedelta(days=1)


def test_a_list_that_is_full_is_known_back_to_its_oldest_trade_only() -> None:
    rows = [whale(minutes) for minutes in range(1, WHALES_LISTED + 1)]

    found = whale_trades_from(as_read(rows), observed_at=NOW)

    assert found.since == NOW - timedelta(minutes=WHALES_LISTED)
    assert found.buys == WHALES_LISTED


def test_a_day_without_a_whale_is_zero_when_the_list_reaches_back_so_far() -> None:
    found = whale_trades_from(as_read([whale(2 * 24 * 60)]), observed_at=NOW)

    assert (found.buys, found.sells, found.largest) == (0, 0, None)


@pytest.mark.parametrize(
    "rows",
    [[], "many", None, [whale(1, side="HOLD")], [whale(1, price=0)], [whale(1, timestamp="yesterday")]],
)
def test_whale_trades_that_cannot_be_read_are_missing(rows: Any) -> None:
    with pytest.raises(ValueError):
        whale_trades_from(as_read(rows), observed_at=NOW)


@pytest.mark.parametrize(
    "rows", [[], {}, [{"buy": 1}], [{"buy": -1, "sell": 2}], [{"buy": "x", "sell": 2}], [None]]
)
def test_a_volume_without_both_sides_is_missing(rows: Any) -> None:
    with pytest.raises(ValueError):
        traded_volume_from(as_read(rows), observed_at=NOW)


def test_nothing_traded_has_no_share() -> None:
    quiet = traded_volume_from(as_read([{"buy": 0, "sell": 0}]), observed_at=NOW)
    busy = traded_volume_from(as_read([{"buy": "30", "sell": 10}]), observed_at=NOW)

    assert quiet.data["buy_percent"] is None
    assert busy.data["buy_percent"] == 75


@pytest.mark.parametrize("rows", [[], [{}], [{"open_interest": 0}], [{"open_interest": "NaN"}]])
def test_open_interest_is_a_number_above_zero(rows: Any) -> None:
    with pytest.raises(ValueError):
        open_interest_from(as_read(rows), "binance_futures", observed_at=NOW)

    known = open_interest_from(
        as_read([{"market_pair": "AVAXUSDT", "open_interest": "812345.5"}]),
        "binance_futures",
        observed_at=NOW,
    )
    assert known.data["open_interest"] == 812345.5


@pytest.mark.parametrize(
    "answer",
    [
        {"ratio": "0.00", "trades": []},
        {"ratio": "101", "trades": [{}]},
        {"trades": []},
        [],
    ],
)
def test_a_record_of_no_trades_is_missing_and_not_zero(answer: Any) -> None:
    with pytest.raises(ValueError):
        screener_record_from(as_read(answer), observed_at=NOW)


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

    assert (ratio.ratio, ratio.observed_at) == (Decimal("0.98"), datetime(2025, 7, 31, 9, tzinfo=UTC))
    assert liquidations.longs == Decimal("1485204.84690021")
    assert liquidations.exchanges["bitmex"] == (Decimal(71), Decimal(0))


def test_the_real_whales_volumes_and_record_parse() -> None:
    whales = whale_trades_from(capture("whale_trades"), observed_at=CAPTURED_AT)
    merged = traded_volume_from(capture("merged_volume"), observed_at=CAPTURED_AT)
    record = screener_record_from(capture("ai_screener_analysis"), observed_at=CAPTURED_AT)

    assert whales.since == CAPTURED_AT - timedelta(days=1)
    assert (whales.buys, whales.sells) == (4, 7)
    assert (merged.bought, merged.sold) == (Decimal("21516.0584851"), Decimal("18731.98236653"))
    assert (record.won_percent, record.trades) == (Decimal("64.29"), 14)
    assert record.newest_at == datetime(2025, 5, 12, 7, 23, tzinfo=UTC)
