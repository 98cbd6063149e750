"""What the environment says, and what happens when it says too little."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator_api.settings import Settings

REQUIRED = {
    "CHAT_DATABASE_URL": "postgresql://chat",
    "TRADING_DATABASE_URL": "postgresql://trading",
    "CHAT_SUPABASE_URL": "https://project.supabase.co/",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_secret_stops_the_start(bare_environment: pytest.MonkeyPatch, name: str) -> None:
    bare_environment.delenv(name)

    with pytest.raises(ValidationError, match=name):
        Settings()


def test_vendors_without_a_key_are_off(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OPENAI_API_KEY", "sk-secret")

    providers = Settings().providers()

    assert {name for name, access in providers.items() if access.is_configured} == {"openai"}
    assert providers["xai"].base_url == "https://api.x.ai/v1"
    assert "sk-secret" not in repr(providers)


def test_the_customers_names_are_understood(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.delenv("CHAT_SUPABASE_URL")
    bare_environment.setenv("ZMARTYBRAIN_URL", "https://brain.supabase.co")
    bare_environment.setenv("ALLOWED_ORIGINS", "https://a.example.com, https://b.example.com")

    settings = Settings()

    assert settings.chat_supabase_url == "https://brain.supabase.co"
    assert settings.allowed_origins == ("https://a.example.com", "https://b.example.com")


def test_the_end_fits_into_its_time(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("SHUTDOWN_SECONDS", "30")

    assert Settings().drain_seconds == 10


def test_secrets_do_not_show(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("CHAT_DATABASE_URL", "postgresql://user:hidden-password@host/db")
    bare_environment.setenv("CHAT_JWT_SECRET", "hidden-secret")

    assert "hidden" not in repr(Settings())


MODEL = {
    "id": "qwen-local",
    "family": "qwen",
    "provider": "home",
    "rate": {"input_per_1k": 1, "output_per_1k": 1, "call_minimum": 0},
    "as_of": "2026-11-26",
    "context_tokens": 32_000,
    "output_tokens_max": 2_000,
}
MODELS = {
    "models": [MODEL],
    "providers": {"home": {"base_url": "http://h/v1/", "api_key_env": "HOME_MODELS_KEY"}},
}


@pytest.mark.parametrize("is_file", [False, True])
def test_models_are_added_as_json_or_by_a_file(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path, is_file: bool
) -> None:
    text = json.dumps(MODELS)
    if is_file:
        (tmp_path / "models.json").write_text(text)
        text = str(tmp_path / "models.json")
    bare_environment.setenv("ZMARTY_MODELS", text)
    bare_environment.setenv("HOME_MODELS_KEY", "sk-home")

    settings = Settings()

    assert settings.catalog.names[-1] == "qwen-local"
    home = settings.providers()["home"]
    assert (home.base_url, home.api_key) == ("http://h/v1", "sk-home")
    assert "sk-home" not in repr(settings) + repr(home)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            json.dumps({"models": [{**MODEL, "context_tokens": "many"}]}),
            r"zmarty_models\.models\.0\.context_tokens",
        ),
        (json.dumps({"models": [MODEL]}), r"models\.0\.provider: must be one of"),
        (json.dumps({**MODELS, "endpoints": {}}), r"zmarty_models\.endpoints"),
        (json.dumps({**MODELS, "models": [{**MODEL, "id": "grok"}]}), r"name of something else"),
        ("{", "not valid JSON"),
        ("/nowhere/models.json", "path of a file"),
    ],
)
def test_wrong_models_stop_the_start(bare_environment: pytest.MonkeyPatch, text: str, fault: str) -> None:
    bare_environment.setenv("ZMARTY_MODELS", text)

    with pytest.raises(ValidationError, match=re.compile(fault, re.IGNORECASE)):
        Settings()
