"""What the environment says, and what happens when it says too little."""

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
