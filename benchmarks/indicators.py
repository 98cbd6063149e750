"""What the 21 indicators cost beside TA-Lib called directly: one long history, and many short ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import talib

from benchmarks.effort import Contestant, Effort
from benchmarks.figures import Figure, Incorrect, figure, ratio_at_most
from benchmarks.machine import describe_machine
from benchmarks.markets import candles_of
from orchestrator_worker.indicators.technical import BAR_COLUMNS, BARS_NEEDED, indicators_of
from zmarty.market import Timeframe

LONG_BARS = 1_000_000
SYMBOLS, SYMBOL_BARS = 200, 5_000
BARS_MIN = 1_000
# What a new candle of a pair with a year of history costs against one with the least that is loaded.
WINDOW_BARS = BARS_NEEDED
WINDOW_REPEATS = 20
TIMES_TARGET = 1.3

Prices = dict[str, npt.NDArray[np.float64]]


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    long = [candles_of(max(BARS_MIN, effort.of(LONG_BARS)), seed=1, timeframe=Timeframe.MINUTE_1)]
    tenth = [long[0].head(max(BARS_MIN, long[0].height // 10))]
    many = [
        candles_of(max(BARS_MIN, effort.of(SYMBOL_BARS)), seed=seed, timeframe=Timeframe.HOUR_1)
        for seed in range(effort.of(SYMBOLS))
    ]
    together = pl.concat(
        [history.with_columns(symbol=pl.lit(f"S{order}")) for order, history in enumerate(many)]
    )
    check(many[0])
    seconds = await effort.rounds(
        {
            "long": timed(ours, long),
            "long by TA-Lib": timed(theirs, long),
            "a tenth": timed(ours, tenth),
            "many": timed(ours, [together]),
            "one by one": timed(ours, many),
            "many by TA-Lib": timed(theirs, many),
            "window": timed(ours, [long[0].tail(WINDOW_BARS)] * WINDOW_REPEATS),
        }
    )
    limit = ratio_at_most(TIMES_TARGET)
    return [
        figure(
            f"21 indicators of {long[0].height:,} bars",
            seconds["long"],
            "s",
            machine=machine,
            against="TA-Lib called directly",
            against_values=seconds["long by TA-Lib"],
            target=limit,
        ),
        figure(
            f"21 indicators of {len(many)} symbols, {many[0].height:,} bars each",
            seconds["many"],
            "s",
            machine=machine,
            against="TA-Lib called directly",
            against_values=seconds["many by TA-Lib"],
            target=limit,
        ),
        figure(
            "the same, each symbol by itself",
            seconds["one by one"],
            "s",
            machine=machine,
            against="all in one frame",
            against_values=seconds["many"],
        ),
        figure(
            f"ten times the bars: {long[0].height:,}",
            seconds["long"],
            "s",
            machine=machine,
            against=f"{tenth[0].height:,} bars",
            against_values=seconds["a tenth"],
        ),
        figure(
            f"a new candle: a window of {min(WINDOW_BARS, long[0].height):,} bars, whatever the history",
            [1_000 * taken / WINDOW_REPEATS for taken in seconds["window"]],
            "ms",
            machine=machine,
        ),
    ]


def timed(compute: Callable[[pl.DataFrame], object], histories: Sequence[pl.DataFrame]) -> Contestant:
    async def once() -> float:
        def work() -> float:
            started = time.perf_counter()
            for history in histories:
                compute(history)
            return time.perf_counter() - started

        return await asyncio.to_thread(work)

    return once


def ours(candles: pl.DataFrame) -> pl.DataFrame:
    return indicators_of(candles)


def theirs(candles: pl.DataFrame) -> Prices:
    """The same indicators straight from the C library; its only work beside them is to hand over the columns."""
    bars: Prices = {name: candles[name].to_numpy() for name in BAR_COLUMNS}
    high, low, close, volume = (bars[name] for name in ("high", "low", "close", "volume"))
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    k, d = talib.STOCH(high, low, close, 14, 3, slowd_period=3)
    down, up = talib.AROON(high, low, 14)
    ema_20, keltner_range = talib.EMA(close, 20), talib.ATR(high, low, close, 10)
    return {
        "rsi_14": talib.RSI(close, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "ema_20": ema_20,
        "ema_50": talib.EMA(close, 50),
        "ema_200": talib.EMA(close, 200),
        "sma_20": talib.SMA(close, 20),
        "sma_50": talib.SMA(close, 50),
        "sma_200": talib.SMA(close, 200),
        "stochastic_k": k,
        "stochastic_d": d,
        "atr_14": talib.ATR(high, low, close, 14),
        "cci_20": talib.CCI(high, low, close, 20),
        "adx_14": talib.ADX(high, low, close, 14),
        "obv": talib.OBV(close, volume),
        "vwap": session_vwap(candles, bars),
        "williams_r_14": talib.WILLR(high, low, close, 14),
        "roc_10": talib.ROC(close, 10),
        "mfi_14": talib.MFI(high, low, close, volume, 14),
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "parabolic_sar": talib.SAR(high, low, 0.02, 0.2),
        "aroon_up": up,
        "aroon_down": down,
        "aroon_oscillator": talib.AROONOSC(high, low, 14),
        "momentum_10": talib.MOM(close, 10),
        "trix_15": talib.TRIX(close, 15),
        "ultimate_oscillator": talib.ULTOSC(high, low, close, 7, 14, 28),
        "keltner_upper": ema_20 + 2.0 * keltner_range,
        "keltner_lower": ema_20 - 2.0 * keltner_range,
    }


def session_vwap(candles: pl.DataFrame, bars: Prices) -> npt.NDArray[np.float64]:
    """TA-Lib has none: as NumPy would do it."""
    day = candles["opened_at"].dt.epoch("us").to_numpy() // 86_400_000_000
    starts = np.flatnonzero(np.concatenate([[True], day[1:] != day[:-1]]))
    session = np.repeat(np.arange(starts.size), np.diff(np.append(starts, day.size)))
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3.0

    def since_midnight(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        sums = np.cumsum(values)
        before = np.concatenate([[0.0], sums])[starts][session]
        return np.asarray(sums - before, dtype=np.float64)

    return since_midnight(typical * bars["volume"]) / since_midnight(bars["volume"])


def check(candles: pl.DataFrame) -> None:
    """Both sides compute the same, or their times say nothing."""
    own, direct = ours(candles), theirs(candles)
    for name, expected in direct.items():
        computed = own[name].to_numpy().astype(float)
        known = np.isfinite(computed) & np.isfinite(expected)
        if not known.any() or not np.allclose(computed[known], expected[known], rtol=1e-9, atol=1e-9):
            raise Incorrect(f"{name} is not what TA-Lib computes")
