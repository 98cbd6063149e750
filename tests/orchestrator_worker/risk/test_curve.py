"""Risk along anchors: the customer's check points, bands and rarity."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.risk.curve import Anchor, Curve, bands_of, curve_of, curve_on, rarity_of

DAY = date(2026, 11, 26)


def curve(*anchors: tuple[float, float], valid_from: date = DAY) -> Curve:
    return curve_of(valid_from, [Anchor(risk, price) for risk, price in anchors])


BTC = curve((0, 30_000), (0.125, 37_452), (0.65, 147_635), (1, 299_720))


def test_risk_grows_with_the_logarithm_of_the_price() -> None:
    halfway = np.sqrt(30_000 * 37_452)

    assert BTC.risk_at(np.array([halfway])) == pytest.approx([0.0625])


def test_outside_its_anchors_risk_stays() -> None:
    assert BTC.risk_at(np.array([1.0, 1e9])).tolist() == [0.0, 1.0]


@given(st.lists(st.floats(1.0, 1e6), min_size=2, max_size=50))
def test_a_higher_price_is_never_less_risky(prices: list[float]) -> None:
    risks = BTC.risk_at(np.array(sorted(prices)))

    assert (np.diff(risks) >= 0).all()
    assert ((risks >= 0) & (risks <= 1)).all()


@pytest.mark.parametrize(
    ("anchors", "rule"),
    [
        ([(0, 10)], "2 to 41 anchors"),
        ([(0, 10), (1.1, 20)], "between 0 and 1"),
        ([(0, 10), (float("nan"), 20)], "between 0 and 1"),
        ([(0, -1), (1, 20)], "positive"),
        ([(0, 10), (1, float("inf"))], "positive"),
        ([(0, 20), (1, 10)], "grow together"),
        ([(0.5, 10), (0.5, 20)], "grow together"),
    ],
)
def test_anchors_that_cannot_be_are_refused(anchors: list[tuple[float, float]], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        curve(*anchors)


def test_a_curve_counts_from_its_day_until_the_next() -> None:
    older = curve((0, 1), (1, 2), valid_from=date(2026, 1, 1))
    newer = curve((0, 1), (1, 3), valid_from=date(2026, 6, 1))

    assert curve_on(date(2025, 12, 31), [newer, older]) is None
    assert curve_on(date(2026, 5, 31), [newer, older]) is older
    assert curve_on(date(2026, 6, 1), [newer, older]) is newer


def test_a_tenth_begins_its_band() -> None:
    values = np.array([0.0, 0.0999, 0.1, 0.3, 0.7, 0.9, 1.0])

    assert bands_of(values).tolist() == [0, 0, 1, 3, 7, 9, 9]


def test_rarity_by_the_days_spent_in_each_band() -> None:
    # Bitcoin's, as the customer counted them.
    days = np.array([134, 721, 840, 1131, 1102, 943, 369, 135, 79, 19])

    rarity = rarity_of(days)

    assert rarity[9] == 1.6
    assert rarity[3] == pytest.approx(1.0)
    assert rarity[0] == pytest.approx(1.6 - (134 - 19) * 0.6 / (1131 - 19))


def test_bands_that_are_alike_are_not_rare() -> None:
    assert rarity_of(np.full(10, 7)).tolist() == [1.0] * 10
