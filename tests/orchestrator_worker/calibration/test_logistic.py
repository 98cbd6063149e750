"""The logistic curve against known values: closed forms, and what a ridge and an offset must do."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.calibration.logistic import fit_logistic, log_odds_of, probability_of

FREE = (0.0, 0.0)


def test_two_groups_have_their_closed_form() -> None:
    # Of weak signals one in four wins, of strong ones three in four: log odds ∓ log 3, so slope 2 log 3.
    strength = np.array([0.0] * 4 + [1.0] * 4)
    labels = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])

    found = fit_logistic(strength, labels, np.ones(8), np.zeros(8), ridge=FREE)

    assert found.slope == pytest.approx(2 * math.log(3), rel=1e-6)
    chance = probability_of(found.log_odds(np.array([0.0, 1.0]), np.zeros(2)))
    assert chance == pytest.approx([0.25, 0.75], rel=1e-6)


def test_the_textbook_of_hours_studied() -> None:
    # The example of Wikipedia's "Logistic regression": hours studied and passing, intercept −4.0777, slope 1.5046.
    hours = np.array(
        [0.5, 0.75, 1, 1.25, 1.5, 1.75, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 4, 4.25, 4.5, 4.75, 5, 5.5]
    )
    passed = np.array([0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1], dtype=float)

    found = fit_logistic(hours, passed, np.ones(20), np.zeros(20), ridge=FREE)

    assert found.slope == pytest.approx(1.5046, abs=1e-4)
    assert found.intercept - found.slope * found.centre == pytest.approx(-4.0777, abs=1e-4)


def test_a_weight_of_two_is_two_observations() -> None:
    strength, labels = np.array([0.3, 0.5, 0.9, 0.4]), np.array([0.0, 1.0, 1.0, 0.5])
    weights = np.array([2.0, 1.0, 3.0, 1.0])
    repeated = np.repeat(np.arange(4), weights.astype(int))

    one = fit_logistic(strength, labels, weights, np.zeros(4))
    other = fit_logistic(strength[repeated], labels[repeated], np.ones(7), np.zeros(7))

    assert (one.intercept, one.slope) == pytest.approx((other.intercept, other.slope))


def test_what_the_offset_says_needs_no_learning() -> None:
    no_edge = np.array([0.3, 0.4, 0.5, 0.6])
    found = fit_logistic(np.array([0.4, 0.8, 0.5, 0.7]), no_edge, np.ones(4), log_odds_of(no_edge))

    assert (found.intercept, found.slope) == pytest.approx((0.0, 0.0), abs=1e-9)


@given(
    rows=st.lists(
        st.tuples(st.floats(0.3, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 1.0), st.floats(0.2, 0.7)),
        min_size=1,
        max_size=60,
    )
)
@settings(deadline=None, max_examples=60)
def test_the_fit_is_where_the_penalised_gradient_vanishes(rows: list[tuple[float, ...]]) -> None:
    strength, labels, weights, no_edge = np.array(rows).T
    offset = log_odds_of(no_edge)

    found = fit_logistic(strength, labels, weights, offset, ridge=(2.0, 3.0))

    missed = weights * (probability_of(found.log_odds(strength, offset)) - labels)
    assert missed.sum() + 2.0 * found.intercept == pytest.approx(0.0, abs=1e-5)
    assert (missed * (strength - found.centre)).sum() + 3.0 * found.slope == pytest.approx(0.0, abs=1e-5)
