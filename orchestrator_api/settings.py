"""What the API is told by its environment, read once at the start. `.env.example` is the documentation."""

import json
import os
from pathlib import Path
from typing import Annotated, Self

from dotenv import dotenv_values
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from orchestrator_api.model_router.catalog import Catalog, Endpoint, Models, catalog_from
from orchestrator_api.providers import Access
from zmarty.settings import ServiceSettings, Several, Url, WebhookSecrets

# What a server that wants no key is sent as one.
NO_KEY = "none"
MODELS_BYTES_MAX = 1_000_000


def _document(text: object) -> object:
    """JSON that stands in the variable or in the file that it names."""
    if not isinstance(text, str):
        return text
    if not text.lstrip().startswith("{"):
        path = Path(text.strip())
        if not path.is_file() or path.stat().st_size > MODELS_BYTES_MAX:
            raise ValueError("must be JSON, or the path of a file of at most 1 MB that holds it")
        text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from error


class Settings(ServiceSettings):
    """The API's own settings. Vendors without a key are off; everything else has a production default or stops the start."""

    host: str = "0.0.0.0"  # noqa: S104 — inside Render's network, behind its proxy
    port: int = Field(default=10_000, ge=0, le=65_535)
    # Running requests get the first two thirds, answers that must still be settled the last one. Render kills after
    # maxShutdownDelaySeconds (render.yaml), which must be longer.
    shutdown_seconds: int = Field(default=30, ge=3, le=250)

    chat_supabase_url: Url = Field(validation_alias=AliasChoices("CHAT_SUPABASE_URL", "ZMARTYBRAIN_URL"))
    chat_supabase_publishable_key: str = Field(
        default="",
        validation_alias=AliasChoices("CHAT_SUPABASE_PUBLISHABLE_KEY", "ZMARTYBRAIN_ANON_KEY"),
    )
    chat_jwt_secret: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("CHAT_JWT_SECRET", "ZMARTYBRAIN_JWT_SECRET")
    )
    allowed_origins: Several = ()
    # Where browsers reach this API when it is not the origin that served them /config.json.
    public_api_url: Url = ""

    # The built web app, served at / where it is there.
    web_dist: str = "web/dist"

    # Of the operator's tool that posts liquidation maps; without any, nobody may.
    clusters_webhook_secrets: WebhookSecrets = ()

    # Every limit of calls and streams times this; the local system is in more of a hurry than its users.
    call_limits_factor: int = Field(default=1, ge=1, le=1_000)
    # How many proxies of ours stand in front and append to X-Forwarded-For; 0: the peer is the caller.
    trusted_proxy_hops: int = Field(default=1, ge=0, le=5)

    # What to say of the market data when it is not the real one; the local system sets it.
    market_note: str = ""

    xai_api_key: SecretStr | None = None
    xai_base_url: Url = "https://api.x.ai/v1"
    openai_api_key: SecretStr | None = None
    openai_base_url: Url = "https://api.openai.com/v1"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: Url = "https://api.anthropic.com"
    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_base_url: Url = "https://api.elevenlabs.io"
    elevenlabs_voice_id: str = ""
    # Signs the links to audio; without it there is no voice.
    voice_link_secret: SecretStr | None = None
    # The project's secret key: audio is kept in its private bucket. A folder instead serves development.
    chat_supabase_secret_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("CHAT_SUPABASE_SECRET_KEY", "ZMARTYBRAIN_SERVICE_ROLE_KEY"),
    )
    voice_folder: str = ""

    # Models and endpoints beside our own, as JSON or the path of a file; `catalog` is what comes of it.
    zmarty_models: Annotated[Models, NoDecode, BeforeValidator(_document)] = Models()
    # Ask the next model too when the first has said nothing for so long; empty: never.
    hedge_seconds: float | None = Field(default=None, gt=0, le=60)

    @model_validator(mode="after")
    def _has_a_catalog(self) -> Self:
        catalog_from(self.zmarty_models)
        return self

    @property
    def catalog(self) -> Catalog:
        return catalog_from(self.zmarty_models)

    @property
    def drain_seconds(self) -> int:
        return self.shutdown_seconds // 3

    def providers(self) -> dict[str, Access]:
        """Every vendor of the API by name: xai, openai, anthropic, elevenlabs, and the endpoints of ZMARTY_MODELS."""
        return {
            "xai": _access(self.xai_base_url, self.xai_api_key),
            "openai": _access(self.openai_base_url, self.openai_api_key),
            "anthropic": _access(self.anthropic_base_url, self.anthropic_api_key),
            "elevenlabs": _access(self.elevenlabs_base_url, self.elevenlabs_api_key),
            **{name: self._endpoint(endpoint) for name, endpoint in self.zmarty_models.providers.items()},
        }

    def _endpoint(self, endpoint: Endpoint) -> Access:
        if endpoint.api_key_env is None:
            return Access(endpoint.base_url.rstrip("/"), NO_KEY)
        # These variables have names of the operator's own, so they are no fields; they stand where all others do.
        file = self.model_config.get("env_file")
        written = dotenv_values(file) if isinstance(file, str) else {}
        key = os.environ.get(endpoint.api_key_env) or written.get(endpoint.api_key_env)
        return Access(endpoint.base_url.rstrip("/"), key)


def _access(base_url: str, api_key: SecretStr | None) -> Access:
    return Access(base_url, api_key.get_secret_value() if api_key is not None else None)
