"""Whatever models do in their rounds, the bill stays within what was held."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_api.chat.plan import Budget, plan_model
from orchestrator_api.chat.rounds import CALLS_A_ROUND, RESULT_TOKENS, ROUNDS_MAX, Spending, plan_rounds
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.catalog import CATALOG
from zmarty.errors import ZmartyError

MODELS = CATALOG.candidates("grok")
RICH = Budget(available=1000, tier_cap=100)


def test_the_preferred_model_can_call_once_and_still_write_what_was_planned() -> None:
    plan = plan_model(MODELS[:1], prompt_tokens=1000, output_tokens_max=1000, budget=RICH)

    richer = plan_rounds(plan, prompt_tokens=1500, credits=RICH.credits)

    assert richer is not None
    assert richer.credits > plan.credits
    [first] = Spending(richer.credits).tool_round(richer.candidates, 1500)
    assert first.output_tokens_max == 1000


def test_a_small_budget_gets_no_tools() -> None:
    budget = replace(RICH, price_cap=6)
    plan = plan_model(MODELS[:1], prompt_tokens=1000, output_tokens_max=1000, budget=budget)

    assert plan_rounds(plan, prompt_tokens=1500, credits=budget.credits) is None


def test_a_plan_without_models_gets_no_tools() -> None:
    plan = plan_model((), prompt_tokens=1000, output_tokens_max=1000, budget=RICH)

    assert plan_rounds(plan, prompt_tokens=1500, credits=RICH.credits) is None


@settings(max_examples=150, deadline=None)
@given(
    available=st.integers(8, 200),
    prompt_tokens=st.integers(200, 8_000),
    output_tokens_max=st.integers(100, 4_000),
    shares=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 6)), min_size=ROUNDS_MAX, max_size=ROUNDS_MAX),
    turns=st.lists(st.integers(0, 2), min_size=ROUNDS_MAX, max_size=ROUNDS_MAX),
)
def test_no_way_through_the_rounds_costs_more_than_is_held(
    available: int,
    prompt_tokens: int,
    output_tokens_max: int,
    shares: list[tuple[float, int]],
    turns: list[int],
) -> None:
    budget = Budget(available=available, tier_cap=100)
    try:
        plan = plan_model(
            MODELS, prompt_tokens=prompt_tokens, output_tokens_max=output_tokens_max, budget=budget
        )
    except ZmartyError:
        return
    richer = plan_rounds(plan, prompt_tokens=prompt_tokens, credits=budget.credits)
    if richer is None:
        return
    assert richer.credits <= budget.credits
    spending, tokens = Spending(richer.credits), prompt_tokens
    for number, ((share, called), turn) in enumerate(zip(shares, turns, strict=True), start=1):
        able = spending.tool_round(richer.candidates, tokens) if number < ROUNDS_MAX else ()
        has_tools = bool(able)
        able = able or spending.last_round(richer.candidates, tokens)
        assert able, "a round that was promised can be paid"
        candidate = able[turn % len(able)]
        written = int(candidate.output_tokens_max * share)
        spending.add(candidate.model, Usage(input_tokens=tokens, output_tokens=written))
        assert spending.credits <= spending.held
        paid = spending.calls_paid(candidate.model, tokens + written)
        assert paid <= CALLS_A_ROUND
        if not has_tools or not paid:
            break
        calls = min(called, paid)
        spending.calls += calls
        tokens += written + calls * RESULT_TOKENS
        assert spending.credits <= spending.held
