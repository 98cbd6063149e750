"""Levels and worth: stops at least one ATR away, targets on the right side, verdicts by the break-even rate."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.signals.levels import STOP_ATR_MAX, levelled, weighed
from orchestrator_worker.signals.readings import CLUSTER
from orchestrator_worker.signals.score import ATR_FRACTION_MAX, ATR_FRACTION_MIN


def levels_of(
    direction: str,
    *,
    close: float = 100.0,
    atr: float = 1.0,
    support: float | None = None,
    resistance: float | None = None,
    clusters: Any = None,
) -> dict[str, Any]:
    bar = pl.DataFrame(
        [
            {
                "direction": direction,
                "close": close,
                "atr_14": atr,
                "support": support,
                "resistance": resistance,
                "clusters": clusters,
            }
        ],
        schema={
            "direction": pl.String,
            "close": pl.Float64,
            "atr_14": pl.Float64,
            "support": pl.Float64,
            "resistance": pl.Float64,
            "clusters": pl.List(CLUSTER),
        },
    )
    return levelled(bar).row(0, named=True)


def worth_of(confidence: float | None, error: float = 0.01) -> dict[str, Any]:
    row = pl.DataFrame([{**levels_of("long"), "confidence": confidence, "confidence_error": error}])
    return weighed(row.with_columns(pl.col("confidence").cast(pl.Float64))).row(0, named=True)


@given(
    direction=st.sampled_from(["long", "short"]),
    close=st.floats(1e-6, 1e6),
    fraction=st.floats(ATR_FRACTION_MIN * 10, ATR_FRACTION_MAX),
    away=st.tuples(st.none() | st.floats(0.01, 8.0), st.none() | st.floats(0.01, 8.0)),
    clusters=st.lists(st.floats(0.5, 1.5), max_size=5),
)
@settings(deadline=None)
def test_levels_stand_on_their_sides(
    direction: str,
    close: float,
    fraction: float,
    away: tuple[float | None, float | None],
    clusters: list[float],
) -> None:
    atr = close * fraction
    around = [{"price": close * place, "notional": 1e6} for place in clusters]
    below, above = away
    row = levels_of(
        direction,
        close=close,
        atr=atr,
        support=None if below is None else close - below * atr,
        resistance=None if above is None else close + above * atr,
        clusters=around,
    )
    side = 1 if direction == "long" else -1

    assert (row["entry_price"] - row["stop_price"]) * side >= atr * (1 - 1e-6)
    assert row["stop_price"] > 0
    first, second = row["targets"]
    assert first == row["target_price"] > 0
    assert (first - row["entry_price"]) * side > 0
    assert (second - first) * side > 0
    assert row["risk_reward"] >= 1 - 1e-3
    assert (row["entry_price"] - row["stop_price"]) * side <= STOP_ATR_MAX * atr * (1 + 1e-6)


def test_volatility_alone_sets_levels_where_no_swing_is_near() -> None:
    row = levels_of("long", support=90.0, resistance=110.0)

    assert (row["stop_price"], row["target_price"]) == (98.5, 102.5)
    assert (row["stop_level"], row["target_level"]) == (None, None)
    assert row["risk_reward"] == pytest.approx(5 / 3)


def test_a_swing_in_reach_takes_the_stop_behind_it() -> None:
    long = levels_of("long", support=98.0, resistance=103.1)
    short = levels_of("short", support=96.9, resistance=102.0)

    assert (long["stop_price"], long["target_price"]) == pytest.approx((97.75, 103.0))
    assert (long["stop_level"], long["target_level"]) == (98.0, 103.1)
    assert (short["stop_price"], short["target_price"]) == pytest.approx((102.25, 97.0))


def test_a_swing_too_near_does_not_tighten_the_stop() -> None:
    assert levels_of("long", support=99.5)["stop_price"] == 98.5


def test_a_target_nearer_than_the_stop_is_no_target() -> None:
    row = levels_of("long", support=98.0, resistance=101.9)

    assert row["stop_price"] == pytest.approx(97.75)
    assert row["target_price"] == 102.5


def test_a_flat_bar_has_no_trade() -> None:
    row = levels_of("flat")

    assert (row["entry_price"], row["stop_price"], row["targets"], row["risk_reward"]) == (
        100.0,
        None,
        [],
        None,
    )


def test_the_second_target_is_the_nearest_cluster_beyond() -> None:
    clusters = [{"price": price, "notional": 1.0} for price in (101.0, 105.5, 103.1, 90.0, 200.0)]

    assert levels_of("long", clusters=clusters)["targets"] == [102.5, 103.1]
    assert levels_of("short", clusters=clusters)["targets"] == [97.5, 96.0]


def test_break_even_is_where_expected_value_vanishes() -> None:
    break_even = worth_of(0.5)["break_even"]

    assert break_even == pytest.approx((0.015 + ROUND_TRIP) / (0.015 + 0.025))
    assert worth_of(break_even)["expected_value"] == pytest.approx(0.0, abs=1e-12)
    assert worth_of(0.6)["expected_value"] == pytest.approx(0.6 * 0.025 - 0.4 * 0.015 - ROUND_TRIP)


@pytest.mark.parametrize(
    ("confidence", "error", "verdict"),
    [(0.30, 0.01, "no_edge"), (0.45, 0.05, "watch"), (0.60, 0.05, "act"), (None, 0.05, "no_edge")],
)
def test_every_verdict_can_be_reached(confidence: float | None, error: float, verdict: str) -> None:
    assert worth_of(confidence, error)["verdict"] == verdict
