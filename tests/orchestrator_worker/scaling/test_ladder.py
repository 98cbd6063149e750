"""The customer's golden numbers, and what must hold for every ladder."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.scaling.ladder import (
    CUSTOMER_CAP,
    RESERVES,
    customer_ladder,
    default_ladder,
    position_of,
    reserve_max,
    ruin_of,
)
from orchestrator_worker.scaling.liquidation import TIERS, Side, distance, maintenance, rule_of_thumb

SIDES = st.sampled_from(["long", "short"])


@pytest.mark.parametrize(
    ("number", "margin", "notional", "percent"),
    [(1, 200, 4_000, 4.75), (2, 600, 8_000, 7.1), (3, 1_400, 12_000, 11.0), (4, 3_000, 15_200, 18.6)],
)
def test_a_vault_of_ten_thousand_has_the_customers_numbers(
    number: int, margin: float, notional: float, percent: float
) -> None:
    rung = customer_ladder(10_000.0)[number - 1]

    assert rung.margin_total == pytest.approx(margin)
    assert rung.notional_total == pytest.approx(notional)
    assert 100 * rule_of_thumb(margin=margin, notional=notional) == pytest.approx(percent, abs=0.16)
    # What exchanges ask for agrees with the rule of thumb at these leverages to within a percentage point.
    assert 100 * rung.liquidation_distance == pytest.approx(percent, abs=1.0)


def test_the_customers_ladder_stays_below_his_cap() -> None:
    assert customer_ladder(10_000.0)[-1].margin_total <= CUSTOMER_CAP * 10_000


@pytest.mark.parametrize(("leverage", "percent"), [(10, 9.6), (20, 4.6), (50, 1.6), (100, 0.6)])
def test_distances_are_those_of_maintenance_margins(leverage: float, percent: float) -> None:
    assert 100 * distance(margin=100, notional=100 * leverage) == pytest.approx(percent, abs=0.05)


@given(
    margin=st.floats(1.0, 1e5),
    leverage=st.floats(1.0, 125.0),
    more=st.floats(1.01, 3.0),
    side=SIDES,
)
def test_more_leverage_or_size_is_never_safer(
    margin: float, leverage: float, more: float, side: Side
) -> None:
    here = distance(margin=margin, notional=margin * leverage, side=side)

    assert 0.0 <= here <= 1.0
    assert distance(margin=margin, notional=margin * leverage * more, side=side) <= here + 1e-12
    assert distance(margin=margin * more, notional=margin * leverage * more, side=side) <= here + 1e-12


@given(st.floats(1.0, 1e9))
def test_maintenance_is_continuous_and_grows(notional: float) -> None:
    assert 0.0 < maintenance(notional) <= maintenance(notional * 1.001)
    for tier in TIERS[:-1]:
        assert maintenance(tier.notional_max) == pytest.approx(maintenance(tier.notional_max * (1 + 1e-12)))


@given(
    equity=st.floats(100.0, 1e8),
    leverage=st.floats(1.0, 125.0),
    steps=st.integers(1, 5),
    side=SIDES,
)
def test_a_ladder_never_exceeds_its_reserve(equity: float, leverage: float, steps: int, side: Side) -> None:
    ladder = default_ladder(equity, leverage=leverage, steps=steps, side=side)

    assert len(ladder) == steps
    assert ladder[-1].margin_total <= equity * reserve_max(leverage) * (1 + 1e-9)
    for before, after in pairwise(ladder):
        assert after.margin == pytest.approx(2 * before.margin)
        assert after.margin_total > before.margin_total
        assert after.notional_total > before.notional_total


@given(equity=st.floats(100.0, 1e7), more=st.floats(1.0, 10.0), leverage=st.floats(1.0, 125.0))
def test_steps_grow_with_the_equity(equity: float, more: float, leverage: float) -> None:
    small, large = (default_ladder(size, leverage=leverage) for size in (equity, equity * more))

    assert all(one.margin <= other.margin * (1 + 1e-12) for one, other in zip(small, large, strict=True))


@pytest.mark.parametrize(("leverage", "share"), [(1, 0.25), (1.5, 0.10), (3, 0.10), (3.1, 0.02), (125, 0.02)])
def test_reserves_fall_with_leverage(leverage: float, share: float) -> None:
    assert reserve_max(leverage) == share
    assert [bound for _, bound in RESERVES] == sorted((bound for _, bound in RESERVES), reverse=True)


@pytest.mark.parametrize(
    ("share", "probability", "at_least"),
    [(0.02, 0.016, False), (0.05, 0.57, False), (0.10, 0.96, False), (0.30, 0.96, True), (0.0, 0.0, False)],
)
def test_ruin_is_what_was_measured(share: float, probability: float, at_least: bool) -> None:
    found, is_bound = ruin_of(share)

    assert found == pytest.approx(probability)
    assert is_bound == at_least


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_ruin_grows_with_the_share(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert ruin_of(low)[0] <= ruin_of(high)[0] + 1e-12


def test_a_position_takes_profit_where_its_margin_is_worth_175_percent() -> None:
    position = position_of([(200.0, 20.0, 100.0), (400.0, 10.0, 96.0)])
    gained = (
        (position.take_profit_price - position.average_price) / position.average_price * position.notional
    )

    assert position.average_price == pytest.approx(8_000 / (40 + 4_000 / 96))
    assert position.margin + gained == pytest.approx(1.75 * position.margin)
    assert position.liquidation_price < position.average_price


def test_a_short_mirrors_a_long() -> None:
    long, short = (position_of([(100.0, 5.0, 100.0)], side=side) for side in ("long", "short"))

    assert short.take_profit_price == pytest.approx(200 - long.take_profit_price)
    assert short.liquidation_price > 100 > long.liquidation_price
