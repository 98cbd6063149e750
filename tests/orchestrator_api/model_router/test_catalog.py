"""Which models there are, what a setting may change about that, and in which order they are tried."""

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator_api.model_router.catalog import CATALOG, Model, Models, catalog_from

MODELS = CATALOG.models
LOCAL = {
    "id": "qwen-local",
    "family": "qwen",
    "provider": "home",
    "rate": {"input_per_1k": 1, "output_per_1k": 1, "call_minimum": 0},
    "as_of": "2026-11-26",
    "context_tokens": 32_000,
    "output_tokens_max": 2_000,
}
ENDPOINT = {"home": {"base_url": "http://127.0.0.1:11434/v1"}}


def changes(model: dict[str, Any] | None = None, providers: Any = ENDPOINT) -> Models:
    return Models.model_validate({"models": [{**LOCAL, **(model or {})}], "providers": providers})


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("grok", ["xai", "openai", "anthropic"]),
        ("gpt", ["openai", "anthropic", "xai"]),
        ("claude", ["anthropic", "xai", "openai"]),
    ],
)
def test_the_order_rotates_with_the_choice(name: str, providers: list[str]) -> None:
    assert [model.provider for model in CATALOG.candidates(name)] == providers


def test_the_default_is_grok() -> None:
    assert CATALOG.families[0] == "grok"
    assert MODELS[0].id == "grok-4.7"


def test_a_model_asked_by_id_comes_first() -> None:
    assert CATALOG.candidates("claude-opus-5-5")[0].id == "claude-opus-5-5"
    assert [model.provider for model in CATALOG.candidates("gpt-6-luna")] == ["openai", "anthropic", "xai"]


def test_every_name_leads_to_three_different_providers() -> None:
    for name in (*CATALOG.families, *(model.id for model in MODELS)):
        assert len({model.provider for model in CATALOG.candidates(name)}) == 3
    assert len({model.id for model in MODELS}) == len(MODELS)


def test_a_family_goes_to_its_first_usable_model() -> None:
    def cheap(model: Model) -> bool:
        return model.id not in ("gpt-6.1-sol", "grok-4.7")

    assert [model.id for model in CATALOG.candidates("gpt", usable=cheap)] == [
        "gpt-6.1-terra",
        "claude-sonnet-5-5",
    ]


def test_a_setting_adds_an_endpoint_and_its_model() -> None:
    catalog = catalog_from(changes())

    assert catalog.families == ("grok", "gpt", "claude", "qwen")
    assert "qwen-local" in catalog.names
    assert [model.provider for model in catalog.candidates("qwen")] == ["home", "xai", "openai", "anthropic"]
    assert catalog.endpoints["home"].base_url == "http://127.0.0.1:11434/v1"


def test_a_setting_replaces_a_model_where_it_stands() -> None:
    catalog = catalog_from(changes({"id": "grok-4.7", "family": "grok", "provider": "xai"}, {}))

    assert len(catalog.models) == len(MODELS)
    assert catalog.models[0].context_tokens == 32_000


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ({"rate": {"input_per_1k": -1, "output_per_1k": 1, "call_minimum": 0}}, "models.0.rate"),
        ({"context_tokens": 10}, "models.0.context_tokens"),
        ({"as_of": "some day"}, "models.0.as_of"),
        ({"tier": "gold"}, "models.0.tier"),
        ({"prize": 1}, "models.0.prize"),
        ({"provider": "nobody"}, "models.0.provider"),
        ({"id": "auto"}, "models.0.id"),
        ({"family": "ensemble"}, "models.0.family"),
    ],
)
def test_a_wrong_model_names_its_field(model: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        changes(model)

    [error] = caught.value.errors()
    assert field in ".".join(map(str, error["loc"])) + error["msg"]


@pytest.mark.parametrize("name", ["xai", "elevenlabs", "Home", "ensemble"])
def test_an_endpoint_must_have_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ValidationError, match=r"taken|pattern"):
        changes({"provider": "xai"}, {name: {"base_url": "http://127.0.0.1/v1"}})
