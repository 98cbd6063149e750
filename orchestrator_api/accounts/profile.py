"""What a user says of themselves: the shapes of /v1/user/profile, within the bounds of the table. Pure."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from orchestrator_api.accounts.watching import shallow
from zmarty.market import Symbol

Experience = Literal["beginner", "intermediate", "advanced", "expert"]

PAIRS_MAX = 100
PREFERENCES_BYTES_MAX = 4096


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone like Europe/Berlin")
    return name


def _small(preferences: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(preferences, ensure_ascii=False).encode()) > PREFERENCES_BYTES_MAX:
        raise ValueError("must not be larger than 4 KB")
    return shallow(preferences)


def _distinct(symbols: list[Symbol]) -> list[Symbol]:
    return list(dict.fromkeys(symbols))


def _trimmed(text: Any) -> Any:
    """Nothing but blanks says nothing."""
    return (text.strip() or None) if isinstance(text, str) else text


class ProfileRequest(BaseModel):
    """What a user may change. A field that is absent stays as it is; null empties one that may be empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    full_name: Annotated[Annotated[str, Field(max_length=255)] | None, BeforeValidator(_trimmed)] = None
    display_name: Annotated[Annotated[str, Field(max_length=100)] | None, BeforeValidator(_trimmed)] = None
    avatar_url: Annotated[
        Annotated[str, Field(max_length=2000, pattern=r"^https://[^\s]+$")] | None, BeforeValidator(_trimmed)
    ] = None
    bio: Annotated[Annotated[str, Field(max_length=2000)] | None, BeforeValidator(_trimmed)] = None
    trading_experience: Experience | None = Field(
        default=None, description="How the chat speaks: from every word explained to no word wasted."
    )
    risk_tolerance: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    preferred_pairs: Annotated[list[Symbol], Field(max_length=PAIRS_MAX), AfterValidator(_distinct)] = Field(
        default=[], description="Symbols; stored in canonical form, each once."
    )
    notification_preferences: Annotated[dict[str, Any], AfterValidator(_small)] = Field(
        default={}, description="The client's own settings, up to 4 KB and 16 levels."
    )
    language: Annotated[str, Field(max_length=10, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$")] = Field(
        default="en", description="The language the chat answers in, as `de` or `pt-BR`."
    )
    timezone: Annotated[str, Field(max_length=50), AfterValidator(_known_timezone)] = Field(
        default="UTC", description="As `Europe/Berlin`."
    )


class Allowance(BaseModel):
    """What the tier allows."""

    price_cap: int = Field(description="The most credits that one question may cost.")
    tokens_max: int = Field(description="The longest answer, in tokens.")
    symbols_max: int = Field(description="The most symbols to watch, each timeframe by itself.")
    requests_per_minute: int = Field(description="Questions; other requests count by a multiple of it.")
    concurrent_streams: int = Field(description="Answers at once.")
    credits_monthly: int
    voice: bool = Field(description="Whether answers may be spoken.")


class Profile(BaseModel):
    """A user's profile. The tier is changed by paying, never here."""

    tier: str
    plan: Allowance
    member_since: datetime
    updated_at: datetime
    full_name: str | None
    display_name: str | None
    avatar_url: str | None
    bio: str | None
    trading_experience: Experience | None
    risk_tolerance: int | None
    preferred_pairs: list[str]
    notification_preferences: dict[str, Any]
    language: str
    timezone: str


def changes_in(asked: ProfileRequest) -> dict[str, Any]:
    """Only the fields that were sent."""
    return asked.model_dump(mode="json", exclude_unset=True)
