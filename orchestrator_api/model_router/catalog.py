"""The models we offer, as dated data: who serves them, what they cost, how much they take and give. Pure.

`models.json` is the catalogue; the setting ZMARTY_MODELS adds models and OpenAI-compatible endpoints to it or replaces some.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orchestrator_api.credits.pricing import Rate, Usage

MODELS_MAX = 100
ENDPOINTS_MAX = 20
MILLION = 1_000_000
OWN_PROVIDERS = ("xai", "openai", "anthropic")
# Names of other vendors of the API, which an endpoint must not take.
RESERVED = (*OWN_PROVIDERS, "elevenlabs", "ensemble")

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
ShortName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class Choice(StrEnum):
    """What a user may ask for besides a family and a model: the best one for the question, or all at once."""

    AUTO = "auto"
    ENSEMBLE = "ensemble"


class Tier(StrEnum):
    """The plans, least first."""

    FREE = "free"
    STARTER = "starter"
    PRO = "pro"
    ENTERPRISE = "enterprise"

    def covers(self, other: "Tier") -> bool:
        plans = list(Tier)
        return plans.index(self) >= plans.index(other)


class Data(BaseModel):
    """Data that says no more and no less than it should."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(Data):
    """What the vendor asks of us: dollars for a million tokens."""

    input: Annotated[float, Field(ge=0, le=10_000)]
    output: Annotated[float, Field(ge=0, le=10_000)]

    def dollars(self, usage: Usage) -> float:
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / MILLION


class Model(Data):
    """One model of one provider. `as_of` is the day on which the row was checked against the vendor's list."""

    id: Name
    # What a user may say for the first model of its kind: grok, gpt, claude.
    family: ShortName
    provider: ShortName
    rate: Rate
    price: Price | None = None
    as_of: date
    # Kept below what the model takes; prompts above cost more at some vendors.
    context_tokens: Annotated[int, Field(ge=4_000, le=10_000_000)]
    output_tokens_max: Annotated[int, Field(ge=200, le=200_000)]
    # The least plan that may use it.
    tier: Tier = Tier.FREE
    supports_tools: bool = True


class Endpoint(Data):
    """A server that speaks OpenAI's wire. `api_key_env` names the variable that holds its key; none: it wants no key."""

    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]", max_length=500)]
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)] | None = None
    wire: Literal["openai"] = "openai"


class Models(Data):
    """What a file of models says. Raises ValueError where it contradicts itself."""

    models: Annotated[tuple[Model, ...], Field(max_length=MODELS_MAX)] = ()
    providers: Annotated[dict[ShortName, Endpoint], Field(max_length=ENDPOINTS_MAX)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        known = {*OWN_PROVIDERS, *self.providers}
        ids = [model.id for model in self.models]
        families = {model.family for model in self.models}
        for order, model in enumerate(self.models):
            if model.provider not in known:
                raise ValueError(f"models.{order}.provider: must be one of {', '.join(sorted(known))}")
            if model.id in ids[:order]:
                raise ValueError(f"models.{order}.id: {model.id} stands there twice")
            if model.id in families or model.id in list(Choice):
                raise ValueError(f"models.{order}.id: {model.id} is the name of something else")
            if model.family in list(Choice):
                raise ValueError(f"models.{order}.family: {model.family} is reserved")
        for name in self.providers:
            if name in RESERVED:
                raise ValueError(f"providers.{name}: this name is taken")
        return self

    def with_changes(self, changes: "Models") -> "Models":
        """A model of the same id is replaced where it stands; others, and endpoints, are added at the end."""
        changed = {model.id: model for model in changes.models}
        kept = tuple(changed.pop(model.id, model) for model in self.models)
        return Models(models=(*kept, *changed.values()), providers={**self.providers, **changes.providers})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that may answer, how much it may write, and how many of the oldest exchanges it has no room for."""

    model: Model
    output_tokens_max: int
    exchanges_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models by preference: the first of a family is the one that the family's name means."""

    models: tuple[Model, ...]
    endpoints: Mapping[str, Endpoint]

    @property
    def families(self) -> tuple[str, ...]:
        """In the order in which they are tried; the first is the default."""
        return tuple(dict.fromkeys(model.family for model in self.models))

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that a request may ask for."""
        return (*Choice, *self.families, *(model.id for model in self.models))

    @property
    def checked_on(self) -> date:
        return max(model.as_of for model in self.models)

    def model(self, id: str) -> Model | None:
        return next((model for model in self.models if model.id == id), None)

    def candidates(self, name: str, *, usable: Callable[[Model], bool] = bool) -> tuple[Model, ...]:
        """The usable models to try, best first: the one asked for, then the firsts of the other families in their order.

        `name` is a family or an id; the order rotates, so that after GPT comes Claude and then Grok.
        """
        asked = self.model(name)
        family = asked.family if asked else name
        start = self.families.index(family)
        order = (*self.families[start:], *self.families[:start])
        firsts = (self._first(family, usable) for family in order)
        # The rest of the family is no fallback for a model asked by its id: what ails one ails its sisters.
        if asked and usable(asked):
            return asked, *(first for first in firsts if first and first.family != family)
        return tuple(first for first in firsts if first)

    def _first(self, family: str, usable: Callable[[Model], bool]) -> Model | None:
        return next((model for model in self.models if model.family == family and usable(model)), None)


def catalog_from(changes: Models | None = None) -> Catalog:
    """Our own models with the changes of a setting. Raises ValidationError, a ValueError, when the two do not go together."""
    models = OURS.with_changes(changes) if changes else OURS
    return Catalog(models.models, models.providers)


OURS = Models.model_validate_json((Path(__file__).parent / "models.json").read_bytes())
CATALOG = catalog_from()
