"""Settings that both services read, once, at their start. `.env.example` is their documentation."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from zmarty.signing import webhook_secret


def _several(text: object) -> object:
    return text.replace(",", " ").split() if isinstance(text, str) else text


def _without_slash(url: str) -> str:
    return url.rstrip("/")


# Lists are written with spaces or commas between their items.
Several = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)]
WebhookSecrets = Annotated[
    tuple[Annotated[str, AfterValidator(webhook_secret)], ...], NoDecode, BeforeValidator(_several)
]
Url = Annotated[str, AfterValidator(_without_slash)]


class ServiceSettings(BaseSettings):
    """Both databases, logging and what Render tells a process about itself. A missing secret stops the start."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    chat_database_url: SecretStr = Field(
        validation_alias=AliasChoices("CHAT_DATABASE_URL", "ZMARTYBRAIN_DATABASE_URL")
    )
    trading_database_url: SecretStr = Field(
        validation_alias=AliasChoices(
            "TRADING_DATABASE_URL", "SMARTTRADING_DATABASE_URL", "ZMARTBOT_DATABASE_URL"
        )
    )
    chat_pool_size: int = Field(default=5, ge=1, le=20)
    trading_pool_size: int = Field(default=10, ge=1, le=50)

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    commit: str = Field(
        default="development", validation_alias=AliasChoices("RENDER_GIT_COMMIT", "ZMARTY_COMMIT")
    )
