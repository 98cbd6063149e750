"""A figure says what was measured, against what, and whether that is good enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    Figure,
    Target,
    figure,
    percentile,
    ratio_at_least,
    ratio_at_most,
    rounded,
    value_at_least,
    value_at_most,
)


def compared(target: Target | None) -> Figure:
    return figure(
        "drain",
        [90, 100, 1000],
        "messages/s",
        machine="this one",
        against="raw",
        against_values=[200, 80, 3],
        target=target,
    )


def test_medians_are_compared_and_not_means() -> None:
    row = compared(None)

    assert (row.value, row.against_value, row.ratio, row.runs) == (100, 80, 1.25, 3)
    assert (row.target, row.holds) == (None, None)


@pytest.mark.parametrize(
    ("target", "holds"),
    [
        (ratio_at_least(1.25), True),
        (ratio_at_least(1.26), False),
        (ratio_at_most(1.25), True),
        (ratio_at_most(1.2), False),
        (value_at_least(100, "messages/s"), True),
        (value_at_least(101, "messages/s"), False),
        (value_at_most(100, "messages/s"), True),
        (value_at_most(99, "messages/s"), False),
    ],
)
def test_a_target_is_held_or_missed(target: Target, holds: bool) -> None:
    row = compared(target)

    assert row.holds is holds
    assert row.target == target.text


def test_a_target_is_judged_before_rounding() -> None:
    row = figure("wait", [8.0001], "ms", machine="this one", target=value_at_most(8, "ms"))

    assert (row.value, row.holds) == (8.0, False)


def test_a_figure_may_stand_alone() -> None:
    row = figure("share", [0.0], "%", machine="this one", target=value_at_most(0.5, "%"))

    assert (row.value, row.against_value, row.ratio, row.holds) == (0.0, None, None, True)


def test_percentiles_of_a_hundred_samples() -> None:
    samples = [float(number) for number in range(100, 0, -1)]

    assert [percentile(samples, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_sample_that_enough_do_not_exceed(samples: list[float], share: float) -> None:
    found = percentile(samples, share)

    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples) - 1e-6


@pytest.mark.parametrize(
    ("number", "shown"), [(0, 0), (1234567.0, 1235000), (0.0123456, 0.01235), (-2.34567, -2.346)]
)
def test_four_digits_are_kept(number: float, shown: float) -> None:
    assert rounded(number) == shown
