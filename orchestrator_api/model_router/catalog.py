"""The models we offer, as dated data: who serves them, what they cost, how much they take and give. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from orchestrator_api.credits.pricing import CLAUDE, GPT, GROK, Rate


class Choice(StrEnum):
    """What a user may ask for; `auto` begins with the default."""

    AUTO = "auto"
    GROK = "grok"
    GPT = "gpt"
    CLAUDE = "claude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one provider. `as_of` is the day on which the row was checked against the vendor's list."""

    id: str
    choice: Choice
    provider: str
    rate: Rate
    context_tokens: int
    output_tokens_max: int
    as_of: date


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that may answer, and how much it may write."""

    model: Model
    output_tokens_max: int


CHECKED_ON = date(2026, 11, 20)
# The windows and output limits are what we use, kept below what every one of these models takes.
CONTEXT_TOKENS = 128_000
OUTPUT_TOKENS_MAX = 8_192


def _model(id: str, choice: Choice, provider: str, rate: Rate) -> Model:
    return Model(
        id=id,
        choice=choice,
        provider=provider,
        rate=rate,
        context_tokens=CONTEXT_TOKENS,
        output_tokens_max=OUTPUT_TOKENS_MAX,
        as_of=CHECKED_ON,
    )


# The first model of a choice is the one that the choice means; the others are asked for by their id.
MODELS = (
    _model("grok-4.7", Choice.GROK, "xai", GROK),
    _model("gpt-6.1-sol", Choice.GPT, "openai", GPT),
    _model("gpt-6.1-terra", Choice.GPT, "openai", GPT),
    _model("gpt-6-luna", Choice.GPT, "openai", GPT),
    _model("claude-sonnet-5-5", Choice.CLAUDE, "anthropic", CLAUDE),
    _model("claude-haiku-5-5", Choice.CLAUDE, "anthropic", CLAUDE),
    _model("claude-opus-5-5", Choice.CLAUDE, "anthropic", CLAUDE),
)
ORDER = (Choice.GROK, Choice.GPT, Choice.CLAUDE)
NAMES = (*Choice, *(model.id for model in MODELS))


def candidates(name: str) -> tuple[Model, ...]:
    """The models to try, best first: the one asked for, then the firsts of the other choices in their order.

    `name` is one of NAMES; the order rotates, so that after GPT comes Claude and then Grok.
    """
    first = _named(name)
    start = ORDER.index(first.choice)
    others = (ORDER[(start + step) % len(ORDER)] for step in range(1, len(ORDER)))
    return first, *(_named(choice) for choice in others)


def _named(name: str) -> Model:
    asked = ORDER[0] if name == Choice.AUTO else name
    return next(model for model in MODELS if asked in (model.id, model.choice))
