"""Symbols, timeframes and candles refuse what cannot be true."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from zmarty.errors import FieldInvalid, SymbolUnsupported
from zmarty.market import QUOTES, Candle, Symbol, Timeframe
from zmarty.postgres import Pool

PARTS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("BTCUSDT", "BTC/USDT"),
        ("btc-usdt", "BTC/USDT"),
        (" eth_btc ", "ETH/BTC"),
        ("BTC", "BTC/USDT"),
        ("ETHFDUSD", "ETH/FDUSD"),
        ("USDT", "USDT/USDT"),
        ("1000SATSUSDT", "1000SATS/USDT"),
    ],
)
def test_a_symbol_has_one_form(written: str, canonical: str) -> None:
    assert Symbol.parse(written) == canonical


@pytest.mark.parametrize("written", ["BTCUSDT.P", "BTC/USDT:USDT", "BTCPERP", "BTC-PERP", "btcusdt.p"])
def test_a_derivative_is_unsupported(written: str) -> None:
    with pytest.raises(SymbolUnsupported):
        Symbol.parse(written)


@pytest.mark.parametrize(
    "written", ["", "  ", "B", "BTC/", "/USDT", "BTC//USDT", "BTC USDT", "ÄÖ/USDT", "A" * 21, None, 7]
)
def test_nonsense_names_the_field_and_the_rule(written: object) -> None:
    with pytest.raises(FieldInvalid) as refused:
        Symbol.parse(written)
    assert refused.value.details["field"] == "symbol"


@given(base=PARTS, quote=PARTS)
def test_rendering_and_parsing_are_inverse(base: str, quote: str) -> None:
    if base.endswith("PERP") or quote.endswith("PERP"):
        return
    symbol = Symbol.parse(f"{base}/{quote}")
    assert Symbol.parse(symbol.path) == symbol
    assert Symbol.parse(symbol) == symbol


@given(base=PARTS, quote=st.sampled_from(QUOTES))
def test_the_compact_form_splits_at_a_known_quote(base: str, quote: str) -> None:
    symbol = Symbol.parse(base + quote)
    assert symbol.compact in (base + quote, base + quote + "USDT")


async def test_the_database_reads_symbols_alike(chat: Pool) -> None:
    written = [
        "BTC/USDT",
        "btcusdt",
        " eth_btc ",
        "BTC",
        "ETHFDUSD",
        "USDT",
        "1000SATSUSDT",
        "BTC-USDC",
        "BNBETH",
    ]
    rows = await chat.fetch(
        "select private.canonical_symbol(w) as symbol from unnest($1::text[]) as w", written
    )
    assert [row["symbol"] for row in rows] == [Symbol.parse(text) for text in written]


@pytest.mark.parametrize("timeframe", Timeframe)
def test_the_newest_closed_candle_is_closed(timeframe: Timeframe) -> None:
    now = datetime(2026, 11, 21, 3, 17, 42, tzinfo=UTC)
    opened_at = timeframe.newest_closed(now)
    assert timeframe.closed_at(opened_at) <= now < timeframe.closed_at(opened_at) + timeframe.delta
    assert timeframe.floor(opened_at) == opened_at


def test_weeks_start_on_mondays() -> None:
    assert Timeframe.WEEK_1.floor(datetime(2026, 11, 21, tzinfo=UTC)) == datetime(2026, 11, 16, tzinfo=UTC)


def test_cryptometers_day_is_ours() -> None:
    assert Timeframe.parse("d") is Timeframe.DAY_1
    with pytest.raises(FieldInvalid, match="must be one of 1m, 5m"):
        Timeframe.parse("2h")


TRUE_BAR: dict[str, Any] = {
    "symbol": Symbol("BTC/USDT"),
    "timeframe": Timeframe.HOUR_1,
    "opened_at": datetime(2026, 1, 1, tzinfo=UTC),
    "open": Decimal(10),
    "high": Decimal(12),
    "low": Decimal(9),
    "close": Decimal(11),
    "volume": Decimal(5),
    "exchange": "binance",
    "source": "exchange",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": Decimal("10.5")},
        {"high": Decimal("10.5")},
        {"open": Decimal(-1)},
        {"close": Decimal("NaN")},
        {"volume": Decimal(-1)},
        {"opened_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=1)},
    ],
)
def test_an_impossible_bar_is_refused(wrong: dict[str, Any]) -> None:
    Candle(**TRUE_BAR)
    with pytest.raises(ValueError, match=r"must|opened_at"):
        Candle(**{**TRUE_BAR, **wrong})


def test_padded_symbols_do_not_fill_the_memory() -> None:
    pair = TypeAdapter(Symbol)
    tracemalloc.start()
    try:
        for n in range(50):
            assert pair.validate_python(" " * (100_000 + n) + "BTC") == "BTC/USDT"
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 1_000_000
