"""What the worker reads from its environment, once, at its start."""

import os
import socket

from pydantic import AliasChoices, Field, SecretStr

from orchestrator_worker.sources.vendors import ModelAccess
from zmarty.settings import ServiceSettings, Url, WebhookSecrets


class WorkerSettings(ServiceSettings):
    """Vendors are optional: without a key the source is off, and what depends on it says that it is missing."""

    worker_id: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    shutdown_seconds: float = Field(default=25.0, gt=0, le=300)

    watchers_webhook_url: Url
    watchers_webhook_secrets: WebhookSecrets = Field(
        min_length=1, validation_alias=AliasChoices("WATCHERS_WEBHOOK_SECRETS", "WEBHOOK_SECRET")
    )

    exchange_base_url: Url = "https://api.binance.com"
    cryptometer_base_url: Url = "https://api.cryptometer.io"
    cryptometer_api_key: SecretStr | None = None
    kingfisher_base_url: Url | None = None
    kingfisher_api_key: SecretStr | None = None
    # What people say costs dollars with every question, so a key alone does not switch it on.
    sentiment_enabled: bool = False
    # Empty means that nobody is asked for open interest, and no map is estimated.
    futures_base_url: Url = "https://fapi.binance.com"

    # The models that read screenshots of liquidation maps; without any key they are refused.
    xai_api_key: SecretStr | None = None
    xai_base_url: Url = "https://api.x.ai/v1"
    openai_api_key: SecretStr | None = None
    openai_base_url: Url = "https://api.openai.com/v1"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: Url = "https://api.anthropic.com"

    def models(self) -> dict[str, ModelAccess]:
        """The model vendors that have a key."""
        known = {
            "xai": (self.xai_base_url, self.xai_api_key),
            "openai": (self.openai_base_url, self.openai_api_key),
            "anthropic": (self.anthropic_base_url, self.anthropic_api_key),
        }
        return {
            name: ModelAccess(base_url, key.get_secret_value())
            for name, (base_url, key) in known.items()
            if key is not None
        }
