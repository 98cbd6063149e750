"""The risk of a history: from what was known on each day, and from nothing later."""

from datetime import date, timedelta
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.risk.curve import Anchor, Curve, curve_of
from orchestrator_worker.risk.metric import (
    CLOSES_MIN,
    REGRESSION_CLOSES_MIN,
    ROWS,
    above_trend,
    closes_needed,
    history_of,
    percentiles,
)
from tests.orchestrator_worker.market import real_candles

BEGAN_ON = date(2020, 1, 1)


def closes_of(prices: list[float] | np.ndarray) -> pl.DataFrame:
    days = [BEGAN_ON + timedelta(days=order) for order in range(len(prices))]
    return pl.DataFrame({"observed_on": days, "close": prices})


def random_closes(days: int, *, seed: int) -> pl.DataFrame:
    steps = np.random.default_rng(seed).normal(0.001, 0.04, days)
    return closes_of(100 * np.exp(np.cumsum(steps)))


def curve_from(day: int, *anchors: tuple[float, float]) -> Curve:
    return curve_of(BEGAN_ON + timedelta(days=day), [Anchor(risk, price) for risk, price in anchors])


CURVES = [curve_from(800, (0, 10), (1, 1_000)), curve_from(1_000, (0, 20), (0.5, 90), (1, 2_000))]


def test_each_day_says_how_it_was_known() -> None:
    rows = history_of(random_closes(1_100, seed=1), CURVES)

    assert rows.schema == ROWS
    assert [
        (source, rows.filter(source=source).height) for source in ("percentile", "regression", "anchors")
    ] == [
        ("percentile", REGRESSION_CLOSES_MIN - CLOSES_MIN),
        ("regression", 800 - REGRESSION_CLOSES_MIN + 1),
        ("anchors", 300),
    ]
    assert rows["value"].is_between(0, 1).all()
    assert rows["rarity"].is_between(1, 1.6).all()
    assert rows["days"].to_list() == list(range(CLOSES_MIN, 1_101))


@settings(deadline=None, max_examples=20)
@given(st.integers(CLOSES_MIN, 1_100), st.integers(0, 2**32))
def test_removing_the_future_changes_nothing(days: int, seed: int) -> None:
    closes = random_closes(1_100, seed=seed)
    whole = history_of(closes, CURVES)

    cut = history_of(
        closes.head(days), [curve for curve in CURVES if curve.valid_from < BEGAN_ON + timedelta(days=days)]
    )

    assert cut.equals(whole.head(cut.height))
    assert cut.height == days - CLOSES_MIN + 1


@settings(deadline=None, max_examples=20)
@given(st.integers(CLOSES_MIN, 1_099), st.integers(0, 2**32))
def test_shuffling_the_future_changes_nothing(days: int, seed: int) -> None:
    closes = random_closes(1_100, seed=seed)
    prices = closes["close"].to_numpy().copy()
    np.random.default_rng(seed).shuffle(prices[days:])

    whole, shuffled = history_of(closes, CURVES), history_of(closes_of(prices), CURVES)

    known = days - CLOSES_MIN + 1
    assert shuffled.head(known).equals(whole.head(known))


def test_a_percentile_is_the_share_of_earlier_closes_below() -> None:
    prices = np.random.default_rng(5).integers(1, 9, 60).astype(float)

    naive = [
        (
            sum(seen < price for seen in prices[: order + 1])
            + sum(seen <= price for seen in prices[: order + 1])
        )
        / (2 * (order + 1))
        for order, price in enumerate(prices)
    ]

    assert percentiles(prices) == pytest.approx(naive)


def test_the_trend_is_each_days_own_least_squares_fit() -> None:
    days = np.cumsum(np.random.default_rng(3).integers(1, 4, 400)).astype(float)
    heights = 0.002 * days + np.random.default_rng(4).normal(0, 0.3, 400)

    found = above_trend(days, heights)

    for order in (2, 3, 50, 399):
        x, y = days[: order + 1], heights[: order + 1]
        slope, intercept = np.polyfit(x, y, 1)
        residuals = y - intercept - slope * x
        spread = np.sqrt((residuals**2).sum() / (len(x) - 2))
        assert found[order] == pytest.approx(NormalDist().cdf(residuals[-1] / spread), abs=1e-6)


def test_the_days_of_a_curve_are_counted_over_all_closes() -> None:
    rows = history_of(closes_of([*[15.0] * 40, 150.0]), [curve_from(0, (0, 10), (1, 1_000))])

    assert rows["rarity"][-1] == pytest.approx(1.6 - (1 - 0) * 0.6 / (40 - 0))
    assert rows["rarity"][-2] == pytest.approx(1.0)


def test_a_market_that_stands_still_is_in_the_middle() -> None:
    rows = history_of(closes_of([7.0] * (REGRESSION_CLOSES_MIN + 1)))

    assert set(rows["value"]) == {0.5}


def test_too_short_a_history_has_no_rows() -> None:
    assert history_of(closes_of([1.0] * (CLOSES_MIN - 1))).is_empty()
    assert history_of(closes_of([])).is_empty()
    assert closes_needed([], BEGAN_ON) == CLOSES_MIN
    assert closes_needed([curve_from(0, (0, 1), (1, 2))], BEGAN_ON) == 1


def test_a_close_that_is_no_number_is_a_day_that_is_missing() -> None:
    closes = random_closes(40, seed=2)
    holed = closes.with_columns(
        close=pl.when(pl.col("observed_on") == BEGAN_ON + timedelta(days=9))
        .then(float("nan"))
        .otherwise("close")
    )

    assert history_of(holed).equals(
        history_of(closes.filter(pl.col("observed_on") != BEGAN_ON + timedelta(days=9)))
    )


def test_closes_that_cannot_be_are_refused_by_name() -> None:
    closes = random_closes(40, seed=2)

    with pytest.raises(ValueError, match="observed_on: a day occurs twice"):
        history_of(pl.concat([closes, closes.head(1)]))
    with pytest.raises(ValueError, match="close: must be positive"):
        history_of(closes.with_columns(close=-pl.col("close")))


def test_the_order_of_rows_does_not_matter() -> None:
    closes = random_closes(60, seed=2)

    assert history_of(closes.reverse()).equals(history_of(closes))


@pytest.mark.parametrize("name", ["BTCUSDT_1d_2017-2026", "ETHUSDT_1d_2018-2026"])
def test_the_cycles_of_real_markets_are_seen(name: str) -> None:
    candles, _ = real_candles(name)
    rows = history_of(candles.select(observed_on=pl.col("opened_at").dt.date(), close=pl.col("close")))

    def on(day: date) -> float:
        return float(rows.filter(observed_on=day)["value"][0])

    bottom, top = on(date(2022, 11, 21)), on(date(2021, 11, 8))
    assert bottom < 0.2 < 0.6 < top
    # Every band is visited, so that none of the thresholds is out of reach.
    assert rows["band"].n_unique() == 10
    assert all(later - earlier <= timedelta(days=2) for earlier, later in pairwise(rows["observed_on"]))
