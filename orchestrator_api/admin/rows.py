"""What operators are shown. Pure."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.health.vitals import CronRun, Queue, Worker


class QueueOverview(BaseModel):
    """The queues and the workers that serve them, now."""

    queues: list[Queue]
    workers: list[Worker]


class CronOverview(BaseModel):
    """The newest runs of every schedule of both databases."""

    runs: list[CronRun]


class RecentError(BaseModel):
    """Something that went wrong in a service; the log has the traceback under the same id."""

    database: str = Field(description="Where it was written: the API writes to chat, the worker to trading.")
    id: int
    service: str
    code: str
    message: str
    request_id: str | None
    queue: str | None
    msg_id: int | None
    occurred_at: datetime


class DeadLetter(BaseModel):
    """A message that could not be carried out, with the reason. Parts that the letter lacks are null."""

    model_config = ConfigDict(extra="ignore")

    queue: str
    msg_id: int
    buried_at: datetime
    code: str | None = None
    error: str | None = None
    attempts: int | None = None
    first_failed_at: datetime | None = None
    last_failed_at: datetime | None = None
    original: Any = None
