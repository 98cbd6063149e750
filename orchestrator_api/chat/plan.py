"""Which models may answer and what that can cost at most: decided before a credit is held. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator_api.credits.pricing import (
    DATA_CREDITS,
    REQUEST_CREDITS_MAX,
    CreditsExhausted,
    SpendingLimitReached,
    cost_max,
    output_tokens_within,
)
from orchestrator_api.model_router.catalog import Candidate, Model
from zmarty.errors import FieldInvalid

# An answer shorter than this would be cut off before it says anything.
OUTPUT_TOKENS_LEAST = 200


@dataclass(frozen=True, slots=True)
class Budget:
    """What bounds the price of one request: what the user has, what their tier allows, what they wish and let it cost."""

    available: int
    tier_cap: int
    price_cap: int | None = None
    per_request: int | None = None
    left_today: int | None = None

    @property
    def credits(self) -> int:
        wished = (self.price_cap, self.per_request, self.left_today)
        bounds = (bound for bound in wished if bound is not None)
        return min(self.available, self.tier_cap, REQUEST_CREDITS_MAX, *bounds)


@dataclass(frozen=True, slots=True)
class Plan:
    """The candidates in order, and the credits to hold. Without candidates the answer is a data brief."""

    candidates: tuple[Candidate, ...]
    credits: int


def plan_model(
    models: Sequence[Model],
    *,
    prompt_tokens: int,
    output_tokens_max: int,
    budget: Budget,
    extra_credits: int = 0,
) -> Plan:
    """Give each model as much output as the budget pays for, and drop those it cannot pay.

    Raises CreditsExhausted when the balance is what is short, SpendingLimitReached when it is a limit the user has set,
    FieldInvalid when the request's own cap or the length is.
    """
    if not models:
        _require(budget, DATA_CREDITS)
        return Plan((), DATA_CREDITS)
    candidates = tuple(
        candidate
        for model in models
        if (candidate := _candidate(model, prompt_tokens, output_tokens_max, budget.credits - extra_credits))
    )
    if not candidates:
        least = min(OUTPUT_TOKENS_LEAST, output_tokens_max)
        needed = min(
            cost_max(model.rate, input_tokens=prompt_tokens, output_tokens_max=least) for model in models
        )
        _require(budget, needed + extra_credits)
        raise FieldInvalid(
            "message", "is too long for any model together with its facts; ask something shorter"
        )
    highest = max(
        cost_max(
            candidate.model.rate, input_tokens=prompt_tokens, output_tokens_max=candidate.output_tokens_max
        )
        for candidate in candidates
    )
    return Plan(candidates, highest + extra_credits)


def _candidate(model: Model, prompt_tokens: int, output_tokens_max: int, credits: int) -> Candidate | None:
    wanted = min(output_tokens_max, model.output_tokens_max)
    paid = output_tokens_within(model.rate, input_tokens=prompt_tokens, credits=credits)
    allowed = min(wanted, paid, model.context_tokens - prompt_tokens)
    return Candidate(model, allowed) if allowed >= min(wanted, OUTPUT_TOKENS_LEAST) else None


def _require(budget: Budget, needed: int) -> None:
    if budget.available < needed:
        raise CreditsExhausted(needed=needed, available=budget.available)
    for limit, left in (("per_request", budget.per_request), ("per_day", budget.left_today)):
        if left is not None and left < needed:
            raise SpendingLimitReached(limit=limit, needed=needed, left=left)
    if budget.price_cap is not None and budget.price_cap < needed:
        raise FieldInvalid("price_cap", f"must be at least {needed} for this question")
    if budget.tier_cap < needed:
        raise FieldInvalid(
            "message", f"would cost {needed} credits; the plan allows {budget.tier_cap} a question"
        )
