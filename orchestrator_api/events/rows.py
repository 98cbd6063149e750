"""The shapes of live events, for the documentation and whoever checks a stream against it. Pure."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.accounts.watching import Mirror
from zmarty.market import Symbol, Timeframe


class EventQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    last_event_id: Annotated[
        str | None,
        Field(max_length=50, description="As the header Last-Event-ID, for tools that cannot set it."),
    ] = None


class Pair(BaseModel):
    symbol: Symbol
    timeframe: Timeframe


class CandleNews(Pair):
    """Candles of a pair you watch were stored or corrected."""

    opened_at: datetime = Field(description="The newest of them.")
    first_opened_at: datetime
    count: int
    at: datetime


class SignalNews(Pair):
    """A pair you watch was judged; a whole backfill comes as a few events."""

    opened_at: datetime
    origin: Literal["live", "backfill"] = Field(description="`live` when at least one of them is.")
    count: int
    at: datetime


class WinRateNews(Pair):
    """The win rates of a pair you watch were counted anew."""

    computed_at: datetime
    count: int
    at: datetime


class WatcherNews(Pair):
    """Your watch list changed. `pending` and `parked` are told only when a change takes longer than two seconds."""

    active: bool
    mirror: Mirror
    at: datetime | None = None


class JobNews(BaseModel):
    """A job of yours began, got on or ended; read it at /v1/jobs/{id}."""

    id: UUID
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    cancel_requested: bool
    at: datetime


class CreditsNews(BaseModel):
    """Your credits: told at the beginning and whenever they change. A state of the moment, without an id."""

    balance: int
    held: int
    available: int
    low_since: datetime | None = Field(
        description="Since when the balance is below 20; a new time is a new crossing, to be told once."
    )


class QueueNews(BaseModel):
    """A queue, as in /v1/admin/queues; for operators, without an id."""

    model_config = ConfigDict(extra="allow")

    name: str
    depth: int
    dead: int


class Ready(BaseModel):
    """You hear everything from here on; `resumed` when what you missed follows first."""

    resumed: bool


class Reset(BaseModel):
    """What you missed cannot be told any more: fetch what you show again, then go on from this event's id."""

    reason: Literal["too_old", "unknown"]


class Status(BaseModel):
    """False while the trading database cannot be read; nothing is lost, it comes late."""

    live: bool


class End(BaseModel):
    """The last event of a stream. Come again with the last id; after `token_expired` with a new token."""

    reason: Literal["too_slow", "token_expired", "restarting", "behind"]


DATA: dict[str, type[BaseModel]] = {
    "candle": CandleNews,
    "signal": SignalNews,
    "win_rate": WinRateNews,
    "watcher": WatcherNews,
    "job": JobNews,
    "credits": CreditsNews,
    "queue": QueueNews,
    "ready": Ready,
    "reset": Reset,
    "status": Status,
    "end": End,
}


class LiveEvent(BaseModel):
    """One server-sent event. Lines that only set an id, and comments, come while nothing happens."""

    event: Literal[
        "candle",
        "signal",
        "win_rate",
        "watcher",
        "job",
        "credits",
        "queue",
        "ready",
        "reset",
        "status",
        "end",
    ]
    id: str | None = Field(description="Send the last one you saw as Last-Event-ID when you come again.")
    data: (
        CandleNews
        | SignalNews
        | WinRateNews
        | WatcherNews
        | JobNews
        | CreditsNews
        | QueueNews
        | Ready
        | Reset
        | Status
        | End
    )
