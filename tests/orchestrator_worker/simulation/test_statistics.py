"""Each number against its definition, worked by hand or by a plain loop."""

import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.simulation.replay import Terms, replay
from orchestrator_worker.simulation.statistics import (
    DAYS_A_YEAR,
    Statistics,
    drawdown,
    drawdowns,
    ratios,
    statistics_of,
)
from orchestrator_worker.simulation.strategies import History, SmaCross
from tests.orchestrator_worker.market import BEGAN_AT, random_candles
from zmarty.market import Timeframe

HOUR, DAY = Timeframe.HOUR_1, Timeframe.DAY_1


def measured(seed: int = 8, bars: int = 3_000) -> tuple[Statistics, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    candles, rule, terms = random_candles(bars, seed=seed), SmaCross(stop=0.01, target=0.015), Terms()
    done = replay(
        rule.plans(History(candles, HOUR)),
        candles,
        timeframe=HOUR,
        horizon=rule.horizon(HOUR),
        terms=terms,
        curve_from=rule.bars_min,
    )
    told = statistics_of(
        done.trades,
        done.curve,
        candles,
        timeframe=HOUR,
        equity_start=terms.equity_start,
        round_trip=terms.round_trip,
    )
    return told, done.trades, done.curve, candles


def test_numbers_equal_a_plain_loop() -> None:
    told, trades, curve, candles = measured()
    wins = losses = 0
    gained = lost = 0.0
    for trade in trades.iter_rows(named=True):
        wins += trade["reason"] == "target"
        losses += trade["reason"] == "stop"
        gained += max(trade["return_net"], 0.0)
        lost += max(-trade["return_net"], 0.0)
    peak, deepest = 10_000.0, 0.0
    for equity in curve["equity"]:
        peak = max(peak, equity)
        deepest = max(deepest, 1 - equity / peak)

    assert (told.n, told.targets, told.stops) == (trades.height, wins, losses)
    assert told.win_rate == pytest.approx(wins / (trades.height - told.open))
    assert told.win_rate_low is not None
    assert told.win_rate_high is not None
    assert told.win_rate is not None
    assert told.win_rate_low < told.win_rate < told.win_rate_high
    assert told.profit_factor == pytest.approx(gained / lost)
    assert told.expectancy == pytest.approx((gained - lost) / trades.height)
    assert told.max_drawdown == pytest.approx(deepest)
    assert told.exposure == pytest.approx((curve["positions"] > 0).sum() / curve.height)
    first = candles["open"][candles.height - curve.height]
    assert told.hold_return == pytest.approx(candles["close"][-1] / first - 1 - Terms().round_trip)
    assert told.equity_end == pytest.approx(10_000 * (1 + told.total_return))


def test_sharpe_and_sortino_rest_on_days() -> None:
    _, _, curve, _ = measured()
    days = curve.with_columns(day=pl.col("opened_at").dt.date()).group_by("day", maintain_order=True)
    closes = [10_000.0, *days.agg(pl.col("equity").last())["equity"].to_list()]
    returned = [after / before - 1 for before, after in pairwise(closes)]
    average = sum(returned) / len(returned)
    deviation = math.sqrt(sum((value - average) ** 2 for value in returned) / (len(returned) - 1))
    downside = math.sqrt(sum(min(value, 0.0) ** 2 for value in returned) / len(returned))

    sharpe, sortino = ratios(curve, 10_000.0, HOUR)

    assert sharpe == pytest.approx(average / deviation * math.sqrt(DAYS_A_YEAR))
    assert sortino == pytest.approx(average / downside * math.sqrt(DAYS_A_YEAR))


def test_too_little_says_nothing() -> None:
    curve = pl.DataFrame(
        {
            "opened_at": [BEGAN_AT + DAY.delta * day for day in range(10)],
            "equity": [100.0 + day for day in range(10)],
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )

    assert ratios(curve, 100.0, DAY) == (None, None)


def test_no_trades_leave_no_rates() -> None:
    candles, terms = random_candles(400, seed=1), Terms()
    none = SmaCross().plans(History(candles, HOUR)).clear()
    done = replay(none, candles, timeframe=HOUR, horizon=SmaCross().horizon(HOUR), terms=terms)

    told = statistics_of(
        done.trades, done.curve, candles, timeframe=HOUR, equity_start=10_000.0, round_trip=terms.round_trip
    )

    assert (told.n, told.n_effective, told.win_rate, told.profit_factor, told.expectancy) == (
        0,
        0.0,
        None,
        None,
        None,
    )
    assert (told.total_return, told.max_drawdown, told.exposure, told.sharpe) == (0.0, 0.0, 0.0, None)


@pytest.mark.parametrize(
    ("equity", "depth", "steps"),
    [
        ([100.0, 110.0, 120.0], 0.0, 0),
        ([100.0, 50.0, 75.0, 100.0, 90.0], 0.5, 2),
        ([100.0, 90.0, 80.0, 70.0], 0.3, 3),
        ([100.0], 0.0, 0),
    ],
)
def test_drawdowns_have_depth_and_length(equity: list[float], depth: float, steps: int) -> None:
    found, longest = drawdown(np.array(equity))

    assert found == pytest.approx(depth)
    assert longest == steps


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=60))
def test_a_drawdown_is_never_negative_nor_more_than_all(equity: list[float]) -> None:
    fallen = drawdowns(np.array(equity))

    assert (fallen >= 0).all()
    assert (fallen <= 1).all()
    assert fallen[int(np.argmax(equity))] == 0
