"""What /v1/orchestration is asked and answers. Pure."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class SyncRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: UUID | None = Field(
        default=None, description="Whose data to compare. Without it yours; operators: everybody's."
    )


class SyncTask(BaseModel):
    """One comparison of the trading database with its origin, which has whatever differs sent again."""

    task_id: UUID
    user_id: UUID | None = Field(description="Null: everybody.")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(description="0 … 1.")
    result: dict[str, Any] | None = Field(
        description="Null until it is done; then what was compared, what differed, how much was sent again."
    )
    error: str | None
    created_at: datetime
    updated_at: datetime


class MirrorStatus(BaseModel):
    """How far changes have come on their way from the chat to the trading database."""

    scope: Literal["user", "everybody"]
    pending: int = Field(description="Changes on their way.")
    oldest_pending_seconds: float | None
    parked: int = Field(description="Changes that were refused for good; an operator sees them.")
    delivered_at: datetime | None = Field(description="When a change arrived last.")
    watchers: int = Field(description="Active watchers in the trading database.")
    references: int = Field(description="Active users that the trading database knows.")
    synced_at: datetime | None = Field(
        description="When a user's tier, address or balance was mirrored last."
    )
    last_sync: SyncTask | None = Field(description="The newest task of this scope.")
