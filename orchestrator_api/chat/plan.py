"""Which models may answer and what that can cost at most: decided before a credit is held. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from orchestrator_api.credits.pricing import (
    DATA_CREDITS,
    REQUEST_CREDITS_MAX,
    THOUSAND,
    CreditsExhausted,
    SpendingLimitReached,
    cost_max,
    output_tokens_within,
)
from orchestrator_api.model_router.catalog import Candidate, Model
from orchestrator_api.model_router.tokens import BYTES_PER_TOKEN, BYTES_PER_TOKEN_LEAST
from zmarty.errors import FieldInvalid

# An answer shorter than this would be cut off before it says anything.
OUTPUT_TOKENS_LEAST = 200
# Of an ensemble: what the comparison may write, what it is told besides the question, and what frames each answer.
COMPARISON_TOKENS_MAX = 600
COMPARISON_TOKENS = 700
ANSWER_TOKENS = 60
TOO_LONG = "is too long for any model together with its facts; ask something shorter"


@dataclass(frozen=True, slots=True)
class Budget:
    """What bounds the price of one request: what the user has, what their tier allows, what they wish and let it cost."""

    available: int
    tier_cap: int
    price_cap: int | None = None
    per_request: int | None = None
    left_today: int | None = None
    # Credits within all these bounds that the answer leaves for something else.
    kept: int = 0

    @property
    def credits(self) -> int:
        wished = (self.price_cap, self.per_request, self.left_today)
        bounds = (bound for bound in wished if bound is not None)
        return min(self.available, self.tier_cap, REQUEST_CREDITS_MAX, *bounds) - self.kept


@dataclass(frozen=True, slots=True)
class Plan:
    """The candidates in order, and the credits to hold. Without candidates the answer is a data brief.

    In an ensemble all candidates are asked at once, and then the first that can of `comparing` compares what they said.
    """

    candidates: tuple[Candidate, ...]
    credits: int
    is_ensemble: bool = False
    comparing: tuple[Candidate, ...] = ()


def plan_model(
    models: Sequence[Model],
    *,
    prompt_tokens: int,
    output_tokens_max: int,
    budget: Budget,
    history_tokens: Sequence[int] = (),
) -> Plan:
    """Give each model as much output as the budget pays for, and drop those it cannot pay.

    `history_tokens` are the lengths of the earlier exchanges within the prompt, oldest first: as many of these are left out
    as it takes for a model to have room and to be paid.

    Raises CreditsExhausted when the balance is what is short, SpendingLimitReached when it is a limit the user has set,
    FieldInvalid when the request's own cap or the length is.
    """
    if not models:
        _require(budget, DATA_CREDITS)
        return Plan((), DATA_CREDITS)
    lengths = _lengths(prompt_tokens, history_tokens)
    candidates = tuple(
        candidate
        for model in models
        if (candidate := _candidate(model, lengths, output_tokens_max, budget.credits))
    )
    if not candidates:
        least = min(OUTPUT_TOKENS_LEAST, output_tokens_max)
        needed = min(
            cost_max(model.rate, input_tokens=lengths[-1], output_tokens_max=least) for model in models
        )
        _require(budget, needed)
        raise FieldInvalid("message", TOO_LONG)
    return Plan(candidates, max(_most(candidate, lengths) for candidate in candidates))


def plan_ensemble(
    models: Sequence[Model],
    *,
    prompt_tokens: int,
    question_tokens: int,
    output_tokens_max: int,
    budget: Budget,
    history_tokens: Sequence[int] = (),
) -> Plan:
    """Ask all models, and one of them for the comparison: the sum of what that costs is within the budget.

    Each may write equally much. What the budget does not pay for goes in this order: the oldest exchanges, then the dearest
    of more than two models. Raises like plan_model when it does not pay for two.
    """
    if len(models) < 2:
        alone = plan_model(
            models,
            prompt_tokens=prompt_tokens,
            output_tokens_max=output_tokens_max,
            budget=budget,
            history_tokens=history_tokens,
        )
        return replace(alone, is_ensemble=bool(models))
    credits = budget.credits
    least = min(OUTPUT_TOKENS_LEAST, output_tokens_max)
    possible = [
        _Ensemble(members, length, question_tokens, dropped)
        for members in _fewer(models)
        for dropped, length in enumerate(_lengths(prompt_tokens, history_tokens))
    ]
    ensemble = next((tried for tried in possible if tried.fits(least, credits)), None)
    if ensemble is None:
        _require(budget, possible[-1].credits(least))
        raise FieldInvalid("message", TOO_LONG)
    wanted = min(output_tokens_max, *(model.output_tokens_max for model in ensemble.members))
    # One less than the first share that does not fit any more.
    share = least + bisect_left(
        range(least + 1, wanted + 1), True, key=lambda tokens: not ensemble.fits(tokens, credits)
    )
    return Plan(
        tuple(Candidate(model, share, ensemble.dropped) for model in ensemble.members),
        ensemble.credits(share),
        is_ensemble=True,
        comparing=tuple(Candidate(model, COMPARISON_TOKENS_MAX) for model in ensemble.members),
    )


def _fewer(models: Sequence[Model]) -> Iterator[tuple[Model, ...]]:
    """All of them, then without the dearest, down to two."""
    members = list(models)
    while len(members) >= 2:
        yield tuple(members)
        members.remove(max(reversed(members), key=lambda model: _cost(model, THOUSAND, THOUSAND)))


@dataclass(frozen=True, slots=True)
class _Ensemble:
    """What asking these models with a prompt of this length takes."""

    members: tuple[Model, ...]
    prompt_tokens: int
    question_tokens: int
    dropped: int

    def fits(self, share: int, credits: int) -> bool:
        longest = max(self.prompt_tokens + share, self._compared_tokens(share) + COMPARISON_TOKENS_MAX)
        has_room = all(longest <= model.context_tokens for model in self.members)
        return has_room and self.credits(share) <= credits

    def credits(self, share: int) -> int:
        """The sum of what the answers of at most `share` tokens and their comparison can cost."""
        compared = self._compared_tokens(share)
        return max(_cost(model, compared, COMPARISON_TOKENS_MAX) for model in self.members) + sum(
            _cost(model, self.prompt_tokens, share) for model in self.members
        )

    def _compared_tokens(self, share: int) -> int:
        answers = len(self.members) * (answer_bytes_max(share) // BYTES_PER_TOKEN_LEAST + ANSWER_TOKENS)
        return COMPARISON_TOKENS + self.question_tokens + answers


def answer_bytes_max(share: int) -> int:
    """How much of an answer of at most `share` tokens the comparison reads: all of it in practice."""
    return share * BYTES_PER_TOKEN


def _candidate(
    model: Model, lengths: Sequence[int], output_tokens_max: int, credits: int
) -> Candidate | None:
    wanted = min(output_tokens_max, model.output_tokens_max)
    for dropped, prompt_tokens in enumerate(lengths):
        paid = output_tokens_within(model.rate, input_tokens=prompt_tokens, credits=credits)
        allowed = min(wanted, paid, model.context_tokens - prompt_tokens)
        if allowed >= min(wanted, OUTPUT_TOKENS_LEAST):
            return Candidate(model, allowed, dropped)
    return None


def _lengths(prompt_tokens: int, history_tokens: Sequence[int]) -> list[int]:
    """How long the prompt is without its 0, 1, 2, … oldest exchanges."""
    return [prompt_tokens - dropped for dropped in accumulate(history_tokens, initial=0)]


def _most(candidate: Candidate, lengths: Sequence[int]) -> int:
    return _cost(candidate.model, lengths[candidate.exchanges_dropped], candidate.output_tokens_max)


def _cost(model: Model, input_tokens: int, output_tokens: int) -> int:
    return cost_max(model.rate, input_tokens=input_tokens, output_tokens_max=output_tokens)


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
