"""Which models answer which question of whom."""

import pytest

from orchestrator_api.auth.user import Forbidden
from orchestrator_api.model_router.catalog import CATALOG
from orchestrator_api.model_router.routing import Kind, kind_of, route
from zmarty.errors import FieldInvalid


def routed(name: str, text: str = "What about BTC?", tier: str = "pro", away: str = "") -> list[str]:
    models = route(CATALOG, name, text=text, tier=tier, is_configured=lambda provider: provider != away)
    return [model.id for model in models]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What about BTC?", Kind.OTHER),
        ("How much would 3 ETH at 2,300 be worth?", Kind.CALCULATION),
        ("what is 0.5 * 43210", Kind.CALCULATION),
        ("Simulate a ladder on SOL", Kind.CALCULATION),
        ("Berechne meine Positionsgröße", Kind.CALCULATION),
        ("Explain liquidation clusters to me", Kind.EXPLANATION),
        ("Why did ETH fall?", Kind.EXPLANATION),
        ("Warum fällt BTC?", Kind.EXPLANATION),
        ("Explain how to calculate a stop", Kind.CALCULATION),
        ("BTC/USDT 2026-11-26 outlook, open 24/7", Kind.OTHER),
    ],
)
def test_the_words_tell_the_kind(text: str, kind: Kind) -> None:
    assert kind_of(text) is kind


def test_auto_follows_the_kind_and_the_plan() -> None:
    assert routed("auto")[0] == "grok-4.7"
    assert routed("auto", "How much is 2 * 3?")[0] == "gpt-6.1-sol"
    assert routed("auto", "Explain the risk metric")[0] == "claude-sonnet-5-5"
    # The free plan's credits go furthest with the default.
    assert routed("auto", "Explain the risk metric", tier="free")[0] == "grok-4.7"


def test_what_is_not_configured_is_skipped() -> None:
    assert routed("grok", away="xai") == ["gpt-6.1-sol", "claude-sonnet-5-5"]
    assert routed("gpt-6-luna", away="openai") == ["claude-sonnet-5-5", "grok-4.7"]


def test_an_ensemble_asks_the_first_of_every_family() -> None:
    assert routed("ensemble") == ["grok-4.7", "gpt-6.1-sol", "claude-sonnet-5-5"]


def test_a_model_of_a_higher_plan_is_refused_by_its_name() -> None:
    with pytest.raises(Forbidden, match="plan pro"):
        routed("claude-opus-5-5", tier="starter")

    assert routed("claude-opus-5-5", tier="enterprise")[0] == "claude-opus-5-5"
    assert routed("claude", tier="free")[0] == "claude-sonnet-5-5"


def test_an_unknown_name_is_told_the_choices() -> None:
    with pytest.raises(FieldInvalid) as caught:
        routed("gpt-2")

    assert caught.value.details["field"] == "model"
    assert "gpt-6.1-sol" in caught.value.details["rule"]
