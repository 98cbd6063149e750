"""Whether an answer may be spoken: a voice may take of its length, and of nothing else that was asked for."""

from dataclasses import replace
from typing import Any, cast

import pytest

from orchestrator_api.chat.plan import Budget, Plan, plan_ensemble, plan_model
from orchestrator_api.chat.question import Question
from orchestrator_api.chat.store import Limits
from orchestrator_api.chat.voicing import NOT_PAID, Speech, plan_spoken
from orchestrator_api.credits.pricing import VOICE_CREDITS
from orchestrator_api.model_router.catalog import CATALOG, Choice

FULL = Budget(available=1000, tier_cap=100)


class Given:
    """What planning a voice looks at: that there is one, that it is asked for, and that the plan has it."""

    voice = True


def plan_of(model: str, budget: Budget) -> Plan:
    if model == Choice.ENSEMBLE:
        return plan_ensemble(
            CATALOG.candidates("grok"),
            prompt_tokens=1000,
            question_tokens=50,
            output_tokens_max=1000,
            budget=budget,
        )
    return plan_model(CATALOG.candidates(model), prompt_tokens=1000, output_tokens_max=1000, budget=budget)


def spoken(model: str, budget: Budget) -> tuple[Plan, Speech | None]:
    given = cast("Any", Given())

    def planned(within: Budget) -> tuple[Plan, Any]:
        return plan_of(model, within), None

    plan, _, speech = plan_spoken(given, cast("Question", given), cast("Limits", given), budget, planned)
    return plan, speech


def models_of(plan: Plan) -> list[str]:
    return [candidate.model.id for candidate in plan.candidates]


@pytest.mark.parametrize("model", ["claude", "gpt-6-luna", Choice.ENSEMBLE])
def test_a_voice_takes_of_the_length_alone(model: str) -> None:
    plan, speech = spoken(model, FULL)

    assert speech == Speech()
    assert models_of(plan) == models_of(plan_of(model, FULL))


@pytest.mark.parametrize("model", ["claude", "gpt-6-luna"])
def test_the_model_that_was_named_goes_before_a_voice(model: str) -> None:
    # It pays for that model; beside a voice, for the cheapest family alone.
    budget = replace(FULL, price_cap=8)
    full = plan_of(model, budget)
    assert models_of(plan_of(model, replace(budget, kept=VOICE_CREDITS))) == ["grok-4.7"]

    assert spoken(model, budget) == (full, NOT_PAID)


def test_no_member_of_an_ensemble_leaves_for_a_voice() -> None:
    # The least that pays for three.
    budget = replace(FULL, price_cap=32)
    full = plan_of(Choice.ENSEMBLE, budget)
    assert len(full.candidates) == 3
    assert len(plan_of(Choice.ENSEMBLE, replace(budget, kept=VOICE_CREDITS)).candidates) == 2

    assert spoken(Choice.ENSEMBLE, budget) == (full, NOT_PAID)
