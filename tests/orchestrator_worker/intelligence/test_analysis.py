"""Trend, volatility, levels and season say what their formulas say, and nothing from the future."""

import math

import numpy as np
import polars as pl
import pytest

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.intelligence.analysis import analyse
from orchestrator_worker.intelligence.levels import LEVELS_MAX, levels_of
from orchestrator_worker.intelligence.season import season_of
from orchestrator_worker.intelligence.trend import TREND_BARS, trend_of
from orchestrator_worker.intelligence.volatility import VOLATILITY_BARS, with_volatility
from tests.orchestrator_worker.market import random_candles, real_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1


def bars_of(closes: list[float]) -> pl.DataFrame:
    bars = random_candles(len(closes), seed=1).with_columns(close=pl.Series(closes, dtype=pl.Float64))
    return bars.with_columns(
        open=pl.col("close").shift(1, fill_value=closes[0]),
        high=pl.col("close") * 1.002,
        low=pl.col("close") * 0.998,
    )


@pytest.mark.parametrize(("growth", "direction"), [(1.004, "up"), (0.996, "down")])
def test_a_steady_market_has_a_full_trend(growth: float, direction: str) -> None:
    trend = trend_of(indicators_of(bars_of([100 * growth**bar for bar in range(400)])))

    assert trend.direction == direction
    assert trend.strength == pytest.approx(100.0)


def test_a_market_that_stands_still_has_no_trend() -> None:
    assert trend_of(indicators_of(bars_of([100.0] * 400))).direction == "sideways"
    wave = [100 + math.sin(bar / 2) for bar in range(400)]
    assert trend_of(indicators_of(bars_of(wave))).direction == "sideways"


def test_strength_is_the_r_squared_of_a_line() -> None:
    bars = indicators_of(random_candles(400, seed=3))
    prices = np.log(bars["close"].to_numpy()[-TREND_BARS:])

    expected = 100 * np.corrcoef(np.arange(TREND_BARS), prices)[0, 1] ** 2

    assert trend_of(bars).strength == pytest.approx(float(expected))


def test_volatility_equals_the_formulas_written_out() -> None:
    bars = random_candles(400, seed=7)
    row = with_volatility(bars, HOUR).row(-1, named=True)
    newest = bars.tail(VOLATILITY_BARS + 1)
    opened, high, low, close = (newest[name].to_numpy() for name in ("open", "high", "low", "close"))
    returns = np.log(close[1:] / close[:-1])
    overnight, within = np.log(opened[1:] / close[:-1]), np.log(close[1:] / opened[1:])
    up, down = np.log(high[1:] / opened[1:]), np.log(low[1:] / opened[1:])
    n = VOLATILITY_BARS
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = (
        overnight.var(ddof=1)
        + k * within.var(ddof=1)
        + (1 - k) * (up * (up - within) + down * (down - within)).mean()
    )

    assert row["volatility_close"] == pytest.approx(returns.std(ddof=1) * math.sqrt(8_760))
    assert row["volatility"] == pytest.approx(math.sqrt(variance * 8_760))


def test_volatility_is_relative_to_its_own_past() -> None:
    calm, wild = random_candles(400, seed=1, volatility=0.002), random_candles(40, seed=2, volatility=0.01)
    ratio = float(wild["close"][0]) / float(calm["close"][-1])
    prices = ("open", "high", "low", "close")
    both = pl.concat([calm, wild.with_columns(pl.col(prices) / ratio)])

    assert with_volatility(both, HOUR)["relative_volatility"][-1] > 2.5
    assert (
        with_volatility(bars_of([100.0] * 300).with_columns(high=100.0, low=100.0), HOUR)[
            "relative_volatility"
        ]
        .is_null()
        .all()
    )


def test_levels_are_where_the_market_turned() -> None:
    # Up and down between 100 and 110, and now in the middle.
    wave = [105 + 5 * math.sin(math.pi * bar / 20) for bar in range(401)]
    levels = levels_of(indicators_of(bars_of(wave)))

    support = next(level for level in levels if level.kind == "support")
    resistance = next(level for level in levels if level.kind == "resistance")
    assert support.price == pytest.approx(99.8, abs=0.1)
    assert resistance.price == pytest.approx(110.22, abs=0.1)
    assert support.touches >= 8 and resistance.touches >= 8
    assert support.strength == resistance.strength == 1.0


def test_levels_lie_on_their_side_of_the_close() -> None:
    bars = indicators_of(random_candles(900, seed=11))
    levels, close = levels_of(bars), bars["close"][-1]

    assert levels
    for kind, sign in (("support", -1), ("resistance", 1)):
        prices = [level.price for level in levels if level.kind == kind]
        assert len(prices) <= LEVELS_MAX
        assert all(sign * (price - close) >= 0 for price in prices)
        assert prices == sorted(prices, reverse=sign < 0)
    assert all(level.touches >= 2 and 0 < level.strength <= 1 for level in levels)


@pytest.mark.parametrize(
    ("risk", "season"),
    [
        (None, None),
        (0.0, "accumulation"),
        (0.299, "accumulation"),
        (0.3, "neutral"),
        (0.499, "neutral"),
        (0.5, "distribution"),
        (1.0, "distribution"),
    ],
)
def test_the_season_is_a_band_of_the_risk(risk: float | None, season: str | None) -> None:
    assert season_of(risk) == season


@pytest.mark.parametrize("risk", [-0.1, 1.1, float("nan")])
def test_a_risk_beyond_its_scale_is_refused(risk: float) -> None:
    with pytest.raises(ValueError, match="risk"):
        season_of(risk)


def test_an_analysis_does_not_depend_on_what_lies_far_back() -> None:
    bars = random_candles(3_000, seed=13)
    short = analyse(bars.tail(1_000), timeframe=HOUR, bitcoin_risk=0.4)
    whole = analyse(bars, timeframe=HOUR, bitcoin_risk=0.4)

    assert short.season == "neutral"
    for name in ("trend_strength", "volatility", "volatility_close", "relative_volatility"):
        assert getattr(short, name) == pytest.approx(getattr(whole, name), rel=1e-6)
    assert (short.levels, short.regime, short.trend_direction) == (
        whole.levels,
        whole.regime,
        whole.trend_direction,
    )


def test_every_trend_and_regime_occurs_on_real_candles() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")
    looks = [
        analyse(candles[end - 700 : end], timeframe=timeframe, bitcoin_risk=None)
        for end in range(1_000, 16_000, 250)
    ]

    assert {look.trend_direction for look in looks} == {"up", "down", "sideways"}
    assert {look.regime for look in looks} >= {"trending", "ranging"}
    assert all(look.volatility is not None and 0.05 < look.volatility < 3 for look in looks)
