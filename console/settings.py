"""What the operator's tool reads from its environment, and where it turns when that names no database."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Literal, TypeAlias

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from zmarty.settings import Url

DatabaseKind: TypeAlias = Literal["chat", "trading"]
DATABASES: tuple[DatabaseKind, ...] = ("chat", "trading")


class DatabaseUnnamed(Exception):
    """Neither the environment nor a running local system names this database."""


class ConsoleSettings(BaseSettings):
    """Nothing is required: each verb says what it misses. The owner's logins fall back on the services' own."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    chat_owner_database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "CHAT_OWNER_DATABASE_URL", "CHAT_DATABASE_URL", "ZMARTYBRAIN_DATABASE_URL"
        ),
    )
    trading_owner_database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "TRADING_OWNER_DATABASE_URL",
            "TRADING_DATABASE_URL",
            "SMARTTRADING_DATABASE_URL",
            "ZMARTBOT_DATABASE_URL",
        ),
    )
    chat_supabase_url: Url | None = Field(
        default=None, validation_alias=AliasChoices("CHAT_SUPABASE_URL", "ZMARTYBRAIN_URL")
    )
    watchers_webhook_url: Url | None = None
    watchers_webhook_secrets: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("WATCHERS_WEBHOOK_SECRETS", "WEBHOOK_SECRET")
    )

    @classmethod
    def read(cls) -> ConsoleSettings:
        """The environment's settings or, where it names no database at all, those of the local system that runs here."""
        settings = cls()
        if settings.chat_owner_database_url is None and settings.trading_owner_database_url is None:
            for entry in entry_points(group="zmarty.settings"):
                return settings.model_copy(update=entry.load()())
        return settings

    def dsn(self, database: DatabaseKind) -> str:
        found = self.chat_owner_database_url if database == "chat" else self.trading_owner_database_url
        if found is None:
            name = f"{database.upper()}_OWNER_DATABASE_URL"
            raise DatabaseUnnamed(f"set {name} (or start the local system with `zmarty up`)")
        return found.get_secret_value()
