"""What the API is told by its environment, read once at the start. `.env.example` is the documentation."""

from pydantic import AliasChoices, Field, SecretStr

from orchestrator_api.providers import Access
from zmarty.settings import ServiceSettings, Several, Url, WebhookSecrets


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

    # Of the operator's tool that posts liquidation maps; without any, nobody may.
    clusters_webhook_secrets: WebhookSecrets = ()

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

    @property
    def drain_seconds(self) -> int:
        return self.shutdown_seconds // 3

    def providers(self) -> dict[str, Access]:
        """Every vendor of the API by name: xai, openai, anthropic, elevenlabs."""
        return {
            "xai": _access(self.xai_base_url, self.xai_api_key),
            "openai": _access(self.openai_base_url, self.openai_api_key),
            "anthropic": _access(self.anthropic_base_url, self.anthropic_api_key),
            "elevenlabs": _access(self.elevenlabs_base_url, self.elevenlabs_api_key),
        }


def _access(base_url: str, api_key: SecretStr | None) -> Access:
    return Access(base_url, api_key.get_secret_value() if api_key is not None else None)
