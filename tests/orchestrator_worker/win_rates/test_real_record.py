"""Outcomes and win rates of real candles, recounted from nothing by loops that anybody can check."""

import math
from typing import Any

import polars as pl
import pytest

from orchestrator_worker.signals.walk import walk
from orchestrator_worker.win_rates.baseline import Geometry, entered_everywhere, geometry_of
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from orchestrator_worker.win_rates.tally import tally
from tests.orchestrator_worker.market import random_candles, real_candles
from tests.orchestrator_worker.win_rates.test_outcomes import naive
from zmarty.market import Timeframe

Z = 1.959964


def naive_rate(outcomes: list[dict[str, Any]], timeframe: Timeframe) -> dict[str, float | None]:
    """Everything a win rate says, from a list of outcomes."""
    n = len(outcomes)
    wins = sum(outcome["barrier"] == "target" for outcome in outcomes)
    alive: dict[Any, int] = {}
    lives = []
    for outcome in outcomes:
        life, bar = [], outcome["opened_at"] + timeframe.delta
        while bar < outcome["closed_at"]:
            life.append(bar)
            alive[bar] = alive.get(bar, 0) + 1
            bar += timeframe.delta
        lives.append(life)
    effective = sum(sum(1 / alive[bar] for bar in life) / len(life) for life in lives)
    gained = sum(outcome["return_net"] for outcome in outcomes if outcome["return_net"] > 0)
    lost = -sum(outcome["return_net"] for outcome in outcomes if outcome["return_net"] < 0)
    rate = wins / n
    middle = rate + Z * Z / (2 * effective)
    spread = Z * math.sqrt(rate * (1 - rate) / effective + Z * Z / (4 * effective * effective))
    return {
        "n": n,
        "wins": wins,
        "losses": sum(outcome["barrier"] == "stop" for outcome in outcomes),
        "n_effective": effective,
        "rate": rate,
        "low": (middle - spread) / (1 + Z * Z / effective),
        "high": (middle + spread) / (1 + Z * Z / effective),
        "expectancy": sum(outcome["return_net"] for outcome in outcomes) / n,
        "profit_factor": gained / lost,
    }


def judged_one_by_one(
    signals: pl.DataFrame, candles: pl.DataFrame, timeframe: Timeframe
) -> list[dict[str, Any]]:
    bars = candles.to_dicts()
    outcomes = []
    for signal in signals.to_dicts():
        # The signal's own bar, a day of hourly bars after it, and some that prove that the day is over.
        near = [bar for bar in bars if bar["opened_at"] >= signal["opened_at"]][:40]
        outcome = naive(signal, near, timeframe, Horizon.DAY)
        if outcome is not None:
            outcomes.append({**outcome, "opened_at": signal["opened_at"], "direction": signal["direction"]})
    return outcomes


@pytest.mark.timeout(120)
def test_win_rates_of_real_candles_equal_a_naive_recount() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")
    # The weeks around the exchange's halt of 2023-03-24.
    candles = candles.slice(1_500, 900)
    signals = walk(candles, [], timeframe=timeframe)
    entered = entered_everywhere(candles).filter(pl.col("opened_at") >= signals["opened_at"][0])
    last = candles["opened_at"][-15]

    produced = tally(
        judge(signals, candles, timeframe=timeframe, horizon=Horizon.DAY)
        .filter(pl.col("opened_at") < last)
        .with_columns(origin=pl.lit("live")),
        judge(entered, candles, timeframe=timeframe, horizon=Horizon.DAY).filter(pl.col("opened_at") < last),
        timeframe=timeframe,
        horizon=Horizon.DAY,
        lookback_days=10_000,
        newest_closed_at=timeframe.closed_at(candles["opened_at"][-1]),
    )
    rates = {rate.direction: rate for rate in produced if rate.origin == "live"}

    outcomes = [
        outcome for outcome in judged_one_by_one(signals, candles, timeframe) if outcome["opened_at"] < last
    ]
    at_random = [
        outcome for outcome in judged_one_by_one(entered, candles, timeframe) if outcome["opened_at"] < last
    ]
    assert len(outcomes) > 200
    for direction in ("long", "short", "all"):
        chosen = [outcome for outcome in outcomes if direction in ("all", outcome["direction"])]
        for name, expected in naive_rate(chosen, timeframe).items():
            assert getattr(rates[direction], name) == pytest.approx(expected), (direction, name)
    for direction in ("long", "short"):
        entries = [outcome for outcome in at_random if outcome["direction"] == direction]
        reached = sum(outcome["barrier"] == "target" for outcome in entries) / len(entries)
        assert rates[direction].baseline == pytest.approx(reached)


def test_random_entries_of_another_strategy_keep_its_distances() -> None:
    candles = random_candles(900, seed=14)
    entered = entered_everywhere(candles, geometry=Geometry(stop_atr=1.5, target_atr=2.5))

    found = geometry_of(entered, candles)
    assert found is not None
    assert (found.stop_atr, found.target_atr) == pytest.approx((1.5, 2.5))
    assert geometry_of(entered.head(0), candles) is None
    longs = entered.filter(pl.col("direction") == "long")
    assert (longs["stop_price"] < longs["entry_price"]).all()
    assert (longs["target_price"] > longs["entry_price"]).all()
