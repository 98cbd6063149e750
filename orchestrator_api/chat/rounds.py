"""What an answer in several rounds may cost: who may write how much, and how many calls are paid for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from orchestrator_api.chat.plan import OUTPUT_TOKENS_LEAST, Plan
from orchestrator_api.credits.pricing import DATA_CREDITS, THOUSAND, Usage, cost, output_tokens_within
from orchestrator_api.model_router.catalog import Candidate, Model
from orchestrator_api.model_router.tokens import tokens_bound
from orchestrator_api.tools.summary import RESULT_LENGTH_MAX

# The last of them without tools, so that every answer ends. Each has the router's own deadline, and together with the
# calls between them they stay below the time for which credits are held.
ROUNDS_MAX = 4
CALLS_A_ROUND = 4
# Below this a model with tools could say less than one without; then it gets none.
OUTPUT_WITH_TOOLS_LEAST = 500
# A result and what goes with it: its call with the arguments, and what vendors add.
RESULT_TOKENS = tokens_bound("x" * RESULT_LENGTH_MAX) + 100


@dataclass(slots=True)
class Spending:
    """What the rounds so far have used, within the credits that are held."""

    held: int
    usages: dict[Model, Usage] = field(default_factory=dict)
    calls: int = 0

    @property
    def usage(self) -> Usage:
        """Over all rounds and models."""
        return sum(self.usages.values(), Usage.none())

    @property
    def credits(self) -> int:
        """A model's least price is paid once, however many rounds it took part in."""
        return self.calls * DATA_CREDITS + sum(
            cost(model.rate, usage) for model, usage in self.usages.items()
        )

    def add(self, model: Model, usage: Usage) -> None:
        self.usages[model] = self._used(model) + usage

    def last_round(self, candidates: Sequence[Candidate], prompt_tokens: int) -> tuple[Candidate, ...]:
        """The candidates of a round without tools; empty when no more is paid for."""
        return tuple(
            allowed
            for candidate in candidates
            if (allowed := _allowed(candidate, self._output_last(candidate.model, prompt_tokens), least=1))
        )

    def tool_round(self, candidates: Sequence[Candidate], prompt_tokens: int) -> tuple[Candidate, ...]:
        """The candidates of a round after which one call and a last round are still paid for."""
        return tuple(
            allowed
            for candidate in candidates
            if (
                allowed := _allowed(
                    candidate,
                    self._output_before_call(candidate.model, prompt_tokens),
                    least=OUTPUT_WITH_TOOLS_LEAST,
                )
            )
        )

    def calls_paid(self, model: Model, prompt_tokens: int) -> int:
        """How many calls may be made now, when the prompt has grown to `prompt_tokens` without their results."""
        for calls in range(CALLS_A_ROUND, 0, -1):
            left = replace(self, calls=self.calls + calls)
            if left._output_last(model, prompt_tokens + calls * RESULT_TOKENS) >= OUTPUT_TOKENS_LEAST:
                return calls
        return 0

    def _used(self, model: Model) -> Usage:
        return self.usages.get(model, Usage.none())

    def _left_for(self, model: Model) -> int:
        """Credits for all that this model has used and will use."""
        others = sum(cost(other.rate, usage) for other, usage in self.usages.items() if other != model)
        return self.held - self.calls * DATA_CREDITS - others

    def _output_last(self, model: Model, prompt_tokens: int) -> int:
        used = self._used(model)
        within = output_tokens_within(
            model.rate, input_tokens=used.input_tokens + prompt_tokens, credits=self._left_for(model)
        )
        return within - used.output_tokens

    def _output_before_call(self, model: Model, prompt_tokens: int) -> int:
        used, rate = self._used(model), model.rate
        # What is written now is paid as output now and as input in the round after.
        thousandths = (self._left_for(model) - DATA_CREDITS - rate.call_minimum) * THOUSAND
        read = used.input_tokens + 2 * prompt_tokens + RESULT_TOKENS
        written = used.output_tokens + OUTPUT_TOKENS_LEAST
        left = thousandths - read * rate.input_per_1k - written * rate.output_per_1k
        return left // max(1, rate.input_per_1k + rate.output_per_1k)


def plan_rounds(plan: Plan, *, prompt_tokens: int, credits: int) -> Plan | None:
    """The plan with credits for tools beside the answer, `credits` at most; None when these pay for none.

    `prompt_tokens` counts the tools too. The preferred model decides: another one that cannot pay for them answers without.
    """
    if not plan.candidates:
        return None
    needed = (_held_for(candidate, prompt_tokens) for candidate in plan.candidates)
    held = min(max(needed), credits)
    if held <= plan.credits:
        return None
    preferred = plan.candidates[:1]
    allowed = Spending(held).tool_round(preferred, prompt_tokens)
    return replace(plan, credits=held) if allowed else None


def _held_for(candidate: Candidate, prompt_tokens: int) -> int:
    """Two rounds with one call between them, the first as long as planned."""
    output = candidate.output_tokens_max
    usage = Usage(
        input_tokens=2 * prompt_tokens + output + RESULT_TOKENS,
        output_tokens=output + OUTPUT_TOKENS_LEAST,
    )
    return cost(candidate.model.rate, usage) + DATA_CREDITS


def _allowed(candidate: Candidate, output_tokens: int, *, least: int) -> Candidate | None:
    allowed = min(candidate.output_tokens_max, output_tokens)
    if allowed < min(least, candidate.output_tokens_max):
        return None
    return replace(candidate, output_tokens_max=allowed)
