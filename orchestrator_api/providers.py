"""Where each vendor the API calls is reached, and with which key. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """One vendor. Without a key it is not configured and never called."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)

    @property
    def is_configured(self) -> bool:
        return bool(self.base_url and self.api_key)
