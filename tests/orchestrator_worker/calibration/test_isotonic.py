"""Pooling adjacent violators: known sequences, and the properties that make its answer the only one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.calibration.isotonic import fit_isotonic, pooled


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([1, 2, 3], [1, 1, 1], [1, 2, 3]),
        ([3, 2, 1], [1, 1, 1], [2, 2, 2]),
        ([1, 3, 2, 4, 3, 5], [1] * 6, [1, 2.5, 2.5, 3.5, 3.5, 5]),
        ([1, 3, 2], [1, 1, 3], [1, 2.25, 2.25]),
        # The example of scikit-learn's documentation of isotonic_regression.
        ([5, 3, 1, 2, 8, 10, 7, 9, 6, 4], [1] * 10, [2.75] * 4 + [7.333333] * 6),
        ([], [], []),
    ],
)
def test_known_sequences(values: list[float], weights: list[float], expected: list[float]) -> None:
    assert pooled(np.array(values, dtype=float), np.array(weights, dtype=float)) == pytest.approx(
        expected, rel=1e-6
    )


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 5)), min_size=1, max_size=40))
@settings(deadline=None)
def test_pooling_rises_keeps_the_mean_and_pools_only_violators(rows: list[tuple[float, float]]) -> None:
    values, weights = np.array(rows).T

    level = pooled(values, weights)

    assert (np.diff(level) >= -1e-12).all()
    assert (level * weights).sum() == pytest.approx((values * weights).sum(), abs=1e-9)
    # The remainder is orthogonal to the answer, which is what the nearest point of a cone is known by.
    assert ((values - level) * weights * level).sum() == pytest.approx(0.0, abs=1e-8)


def test_a_curve_bends_only_as_far_as_its_labels_carry_it() -> None:
    places = np.linspace(-1, 1, 400)
    prior = np.full(400, 0.5)
    labels = (places > 0).astype(float)

    few = fit_isotonic(places, labels, np.full(400, 0.001), prior)
    many = fit_isotonic(places, labels, np.full(400, 10.0), prior)

    assert few.probability(np.array([-0.9, 0.9])) == pytest.approx([0.5, 0.5], abs=0.01)
    assert many.probability(np.array([-0.9, 0.9])) == pytest.approx([0.05, 0.95], abs=0.06)
