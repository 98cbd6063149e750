"""The wrapper against TA-Lib's own binding, and each trap that it closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from orchestrator_worker.indicators.technical import BARS_NEEDED, NAMED, indicators_of, technical_reading
from tests.orchestrator_worker.market import OHLCV

STARTED_AT = datetime(2026, 3, 1, tzinfo=UTC)
GATED = {
    "rsi_14",
    "stochastic_k",
    "stochastic_d",
    "cci_20",
    "adx_14",
    "plus_di_14",
    "minus_di_14",
    "williams_r_14",
    "mfi_14",
    "aroon_up",
    "aroon_down",
    "aroon_oscillator",
    "ultimate_oscillator",
}

Array = Any
Bars = dict[str, Array]

# Bollinger and stochastic take a kind of average: left out, it is the simple one.
ORACLE: dict[str, Callable[[Bars], Array]] = {
    "rsi_14": lambda b: talib.RSI(b["close"], 14),
    "macd": lambda b: talib.MACD(b["close"], 12, 26, 9)[0],
    "macd_signal": lambda b: talib.MACD(b["close"], 12, 26, 9)[1],
    "macd_histogram": lambda b: talib.MACD(b["close"], 12, 26, 9)[2],
    "bollinger_upper": lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0)[0],
    "bollinger_middle": lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0)[1],
    "bollinger_lower": lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0)[2],
    "ema_20": lambda b: talib.EMA(b["close"], 20),
    "ema_50": lambda b: talib.EMA(b["close"], 50),
    "ema_200": lambda b: talib.EMA(b["close"], 200),
    "sma_20": lambda b: talib.SMA(b["close"], 20),
    "sma_50": lambda b: talib.SMA(b["close"], 50),
    "sma_200": lambda b: talib.SMA(b["close"], 200),
    "stochastic_k": lambda b: talib.STOCH(b["high"], b["low"], b["close"], 14, 3, slowd_period=3)[0],
    "stochastic_d": lambda b: talib.STOCH(b["high"], b["low"], b["close"], 14, 3, slowd_period=3)[1],
    "atr_14": lambda b: talib.ATR(b["high"], b["low"], b["close"], 14),
    "cci_20": lambda b: talib.CCI(b["high"], b["low"], b["close"], 20),
    "adx_14": lambda b: talib.ADX(b["high"], b["low"], b["close"], 14),
    "obv": lambda b: talib.OBV(b["close"], b["volume"]),
    "williams_r_14": lambda b: talib.WILLR(b["high"], b["low"], b["close"], 14),
    "roc_10": lambda b: talib.ROC(b["close"], 10),
    "mfi_14": lambda b: talib.MFI(b["high"], b["low"], b["close"], b["volume"], 14),
    "plus_di_14": lambda b: talib.PLUS_DI(b["high"], b["low"], b["close"], 14),
    "minus_di_14": lambda b: talib.MINUS_DI(b["high"], b["low"], b["close"], 14),
    "parabolic_sar": lambda b: talib.SAR(b["high"], b["low"], 0.02, 0.2),
    "aroon_down": lambda b: talib.AROON(b["high"], b["low"], 14)[0],
    "aroon_up": lambda b: talib.AROON(b["high"], b["low"], 14)[1],
    "aroon_oscillator": lambda b: talib.AROONOSC(b["high"], b["low"], 14),
    "momentum_10": lambda b: talib.MOM(b["close"], 10),
    "trix_15": lambda b: talib.TRIX(b["close"], 15),
    "ultimate_oscillator": lambda b: talib.ULTOSC(b["high"], b["low"], b["close"], 7, 14, 28),
    "keltner_middle": lambda b: talib.EMA(b["close"], 20),
    "keltner_upper": lambda b: talib.EMA(b["close"], 20) + 2 * talib.ATR(b["high"], b["low"], b["close"], 10),
    "keltner_lower": lambda b: talib.EMA(b["close"], 20) - 2 * talib.ATR(b["high"], b["low"], b["close"], 10),
}


def bars_of(moves: Sequence[float], *, seed: int = 0, start: float = 100.0) -> pl.DataFrame:
    """A market of hourly bars that moves by these returns, with wicks and volumes from a seeded source."""
    source = np.random.default_rng(seed)
    close = start * np.cumprod(1.0 + np.asarray(moves, dtype=float))
    opened = np.concatenate([[start], close[:-1]])
    return pl.DataFrame(
        {
            "opened_at": [STARTED_AT + timedelta(hours=hour) for hour in range(len(close))],
            "open": opened,
            "high": np.maximum(opened, close) * (1 + source.uniform(0, 0.01, len(close))),
            "low": np.minimum(opened, close) * (1 - source.uniform(0, 0.01, len(close))),
            "close": close,
            "volume": source.uniform(1, 1_000, len(close)),
        }
    )


def random_bars(count: int, *, seed: int = 1) -> pl.DataFrame:
    return bars_of(np.random.default_rng(seed).normal(0, 0.01, count).tolist(), seed=seed)


def assert_equals_oracle(candles: pl.DataFrame) -> None:
    bars: Bars = {
        name: candles[name].cast(pl.Float64).to_numpy() for name in ("open", "high", "low", "close", "volume")
    }
    computed = indicators_of(candles)
    moves = computed["market_moves"].to_numpy()
    for name, oracle in ORACLE.items():
        expected = np.asarray(oracle(bars), dtype=float)
        if name in GATED:
            expected = np.where(moves, expected, np.nan)
        actual = computed[name].to_numpy(allow_copy=True).astype(float)
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(
    moves=st.lists(st.floats(-0.2, 0.25, allow_nan=False), min_size=1, max_size=120),
    seed=st.integers(0, 2**32 - 1),
    lead=st.sampled_from([0, 0, 200]),
)
def test_each_indicator_equals_ta_lib(moves: list[float], seed: int, lead: int) -> None:
    walk = np.random.default_rng(seed).normal(0, 0.005, lead).tolist()

    assert_equals_oracle(bars_of([*walk, *moves], seed=seed))


@pytest.mark.parametrize(
    "name",
    [
        "AVAXUSDT_1h_2024",
        "BTCUSDT_1d_2017-2026",
        "BTCUSDT_1h_2023-2025",
        "BTCUSDT_5m_2024",
        "ETHUSDT_1d_2018-2026",
        "ETHUSDT_1h_2024",
        "SOLUSDT_1h_2024",
        "SOLUSDT_4h_2024",
    ],
)
def test_real_candles_give_what_ta_lib_gives(name: str) -> None:
    path = OHLCV / f"{name}.parquet"
    if not path.exists():
        pytest.skip("the folder of real data is not here")

    assert_equals_oracle(pl.read_parquet(path).rename({"ts": "opened_at"}))


def test_every_oracle_column_and_only_the_documented_ones_come_back() -> None:
    columns = set(indicators_of(random_bars(5)).columns)

    bars = {"opened_at", "open", "high", "low", "close", "volume"}
    assert columns == bars | set(ORACLE) | {"vwap", "obv_change_20", "market_moves"}


def test_decimals_do_not_abort_the_process() -> None:
    candles = random_bars(60)
    prices = ("open", "high", "low", "close", "volume")
    decimals = candles.with_columns(
        pl.Series(name, [Decimal(repr(value)) for value in candles[name]], dtype=pl.Decimal(38, 20))
        for name in prices
    )

    assert indicators_of(decimals)["rsi_14"].to_list() == indicators_of(candles)["rsi_14"].to_list()


def test_whole_numbers_are_read_as_prices() -> None:
    whole = random_bars(60).with_columns(
        pl.col("open", "high", "low", "close", "volume").round().cast(pl.Int64)
    )

    assert_equals_oracle(whole)


def test_warm_up_is_null_so_that_no_comparison_holds() -> None:
    computed = indicators_of(random_bars(14))

    assert computed["rsi_14"].null_count() == 14
    assert computed.filter(pl.col("rsi_14") > 70).is_empty()
    assert computed.select(pl.selectors.float().is_nan().any()).row(0) == (False,) * len(
        computed.select(pl.selectors.float()).columns
    )


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_bars_give_rows_without_indicators(count: int) -> None:
    computed = indicators_of(random_bars(6).head(count))

    assert computed.height == count
    assert computed["ema_20"].null_count() == count


@pytest.mark.parametrize("hole", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["close", "volume"])
def test_a_hole_in_mid_series_is_a_missing_bar_and_nothing_else(column: str, hole: float | None) -> None:
    candles = random_bars(400)
    holed = candles.with_columns(
        pl.when(pl.int_range(pl.len()) == 200).then(pl.lit(hole)).otherwise(pl.col(column)).alias(column)
    )
    without = candles.filter(pl.int_range(pl.len()) != 200)

    computed = indicators_of(holed)

    assert computed.height == 400
    assert computed["rsi_14"][200] is None
    assert computed["obv"][200] is None
    assert computed.filter(pl.int_range(pl.len()) != 200).equals(indicators_of(without))


def test_a_market_that_stands_still_is_not_oversold() -> None:
    flat = random_bars(60).with_columns(open=100.0, high=100.0, low=100.0, close=100.0)

    last = indicators_of(flat).row(-1, named=True)

    assert all(last[name] is None for name in GATED)
    assert last["market_moves"] is False
    assert last["atr_14"] == 0.0
    assert last["ema_20"] == 100.0


def test_a_market_that_stops_loses_its_oscillators_and_gets_them_back() -> None:
    moving, still = random_bars(60), [0.0] * 20
    stopped = bars_of([0.01, -0.01] * 30 + still + [0.01, -0.02] * 10)
    price = stopped["close"][60]
    stopped = stopped.with_columns(
        pl.when(pl.int_range(pl.len()).is_between(60, 79)).then(price).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )

    moves = indicators_of(stopped)["market_moves"].to_list()

    assert indicators_of(moving)["market_moves"][-1]
    assert moves[59] and not moves[79] and moves[-1]


def test_without_any_volume_no_oscillator_speaks() -> None:
    computed = indicators_of(random_bars(60).with_columns(volume=0.0))

    assert computed["mfi_14"].null_count() == 60
    assert computed["vwap"].null_count() == 60


def test_vwap_starts_anew_each_day_and_needs_the_whole_session() -> None:
    candles = random_bars(60)  # starts at midnight
    computed = indicators_of(candles)
    second_day = candles.slice(24, 3)
    typical = (second_day["high"] + second_day["low"] + second_day["close"]) / 3

    expected = float((typical * second_day["volume"]).sum()) / float(second_day["volume"].sum())

    assert computed["vwap"][26] == pytest.approx(expected, rel=1e-12)
    cut = indicators_of(candles.slice(5))
    assert cut["vwap"][:19].null_count() == 19
    assert cut["vwap"][19] == pytest.approx(computed["vwap"][24], rel=1e-12)


def test_rows_come_back_oldest_first() -> None:
    candles = random_bars(60)

    assert indicators_of(candles.reverse()).equals(indicators_of(candles))


def test_an_opening_time_that_occurs_twice_is_refused() -> None:
    candles = random_bars(3)

    with pytest.raises(ValueError, match="twice"):
        indicators_of(pl.concat([candles, candles.head(1)]))


@settings(max_examples=10, deadline=None)
@given(
    heights=st.lists(st.sampled_from([1, 13, 60, 250]), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1.0, 1e9]),
)
def test_several_histories_at_once_are_as_each_alone(heights: list[int], seed: int, scale: float) -> None:
    """Also where one market trades a thousand million times as much as its neighbours."""
    histories = {
        f"{order}/USDT": random_bars(height, seed=seed + order).with_columns(
            pl.col("volume") * (scale if order == 0 else 1.0)
        )
        for order, height in enumerate(heights)
    }
    holed = list(histories)[-1]
    histories[holed] = histories[holed].with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise(pl.col("close")).alias("close")
    )
    together = pl.concat(
        [candles.with_columns(symbol=pl.lit(symbol)) for symbol, candles in histories.items()]
    )

    computed = indicators_of(together.sample(fraction=1.0, shuffle=True, seed=1))

    for symbol, candles in histories.items():
        of_symbol = computed.filter(pl.col("symbol") == symbol).drop("symbol")
        assert_frame_equal(of_symbol, indicators_of(candles), rel_tol=1e-12, abs_tol=0.0)


def test_one_opening_time_in_two_histories_is_no_duplicate() -> None:
    candles = random_bars(3).with_columns(symbol=pl.lit("BTC/USDT"))
    both = pl.concat([candles, candles.with_columns(symbol=pl.lit("ETH/USDT"))])

    assert indicators_of(both)["symbol"].to_list() == ["BTC/USDT"] * 3 + ["ETH/USDT"] * 3
    with pytest.raises(ValueError, match="twice"):
        indicators_of(pl.concat([both, candles.head(1)]))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), seen=st.integers(1, 299))
def test_no_row_knows_what_comes_after_it(seed: int, seen: int) -> None:
    candles = random_bars(300, seed=seed)

    early, late = indicators_of(candles.head(seen)), indicators_of(candles).head(seen)

    # Sums over one row and over many take different instructions: the last bit of a quotient may differ.
    assert_frame_equal(early, late, rel_tol=1e-12, abs_tol=1e-12)


def test_the_bars_to_load_hide_where_history_was_cut() -> None:
    candles = random_bars(3 * BARS_NEEDED)

    whole = indicators_of(candles).row(-1, named=True)
    cut = indicators_of(candles.tail(BARS_NEEDED)).row(-1, named=True)

    # OBV counts from the first bar by definition.
    for name in set(ORACLE) - {"obv"}:
        assert cut[name] == pytest.approx(whole[name], rel=1e-9, abs=1e-9), name


def test_a_reading_has_the_21_indicators_by_name() -> None:
    reading = technical_reading(indicators_of(random_bars(300)))

    assert len(reading) == 21 == len(NAMED)
    assert set(reading["macd"]) == {"macd", "signal", "histogram"}
    assert isinstance(reading["rsi"], float)
    named = {
        column
        for columns in NAMED.values()
        for column in ([columns] if isinstance(columns, str) else columns.values())
    }
    assert named == set(ORACLE) | {"vwap", "obv_change_20"}
