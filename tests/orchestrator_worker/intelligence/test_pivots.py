"""Swings are what they say, and nobody knows them before they are confirmed."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from orchestrator_worker.intelligence.pivots import SWINGS_KEPT, swings, with_pivots


def bars_of(closes: list[float]) -> pl.DataFrame:
    close = pl.Series(closes, dtype=pl.Float64)
    return pl.DataFrame({"close": close, "high": close + 1.0, "low": close - 1.0})


def wave(length: int = 400, *, seed: int = 7) -> pl.DataFrame:
    steps = np.random.default_rng(seed).normal(0.0, 1.0, length)
    return bars_of((1_000.0 + np.cumsum(steps)).tolist())


def test_a_peak_becomes_known_after_its_wing() -> None:
    found = swings(bars_of([1, 2, 3, 9, 3, 2, 1]), wing=2)

    assert found.to_dicts() == [{"kind": "high", "row": 3, "confirmed_row": 5, "price": 10.0}]


def test_of_a_plateau_the_first_bar_counts() -> None:
    found = swings(bars_of([1, 2, 9, 9, 2, 1, 0]), wing=2)

    assert found["row"].to_list() == [2]


def test_swings_equal_the_plain_definition() -> None:
    bars, wing = wave(), 5
    highs = bars["high"].to_list()

    plain = [
        row
        for row in range(wing, len(highs) - wing)
        if highs[row] > max(highs[row - wing : row]) and highs[row] >= max(highs[row + 1 : row + wing + 1])
    ]

    assert plain
    assert swings(bars, wing=wing).filter(kind="high").sort("row")["row"].to_list() == plain


@given(cut=st.integers(20, 399))
def test_removing_the_future_changes_no_bar(cut: int) -> None:
    bars = wave()

    assert_frame_equal(with_pivots(bars).head(cut), with_pivots(bars.head(cut)))


def test_levels_lie_on_their_side_of_the_close() -> None:
    seen = with_pivots(wave())

    assert seen["resistance"].is_not_null().any()
    assert seen["support"].is_not_null().any()
    assert seen.filter(pl.col("resistance") <= pl.col("close")).is_empty()
    assert seen.filter(pl.col("support") >= pl.col("close")).is_empty()


def test_the_newest_swing_is_the_last_one_confirmed() -> None:
    bars = wave()
    last = swings(bars).filter(kind="high").row(-1, named=True)

    assert with_pivots(bars)["swing_high"][-1] == last["price"]


def test_no_bars_have_no_swings() -> None:
    empty = bars_of([])

    assert swings(empty).is_empty()
    assert with_pivots(empty).height == 0
    assert with_pivots(bars_of([5.0] * SWINGS_KEPT))["support"].null_count() == SWINGS_KEPT
