"""What /v1/jobs answers. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.paging import PageQuery


class JobQuery(PageQuery):
    kind: Annotated[str | None, Field(max_length=40, description="Only jobs of this kind.")] = None


class JobRow(BaseModel):
    """A piece of work that somebody waits for."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    id: UUID
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(description="0 … 1.")
    detail: dict[str, Any] = Field(description="What the job was asked for and what it says of its progress.")
    result: dict[str, Any] | None = Field(description="Null until it is done.")
    error: str | None = Field(description="Why it failed.")
    created_at: datetime
    updated_at: datetime
    cancel_requested_at: datetime | None = Field(
        description="A running job that was cancelled stops at its next step."
    )
    ended_at: datetime | None
