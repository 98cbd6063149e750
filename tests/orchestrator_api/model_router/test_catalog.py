"""Which models are tried, and in which order."""

import pytest

from orchestrator_api.model_router.catalog import MODELS, NAMES, candidates


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("auto", ["xai", "openai", "anthropic"]),
        ("grok", ["xai", "openai", "anthropic"]),
        ("gpt", ["openai", "anthropic", "xai"]),
        ("claude", ["anthropic", "xai", "openai"]),
    ],
)
def test_the_order_rotates_with_the_choice(name: str, providers: list[str]) -> None:
    assert [model.provider for model in candidates(name)] == providers


def test_the_default_is_grok() -> None:
    assert candidates("auto")[0].id == "grok-4.7"


def test_a_model_asked_by_id_comes_first() -> None:
    assert candidates("claude-opus-5-5")[0].id == "claude-opus-5-5"
    assert [model.provider for model in candidates("gpt-6-luna")] == ["openai", "anthropic", "xai"]


def test_every_name_leads_to_three_different_providers() -> None:
    for name in NAMES:
        assert len({model.provider for model in candidates(name)}) == 3
    assert len({model.id for model in MODELS}) == len(MODELS)
