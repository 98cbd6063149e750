"""Cryptometer's market-wide answers: refused rows, contradictions, absent fields, on rows of our own and on the real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orchestrator_worker.sources.cryptometer_market import (
    coin_info_from,
    coin_list_from,
    crypto_info_from,
    forex_rates_from,
    large_trades_from,
    liquidity_lens_from,
    rapid_movements_from,
    screener_from,
    ticker_from,
    tickers_from,
    trend_from,
    volatility_index_from,
    volume_flow_from,
)
from orchestrator_worker.sources.market_readings import MarketReading
from tests.orchestrator_worker.sources.captures import CAPTURED_AT, as_read, capture

NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)

MOVEMENT = {
    "pair": "inj-eur",
    "exchange": "bitstamp",
    "change_detected": 4.64,
    "side": "PUMP",
    "timestamp": "2026-11-20T12:00:00.000Z",
}
TICKER = {"pair": "BTC-USDT", "price": 100, "high": 110, "low": "90.5", "volume_24": 5000}
SCREENED = {
    "pair": "GLM-USDT",
    "symbol": "GLM",
    "exchange": "binance",
    "entry_price": 0.26,
    "price_reached": 0.35,
    "pnl": 36.5,
    "side": "BUY",
    "entry_time": "2026-11-20T00:35:00.000Z",
    "status": "open",
}
COIN = {"symbol": "XYZ", "name": "Xyz", "totalSupply": 0, "circulatingSupply": 5, "marketCap": 10, "price": 2}


@pytest.mark.parametrize(
    "change", [{"trend_score": None}, {"trend_score": 101}, {"timestamp": "now"}, {"buy_pressure": True}]
)
def test_a_trend_with_a_wrong_field_is_missing(change: dict[str, Any]) -> None:
    row = {"trend_score": 49.79, "buy_pressure": 47, "sell_pressure": 53, "timestamp": "2026-11-20T12:00:00Z"}
    assert trend_from(as_read([row])).score == Decimal("49.79")

    with pytest.raises(ValueError):
        trend_from(as_read([row | change]))


def test_rows_that_cannot_be_true_are_left_out_and_counted() -> None:
    rows = [
        MOVEMENT,
        MOVEMENT | {"side": "DUMP"},
        MOVEMENT | {"pair": "XRP-USDT", "change_detected": "-7", "side": "DUMP"},
    ]

    found = rapid_movements_from(as_read(rows), observed_at=NOW)

    assert [(row.pair, row.change_percent) for row in found.rows] == [
        ("INJ-EUR", Decimal("4.64")),
        ("XRP-USDT", Decimal(-7)),
    ]
    assert found.refused == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        None,
        {},
        "none",
        [{}],
        [None, 3],
        [MOVEMENT, MOVEMENT | {"change_detected": 0}],
        [MOVEMENT | {"timestamp": "2026-11-20T12:00:00"}],
        [MOVEMENT | {"pair": "INJEUR"}],
    ],
)
def test_a_list_of_which_half_is_unreadable_is_no_answer(rows: Any) -> None:
    with pytest.raises(ValueError):
        rapid_movements_from(as_read(rows), observed_at=NOW)


def test_what_a_ticker_does_not_tell_is_null_and_what_it_tells_wrongly_is_refused() -> None:
    assert ticker_from(as_read(TICKER)).change_day is None
    assert ticker_from(as_read(TICKER | {"change_24h": "-1.5"})).change_day == Decimal("-1.5")

    for wrong in (
        {"change_24h": "much"},
        {"change_24h": -101},
        {"high": 80},
        {"price": 0},
        {"volume_24": -1},
        {"low": True},
    ):
        with pytest.raises(ValueError):
            ticker_from(as_read(TICKER | wrong))


def test_flows_need_all_three_lists() -> None:
    flow = {"from": "USDT", "to": "ETH", "volume": 36838015.2}
    answer = {"inflow": [flow], "outflow": [flow], "netflow": [flow]}

    assert volume_flow_from(as_read(answer), observed_at=NOW).inflow[0].going_to == "ETH"
    for name in answer:
        with pytest.raises(ValueError):
            volume_flow_from(as_read(answer | {name: []}), observed_at=NOW)


def test_a_net_that_is_not_the_difference_is_refused() -> None:
    right = {"inflow": 10, "outflow": 4.5, "netflow": 5.5}

    found = liquidity_lens_from(
        as_read({"BTC": right, "ETH": right, "XXX": right | {"netflow": 500}}), observed_at=NOW
    )

    assert set(found.rows) == {"BTC", "ETH"}
    for wrong in ({}, [right], {"BTC": right | {"inflow": -10}}):
        with pytest.raises(ValueError):
            liquidity_lens_from(as_read(wrong), observed_at=NOW)


def test_an_unknown_supply_is_null() -> None:
    found = coin_info_from(as_read([COIN]), observed_at=NOW)

    assert (found.rows["XYZ"].supply, found.rows["XYZ"].circulating) == (None, Decimal(5))


@pytest.mark.parametrize(
    "change", [{"side": "WAIT"}, {"status": "gone"}, {"pnl": -101}, {"entry_price": 0}, {"symbol": ""}]
)
def test_a_screened_trade_with_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    assert screener_from(as_read([SCREENED]), observed_at=NOW).rows[0].is_open

    with pytest.raises(ValueError):
        screener_from(as_read([SCREENED | change]), observed_at=NOW)


def test_a_trimmed_table_keeps_the_wanted_and_then_the_weightiest() -> None:
    rows = [TICKER | {"pair": f"C{order}-USDT", "usd_price": 1, "volume_24": order} for order in range(1, 10)]
    table = tickers_from(as_read(rows), observed_at=NOW)

    assert list(table.trimmed((), 2).rows) == ["C9-USDT", "C8-USDT"]
    assert list(table.trimmed({"C1-USDT"}, 2).rows) == ["C1-USDT", "C9-USDT"]


def test_a_trimmed_list_stays_in_the_order_of_the_vendor() -> None:
    rows = [MOVEMENT | {"pair": f"C{order}-USDT"} for order in range(9)]
    found = rapid_movements_from(as_read(rows), observed_at=NOW).trimmed({"C5-USDT"}, 3)

    assert [row.pair for row in found.rows] == ["C0-USDT", "C1-USDT", "C5-USDT"]


REAL: dict[str, tuple[Callable[..., MarketReading], int, str]] = {
    "rapid_movements": (rapid_movements_from, 96, "movements"),
    "large_trades": (large_trades_from, 66, "trades"),
    "liquidity_lens": (liquidity_lens_from, 40, "coins"),
    "volatility_index": (volatility_index_from, 49, "pairs"),
    "tickerlist_pro": (tickers_from, 49, "pairs"),
    "ai_screener": (screener_from, 40, "entries"),
    "coin_info": (coin_info_from, 41, "coins"),
    "crypto_info": (crypto_info_from, 40, "pairs"),
    "forex_rates": (forex_rates_from, 40, "rates"),
    "market_list": (coin_list_from, 49, "pairs"),
}


@pytest.mark.parametrize("name", REAL)
def test_every_row_of_the_real_answers_is_readable(name: str) -> None:
    read, rows, key = REAL[name]

    found = read(capture(name), observed_at=CAPTURED_AT)

    assert found.refused == 0
    assert len(found.data[key]) == rows


def test_the_real_trend_and_flows_parse() -> None:
    trend = trend_from(capture("trend_indicator"))
    flow = volume_flow_from(capture("volume_flow"), observed_at=CAPTURED_AT)

    assert (trend.score, trend.observed_at) == (Decimal("49.79"), CAPTURED_AT)
    assert (len(flow.inflow), len(flow.outflow), len(flow.netflow), flow.refused) == (60, 60, 60, 0)
    assert flow.inflow[0].coming_from == "USDT"


def test_the_real_numbers_stand_where_we_take_them_to_stand() -> None:
    tickers = tickers_from(capture("tickerlist_pro"), observed_at=CAPTURED_AT)
    lens = liquidity_lens_from(capture("liquidity_lens"), observed_at=CAPTURED_AT)
    coins = coin_info_from(capture("coin_info"), observed_at=CAPTURED_AT)

    avax = tickers.rows["AVAX-USDT"]
    assert (avax.price, avax.volume_day, avax.change_quarter) == (
        Decimal("23.94"),
        Decimal("77387223.56"),
        Decimal("12.66"),
    )
    assert lens.rows["AVAX"].netflow == Decimal("114672.85")
    assert next(iter(coins.rows)) == "BTC"
    for coin in coins.rows.values():
        if coin.circulating:
            assert abs(coin.circulating * coin.price / coin.market_cap - 1) < Decimal("0.01")
