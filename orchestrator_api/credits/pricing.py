"""What an answer costs. Whole credits only: thousandths are added up and rounded up once, at the end. Pure."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from zmarty.errors import ZmartyError

THOUSAND = 1_000
REQUEST_CREDITS_MAX = 100
DATA_CREDITS = 1
VOICE_CREDITS = 5
# What users buy, in credits a pack.
TOP_UPS = (500, 3_000, 7_000)
# Below this the user is told, once for each time the balance falls there.
LOW_CREDITS = 20


class CreditsExhausted(ZmartyError):
    """More credits are needed than are available; both are named."""

    status: ClassVar[int] = 402
    code: ClassVar[str] = "credits_exhausted"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(
            f"This needs up to {needed} credits and {available} are available; top up or ask something shorter.",
            needed=needed,
            available=available,
        )


class SpendingLimitReached(ZmartyError):
    """The user's own limit is in the way, not their balance; the limit is named."""

    status: ClassVar[int] = 402
    code: ClassVar[str] = "spending_limit_reached"

    def __init__(self, *, limit: str, needed: int, left: int) -> None:
        super().__init__(
            f"This needs up to {needed} credits and your limit {limit} leaves {left}; PUT /v1/credits/limits changes it.",
            limit=limit,
            needed=needed,
            left=left,
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """Credits per thousand tokens in and out, and the least that a call costs."""

    input_per_1k: int
    output_per_1k: int
    call_minimum: int

    def __post_init__(self) -> None:
        # A negative rate would mint credits.
        if min(self.input_per_1k, self.output_per_1k, self.call_minimum) < 0:
            raise ValueError(f"a rate must not be negative: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as a provider counted them. Those cached are part of the input and those of reasoning part of the output:
    both are for information, as are the dollars that the vendor says it takes; charges follow input and output."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    vendor_dollars: float | None = None

    def __post_init__(self) -> None:
        if min(self.input_tokens, self.output_tokens, self.cached_tokens, self.reasoning_tokens) < 0:
            raise ValueError(f"token counts must not be negative: {self}")

    @classmethod
    def none(cls) -> Self:
        return cls()

    def __add__(self, other: Self) -> Self:
        dollars = [usage.vendor_dollars for usage in (self, other) if usage.vendor_dollars is not None]
        return replace(
            self,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            vendor_dollars=sum(dollars) if dollars else None,
        )


GROK = Rate(input_per_1k=1, output_per_1k=4, call_minimum=1)
GPT = Rate(input_per_1k=3, output_per_1k=10, call_minimum=2)
CLAUDE = Rate(input_per_1k=3, output_per_1k=10, call_minimum=2)


def cost(rate: Rate, usage: Usage) -> int:
    """Credits for this usage."""
    return _round_up(_thousandths(rate, usage)) + rate.call_minimum


def cost_max(rate: Rate, *, input_tokens: int, output_tokens_max: int) -> int:
    """The most that a call can cost when the prompt has at most `input_tokens`."""
    return cost(rate, Usage(input_tokens=input_tokens, output_tokens=output_tokens_max))


def output_tokens_within(rate: Rate, *, input_tokens: int, credits: int) -> int:
    """How many tokens of output these credits still pay for after a prompt of `input_tokens`; never negative."""
    left = (credits - rate.call_minimum) * THOUSAND - input_tokens * rate.input_per_1k
    return max(0, left // rate.output_per_1k)


def _thousandths(rate: Rate, usage: Usage) -> int:
    return usage.input_tokens * rate.input_per_1k + usage.output_tokens * rate.output_per_1k


def _round_up(thousandths: int) -> int:
    return -(-thousandths // THOUSAND)
