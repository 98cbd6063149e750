"""Which models may answer, and the most that can cost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_api.chat.plan import OUTPUT_TOKENS_LEAST, Budget, plan_model
from orchestrator_api.credits.pricing import (
    REQUEST_CREDITS_MAX,
    CreditsExhausted,
    SpendingLimitReached,
    cost_max,
)
from orchestrator_api.model_router.catalog import CATALOG
from zmarty.errors import FieldInvalid

MODELS = CATALOG.candidates("grok")
RICH = Budget(available=1000, tier_cap=100)


def test_the_hold_covers_the_dearest_candidate() -> None:
    plan = plan_model(MODELS, prompt_tokens=1500, output_tokens_max=2000, budget=RICH)

    assert [candidate.model.provider for candidate in plan.candidates] == ["xai", "openai", "anthropic"]
    assert [candidate.output_tokens_max for candidate in plan.candidates] == [2000, 2000, 2000]
    assert plan.credits == 27


def test_the_longest_answer_of_every_tier_can_be_given() -> None:
    # Enterprise, the largest: 8,000 tokens.
    plan = plan_model(MODELS, prompt_tokens=100, output_tokens_max=8_000, budget=RICH)

    assert {candidate.output_tokens_max for candidate in plan.candidates} == {8_000}


def test_models_beyond_the_cap_are_dropped() -> None:
    budget = Budget(available=1000, tier_cap=100, price_cap=6)

    plan = plan_model(MODELS, prompt_tokens=1000, output_tokens_max=1000, budget=budget)

    assert [candidate.model.provider for candidate in plan.candidates] == ["xai"]
    assert plan.credits == 6


def test_without_models_a_data_brief_is_held() -> None:
    assert plan_model((), prompt_tokens=5000, output_tokens_max=1000, budget=RICH).credits == 1

    with pytest.raises(CreditsExhausted):
        plan_model((), prompt_tokens=1, output_tokens_max=1, budget=Budget(available=0, tier_cap=20))


def test_a_short_balance_names_what_is_needed() -> None:
    with pytest.raises(CreditsExhausted) as caught:
        plan_model(
            MODELS, prompt_tokens=1000, output_tokens_max=1000, budget=Budget(available=2, tier_cap=20)
        )

    # One for the input, 0.8 for the shortest answer, one minimum, rounded up.
    assert caught.value.details == {"needed": 3, "available": 2}


def test_a_low_cap_is_the_users_own_rule() -> None:
    with pytest.raises(FieldInvalid) as caught:
        plan_model(MODELS, prompt_tokens=1000, output_tokens_max=1000, budget=Budget(100, 20, price_cap=1))

    assert caught.value.details["field"] == "price_cap"


def test_credits_that_are_kept_are_left_alone() -> None:
    tight = Budget(available=20, tier_cap=20)
    whole = plan_model(MODELS, prompt_tokens=1000, output_tokens_max=100_000, budget=tight)
    kept = plan_model(MODELS, prompt_tokens=1000, output_tokens_max=100_000, budget=replace(tight, kept=5))

    assert (whole.credits, kept.credits) == (20, 15)


@given(
    st.integers(1, 20_000),
    st.integers(1, 8_000),
    st.builds(Budget, st.integers(0, 500), st.integers(1, 100), st.none() | st.integers(1, 100)),
    st.sampled_from([0, 5]),
)
def test_a_plan_never_exceeds_its_budget(
    prompt_tokens: int, output_tokens_max: int, budget: Budget, kept: int
) -> None:
    try:
        plan = plan_model(
            MODELS,
            prompt_tokens=prompt_tokens,
            output_tokens_max=output_tokens_max,
            budget=replace(budget, kept=kept),
        )
    except (CreditsExhausted, FieldInvalid):
        return

    assert 1 <= plan.credits <= min(budget.credits, REQUEST_CREDITS_MAX) - kept
    for candidate in plan.candidates:
        most = cost_max(
            candidate.model.rate, input_tokens=prompt_tokens, output_tokens_max=candidate.output_tokens_max
        )
        assert most <= plan.credits
        assert candidate.output_tokens_max >= min(OUTPUT_TOKENS_LEAST, output_tokens_max)


@pytest.mark.parametrize(("limit", "field"), [("per_request", "per_request"), ("per_day", "left_today")])
def test_a_limit_of_the_user_is_named_when_nothing_fits(limit: str, field: str) -> None:
    budget = Budget(available=1000, tier_cap=100, **{field: 1})

    with pytest.raises(SpendingLimitReached) as refused:
        plan_model(MODELS, prompt_tokens=1000, output_tokens_max=1000, budget=budget)

    assert refused.value.details["limit"] == limit
    assert refused.value.details["left"] == 1 < refused.value.details["needed"]


def test_a_plan_fits_into_the_limits_of_the_user() -> None:
    budget = Budget(available=1000, tier_cap=100, per_request=30, left_today=6)

    plan = plan_model(MODELS, prompt_tokens=1000, output_tokens_max=1000, budget=budget)

    assert [candidate.model.provider for candidate in plan.candidates] == ["xai"]
    assert plan.credits <= 6
