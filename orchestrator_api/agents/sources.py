"""The data sources behind the tools: what each is, and whether its newest datum is still good. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class Source:
    """`datum` is the key of its newest datum; older than `fresh_for` it is stale."""

    name: str
    what: str
    datum: str
    fresh_for: timedelta


SOURCES = (
    Source("king_fisher", "liquidation maps of King Fisher", "king_fisher", timedelta(hours=6)),
    Source("cryptometer", "flows, trends and movements of Cryptometer", "cryptometer", timedelta(hours=3)),
    Source("risk_metric", "how high symbols stand in their own history", "risk_metric", timedelta(days=2)),
    # Grok reads X with its own search: both are as fresh as the newest sentiment.
    Source("grok", "sentiment as Grok reads it", "sentiment", timedelta(hours=6)),
    Source("x", "posts on X, through Grok's search", "sentiment", timedelta(hours=6)),
    Source("whale_trades", "large trades", "whale_trades", timedelta(hours=6)),
)


class SourceRow(BaseModel):
    """A source, and how it stands."""

    name: str
    what: str
    state: Literal["fresh", "stale", "empty"] = Field(description="`empty`: it has brought nothing yet.")
    observed_at: datetime | None = Field(description="When its newest datum held.")
    age_seconds: float | None
    fresh_for_seconds: float


class SourcesAnswer(BaseModel):
    """The sources behind `/mcp`, and what may be called there."""

    endpoint: str = "/mcp"
    tools: list[str]
    sources: list[SourceRow]


def source_rows(newest: Mapping[str, datetime | None], *, now: datetime) -> list[SourceRow]:
    return [_row(source, newest.get(source.datum), now) for source in SOURCES]


def _row(source: Source, observed_at: datetime | None, now: datetime) -> SourceRow:
    age = now - observed_at if observed_at is not None else None
    return SourceRow(
        name=source.name,
        what=source.what,
        state="empty" if age is None else "fresh" if age <= source.fresh_for else "stale",
        observed_at=observed_at,
        # A vendor's clock may be ahead of ours.
        age_seconds=max(0.0, age.total_seconds()) if age is not None else None,
        fresh_for_seconds=source.fresh_for.total_seconds(),
    )
