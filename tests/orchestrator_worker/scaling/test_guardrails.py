"""Each guardrail refuses by its own name, at its own limit, and what a rule is not told it refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator_worker.scaling.calculate import calculate
from zmarty.specs import ScalingSpec

# A third of a ladder at 3x, well in the red, and every rule content.
WELL: dict[str, Any] = {
    "equity": 10_000,
    "portfolio_equity": 30_000,
    "signal_quality": 0.6,
    "quality_before": 0.4,
    "market_condition": "ranging",
    "steps": [{"margin": 142.85, "leverage": 3, "price": 100.0}],
    "price": 96.0,
    "candle_closed": True,
    "atr": 1.5,
    "volatility": 0.03,
    "stop_price": 70.0,
    "seconds_since_increase": 7_200,
    "open_positions": 1,
    "daily_loss": 0.01,
    "drawdown": 0.05,
    "ladder_losses_14d": 1,
    "enabled": True,
}


def asked(**changes: Any) -> dict[str, Any]:
    return calculate(ScalingSpec.model_validate(WELL | changes))


def test_a_good_step_is_allowed_with_all_its_numbers() -> None:
    answer = asked()

    assert (answer["allowed"], answer["rule"], answer["refusals"]) == (True, None, [])
    assert answer["step"]["number"] == 2
    assert answer["step"]["margin"] == pytest.approx(1_000 * 2 / 7)
    assert answer["after"]["margin"] == pytest.approx(142.85 + 1_000 * 2 / 7)
    assert 96 < answer["after"]["average_price"] < 100
    assert answer["reserved"] == pytest.approx(0.10)
    assert answer["take_profit"] == {"margin_multiple": 1.75, "close_share": 0.5, "trail": 0.02}
    assert answer["ruin"]["probability"] == pytest.approx(0.96)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("scaling_off", {"enabled": False}),
        ("preset_needs_operator", {"preset": "customer"}),
        ("position_exists", {"action": "open"}),
        ("no_position", {"action": "increase", "steps": []}),
        ("stop_missing", {"stop_price": None}),
        ("stop_missing", {"stop_price": None, "stop_waived": True}),
        ("daily_loss", {"daily_loss": 0.03}),
        ("daily_loss", {"daily_loss": None}),
        ("drawdown_pause", {"drawdown": 0.10}),
        ("drawdown_pause", {"drawdown": 0.02, "days_since_drawdown": 6.9}),
        ("drawdown_max", {"drawdown": 0.20}),
        ("drawdown_max", {"drawdown": None}),
        ("ladder_losses", {"ladder_losses_14d": 3}),
        ("positions_max", {"open_positions": 3}),
        ("unclosed_candle", {"candle_closed": False}),
        ("unclosed_candle", {"candle_closed": None}),
        ("volatility", {"volatility": 0.0501}),
        ("volatility", {"volatility": None}),
        ("market_against", {"market_condition": "trending_down"}),
        ("steps_max", {"steps": WELL["steps"] * 3}),
        ("reserve", {"steps": [{"margin": 900, "leverage": 3, "price": 100.0}]}),
        ("position_share", {"portfolio_equity": 4_000}),
        ("score_not_improved", {"quality_before": 0.51}),
        ("score_not_improved", {"quality_before": None}),
        ("cooldown", {"seconds_since_increase": 3_599}),
        ("step_distance", {"price": 98.6, "atr": 0.1}),
        ("step_distance", {"price": 98.0, "atr": 1.5}),
        ("step_distance", {"atr": None}),
        ("liquidation_near", {"price": 75.0}),
    ],
)
def test_each_rule_refuses_by_its_name(rule: str, changes: dict[str, Any]) -> None:
    answer = asked(**changes)

    assert not answer["allowed"]
    refused = {refusal["rule"]: refusal for refusal in answer["refusals"]}
    assert rule in refused
    assert refused[rule]["sentence"].endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"daily_loss": 0.0299},
        {"drawdown": 0.0999, "days_since_drawdown": 7.0},
        {"ladder_losses_14d": 2},
        {"open_positions": 2},
        {"volatility": 0.05},
        {"quality_before": 0.5},
        {"seconds_since_increase": 3_600},
        {"market_condition": "trending_up"},
        # 1.5 ATR of 1.5 are 2.25 %.
        {"price": 97.7},
        {"stop_price": None, "stop_waived": True, "by_operator": True},
    ],
)
def test_a_limit_itself_is_allowed(changes: dict[str, Any]) -> None:
    assert asked(**changes)["refusals"] == []


def test_a_ladder_is_opened_without_a_record() -> None:
    opening: dict[str, Any] = {
        "steps": [],
        "quality_before": None,
        "seconds_since_increase": None,
        "open_positions": 0,
        "price": 100.0,
    }

    answer = asked(**opening)

    assert answer["allowed"]
    assert answer["step"]["number"] == 1
    assert answer["position"] is None


def test_by_default_everything_is_off() -> None:
    answer = calculate(
        ScalingSpec.model_validate(
            {"equity": 10_000, "signal_quality": 0.9, "market_condition": "trending_up"}
        )
    )

    assert (answer["allowed"], answer["rule"]) == (False, "scaling_off")
    assert {
        "stop_missing",
        "daily_loss",
        "drawdown_max",
        "ladder_losses",
        "unclosed_candle",
        "volatility",
    } <= {refusal["rule"] for refusal in answer["refusals"]}
    assert len(answer["ladder"]) == 3


def test_the_customers_preset_is_an_operators_choice_with_its_ruin() -> None:
    customer = {
        "preset": "customer",
        "by_operator": True,
        "portfolio_equity": 1_000_000,
        "steps": [{"margin": 200, "leverage": 20, "price": 100.0}],
    }

    answer = asked(**customer, price=97.0, cluster_hit=True, atr=1.0)

    assert answer["refusals"] == []
    assert answer["reserved"] == pytest.approx(0.30)
    assert answer["ruin"] == {
        "probability": pytest.approx(0.96),
        "at_least": True,
        "drawdown": 0.30,
        "cycles": 100,
    }
    # At 20x a loss of 80 % of the margin leaves a seventh of the way to liquidation: the measured rule refuses it.
    late = asked(**customer, price=95.99, atr=1.0)
    assert [refusal["rule"] for refusal in late["refusals"]] == ["liquidation_near"]
    early = asked(**customer, price=97.0, atr=1.0)
    assert [refusal["rule"] for refusal in early["refusals"]] == ["step_not_due"]


@given(
    equity=st.floats(1_000, 1e7),
    leverage=st.floats(1, 125),
    steps=st.integers(0, 3),
    price=st.floats(40, 160),
    direction=st.sampled_from(["long", "short"]),
)
def test_an_allowed_step_keeps_every_bound(
    equity: float, leverage: float, steps: int, price: float, direction: str
) -> None:
    taken = [
        {"margin": rung["margin"], "leverage": leverage, "price": 100.0}
        for rung in asked(equity=equity, leverage=leverage, steps=[])["ladder"][:steps]
    ]

    answer = asked(
        equity=equity,
        portfolio_equity=equity,
        leverage=leverage,
        steps=taken,
        price=price,
        direction=direction,
    )

    if answer["allowed"]:
        total = sum(step["margin"] for step in taken) + answer["step"]["margin"]
        assert answer["reserved"] <= (0.25 if leverage <= 1 else 0.10 if leverage <= 3 else 0.02) * (1 + 1e-9)
        assert total <= answer["reserved"] * equity * (1 + 1e-9)
        assert total <= 0.10 * equity * (1 + 1e-9)
        assert steps < 3
        if taken:
            assert answer["position"]["distance_left"] >= 0.30


@given(worse=st.floats(0.0, 1.0), daily=st.floats(0.0, 1.0), volatility=st.floats(0.0, 1.0))
def test_worse_is_never_allowed_where_better_is_not(worse: float, daily: float, volatility: float) -> None:
    milder = asked(drawdown=worse / 2, daily_loss=daily / 2, volatility=volatility / 2)
    harsher = asked(drawdown=worse, daily_loss=daily, volatility=volatility)

    assert milder["allowed"] or not harsher["allowed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"equity": 0},
        {"equity": float("nan")},
        {"signal_quality": 2},
        {"market_condition": "sunny"},
        {"leverage": 0.5},
        {"steps_max": 6},
        {"steps": WELL["steps"] * 6},
        {"vault_size": 3},
    ],
)
def test_what_is_no_spec_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScalingSpec.model_validate(WELL | changes)
