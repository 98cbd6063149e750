"""Win rates: recounted by a naive loop, with intervals that hold, and never a number without its n."""

import math
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.signals.walk import walk
from orchestrator_worker.win_rates.baseline import entered_everywhere
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from orchestrator_worker.win_rates.tally import ORIGINS, WinRate, effective_count, tally, wilson
from tests.orchestrator_worker.market import BEGAN_AT, random_candles, real_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
OUTCOMES = pl.Schema(
    {
        "opened_at": pl.Datetime("us", "UTC"),
        "origin": pl.String(),
        "direction": pl.String(),
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "closed_at": pl.Datetime("us", "UTC"),
    }
)

EVENT = st.tuples(
    st.sampled_from(["live", "backfill"]),
    st.sampled_from(["long", "short"]),
    st.sampled_from(["target", "stop", "expiry"]),
    st.floats(-0.1, 0.1),
    st.integers(1, 24),
)


def outcomes_of(events: list[tuple[str, str, str, float, int]]) -> pl.DataFrame:
    rows = []
    for bar, (origin, direction, barrier, returned, lived) in enumerate(events):
        opened_at = BEGAN_AT + HOUR.delta * bar
        rows.append((opened_at, origin, direction, barrier, returned, opened_at + HOUR.delta * (lived + 1)))
    return pl.DataFrame(rows, schema=OUTCOMES, orient="row")


def tallied(
    outcomes: pl.DataFrame, baseline: pl.DataFrame, *, days: int = 30
) -> dict[tuple[str, str], WinRate]:
    newest = BEGAN_AT + timedelta(days=40)
    rates = tally(
        outcomes, baseline, timeframe=HOUR, horizon=Horizon.DAY, lookback_days=days, newest_closed_at=newest
    )
    return {(rate.direction, rate.origin): rate for rate in rates}


def naive_effective(outcomes: list[dict[str, Any]]) -> float:
    lives = [set(_hours(row)) for row in outcomes]
    return sum(sum(1 / sum(bar in other for other in lives) for bar in life) / len(life) for life in lives)


def _hours(row: dict[str, Any]) -> range:
    entered = int(row["opened_at"].timestamp()) // 3600 + 1
    return range(entered, int(row["closed_at"].timestamp()) // 3600)


@given(st.lists(EVENT, max_size=40), st.integers(9, 45))
@settings(deadline=None, max_examples=60)
def test_win_rates_equal_a_naive_count(events: list[tuple[str, str, str, float, int]], days: int) -> None:
    outcomes, baseline = outcomes_of(events), outcomes_of(events[::-1])
    since = BEGAN_AT + timedelta(days=40) - timedelta(days=days)

    for (direction, origin), rate in tallied(outcomes, baseline, days=days).items():
        chosen = [
            row
            for row in outcomes.to_dicts()
            if row["opened_at"] + HOUR.delta + timedelta(days=1) > since
            and direction in ("all", row["direction"])
            and origin in ("all", row["origin"])
        ]
        wins = sum(row["barrier"] == "target" for row in chosen)
        assert (rate.n, rate.wins) == (len(chosen), wins)
        assert rate.losses == sum(row["barrier"] == "stop" for row in chosen)
        assert rate.wins + rate.losses + rate.expired == rate.n
        assert rate.n_effective == pytest.approx(naive_effective(chosen))
        if not chosen:
            assert {rate.rate, rate.low, rate.high, rate.expectancy, rate.profit_factor} == {None}
            continue
        returns = [row["return_net"] for row in chosen]
        lost = -sum(value for value in returns if value < 0)
        assert rate.rate == wins / len(chosen)
        assert rate.rate is not None
        assert rate.low is not None
        assert rate.high is not None
        assert 0.0 <= rate.low <= rate.rate <= rate.high <= 1.0
        assert (rate.low, rate.high) == wilson(rate.rate * rate.n_effective, rate.n_effective)
        assert rate.expectancy == pytest.approx(sum(returns) / len(chosen), abs=1e-12)
        if lost > 0:
            assert rate.profit_factor == pytest.approx(sum(value for value in returns if value > 0) / lost)
        else:
            assert rate.profit_factor is None


def test_the_mixed_baseline_follows_the_mix_of_signals() -> None:
    signals = outcomes_of([("live", "long", "stop", -0.01, 3)] * 3 + [("live", "short", "target", 0.02, 3)])
    entries = outcomes_of(
        [("", "long", "target", 0.1, 2), ("", "long", "stop", -0.1, 2)] * 3
        + [("", "short", "stop", -0.1, 2)] * 4
    )

    rates = tallied(signals, entries, days=45)

    assert rates["long", "live"].baseline == 0.5
    assert rates["short", "live"].baseline == 0.0
    assert rates["all", "live"].baseline == pytest.approx(0.75 * 0.5)
    assert rates["all", "backfill"].baseline is None


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (50, 100, 0.4038, 0.5962), (300, 300, 0.9874, 1.0)],
)
def test_wilson_agrees_with_the_textbook(wins: int, n: int, low: float, high: float) -> None:
    assert wilson(wins, n) == pytest.approx((low, high), abs=5e-5)


@given(st.floats(0.0, 1.0), st.floats(0.3, 1e6))
def test_wilson_holds_the_rate_and_narrows(rate: float, n: float) -> None:
    low, high = wilson(rate * n, n)
    narrower_low, narrower_high = wilson(rate * 4 * n, 4 * n)

    assert 0.0 <= low <= rate * n / n <= high <= 1.0
    assert narrower_high - narrower_low <= high - low


def test_overlapping_outcomes_are_not_independent() -> None:
    alone = outcomes_of([("live", "long", "stop", -0.1, 1)] * 5)
    crowded = outcomes_of([("live", "long", "stop", -0.1, 20)] * 40)

    assert effective_count(alone, HOUR) == pytest.approx(5.0)
    assert 2.0 < effective_count(crowded, HOUR) < 5.0


def test_two_thousand_real_bars_give_a_win_rate_at_once() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")
    loaded = candles.head(14_400).tail(2_000)
    signals = walk(loaded, [], timeframe=timeframe).with_columns(origin=pl.lit("backfill"))
    newest = timeframe.closed_at(loaded["opened_at"][-1])

    for horizon in Horizon:
        rates = tally(
            judge(signals, loaded, timeframe=timeframe, horizon=horizon),
            judge(entered_everywhere(loaded), loaded, timeframe=timeframe, horizon=horizon),
            timeframe=timeframe,
            horizon=horizon,
            lookback_days=30,
            newest_closed_at=newest,
        )
        found = {(rate.direction, rate.origin): rate for rate in rates}

        everything = found["all", "all"]
        assert everything.n >= 100
        assert everything.low is not None
        assert everything.high is not None
        assert everything.low < everything.high
        assert everything.n_effective < everything.n
        assert everything.baseline is not None
        assert 0.2 < everything.baseline < 0.6
        assert asdict(found["all", "backfill"]) == asdict(everything) | {"origin": "backfill"}
        assert found["all", "live"].n == 0
        assert {origin for _, origin in found} == set(ORIGINS)


def test_random_entries_win_as_often_as_their_geometry_says() -> None:
    candles = random_candles(20_000, seed=11)
    judged = judge(entered_everywhere(candles), candles, timeframe=HOUR, horizon=Horizon.WEEK)

    reached = judged.filter(pl.col("barrier") == "target").height / judged.height

    # 1.5 of 4 ATR without drift; both directions together cancel most of the drift there is.
    assert reached == pytest.approx(1.5 / 4.0, abs=0.03)
    assert math.isfinite(judged["return_net"].sum())
