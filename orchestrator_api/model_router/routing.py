"""Which models shall answer a question, best first: by what is asked for, what is asked, and the user's plan. Pure."""

import re
from collections.abc import Callable
from enum import StrEnum

from orchestrator_api.auth.user import Forbidden
from orchestrator_api.model_router.catalog import Catalog, Choice, Model, Tier
from zmarty.errors import FieldInvalid

# How many models an ensemble asks at once; each is paid.
ENSEMBLE_MAX = 5


class Kind(StrEnum):
    """What a question wants, as far as its words tell."""

    CALCULATION = "calculation"
    EXPLANATION = "explanation"
    OTHER = "other"


# Which family is best at what, where it is offered; anything else goes to the catalogue's first.
BEST = {Kind.CALCULATION: "gpt", Kind.EXPLANATION: "claude"}

# German and Spanish beside English: the languages of the first users.
_CALCULATION = re.compile(
    r"\d\s*[+*×÷^]\s*\d|\d\s+[-/]\s+\d|\d\s*% of\b"
    r"|\b(calculat\w+|comput\w+|simulat\w+|backtest\w*|position siz\w+|how (?:much|many)|break.?even|percent of"
    r"|berechn\w+|simulier\w+|wie ?viel\w*|calcula\w*|cu[aá]nt[oa]s?|simula\w*)\b",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    r"\b(explain\w*|why|in depth|in detail|detailed|step by step|teach|walk me through|pros and cons|compare and contrast"
    r"|erkl[äa]r\w*|warum|wieso|ausf[üu]hrlich\w*|explica\w*|por qu[ée]|detallad\w*)\b",
    re.IGNORECASE,
)


def kind_of(text: str) -> Kind:
    """A calculation when numbers are to be worked out, an explanation when reasons are wanted; a calculation when both."""
    if _CALCULATION.search(text):
        return Kind.CALCULATION
    return Kind.EXPLANATION if _EXPLANATION.search(text) else Kind.OTHER


def route(
    catalog: Catalog, name: str, *, text: str, tier: str, is_configured: Callable[[str], bool]
) -> tuple[Model, ...]:
    """The configured models that this plan may use, in the order in which they are asked; for an ensemble, all at once.

    Raises FieldInvalid for a name that nothing has, Forbidden for one that the plan does not include.
    """
    if name not in catalog.names:
        raise FieldInvalid("model", f"must be one of {', '.join(catalog.names)}")
    plan = Tier(tier)
    _require(catalog, name, plan)

    def usable(model: Model) -> bool:
        return plan.covers(model.tier) and is_configured(model.provider)

    if name == Choice.ENSEMBLE:
        return catalog.candidates(catalog.families[0], usable=usable)[:ENSEMBLE_MAX]
    return catalog.candidates(_best(catalog, text, plan) if name == Choice.AUTO else name, usable=usable)


def _best(catalog: Catalog, text: str, plan: Tier) -> str:
    # The free plan's few credits go to the default, which is the cheapest, unless the user chooses.
    best = None if plan is Tier.FREE else BEST.get(kind_of(text))
    return best if best in catalog.families else catalog.families[0]


def _require(catalog: Catalog, name: str, plan: Tier) -> None:
    meant = [model for model in catalog.models if name in (model.id, model.family)]
    if meant and not any(plan.covers(model.tier) for model in meant):
        least = min((model.tier for model in meant), key=list(Tier).index)
        raise Forbidden(
            f"The plan {plan} does not include {name}; it comes with the plan {least}.", model=name
        )
