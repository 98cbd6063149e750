"""What operators are shown, and what they may ask for. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.health.vitals import CronRun, Outbox, Queue, Worker

LETTERS_MAX = 200
PURGE_MAX = 10_000
DIFFERENCES_MAX = 20

MessageId = Annotated[int, Field(ge=1, lt=2**63)]


class QueueStanding(Queue):
    """A queue as operators see it: also who paused it."""

    paused_by: str | None = Field(description="Who paused it; null while it runs.")


class Transaction(BaseModel):
    """The oldest open transaction of the trading database; until it ends, vacuum cannot clear the queues' tables."""

    pid: int
    application_name: str | None
    state: str | None
    age_seconds: float


class QueueOverview(BaseModel):
    """The queues and the workers that serve them, now."""

    queues: list[QueueStanding]
    workers: list[Worker]
    horizon: Transaction | None


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
    can_retry: bool = Field(description="Whether it holds an original that could be sent again.")
    code: str | None = None
    error: str | None = None
    traceback: str | None = None
    attempts: int | None = None
    first_failed_at: datetime | None = None
    last_failed_at: datetime | None = None
    original: Any = None


class QueueMessage(BaseModel):
    """A message in a queue. One in flight is leased by a worker until `due_at`."""

    msg_id: int
    state: Literal["due", "postponed", "in_flight"]
    read_count: int
    enqueued_at: datetime
    due_at: datetime
    message: Any
    failure_code: str | None
    failure: str | None
    first_failed_at: datetime | None


class Letters(BaseModel):
    """Which dead letters an action is about."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    msg_ids: Annotated[list[MessageId], Field(min_length=1, max_length=LETTERS_MAX)]


class LettersDone(BaseModel):
    """How many of the letters were there. Repeating the request changes nothing more."""

    queue: str
    asked: int
    done: int = Field(description="Less than asked when some were gone, or held no original to send.")


class PurgeOrder(BaseModel):
    """The queue's name once more, against the slip of a finger."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    confirm: str = Field(max_length=64, description="The name of the queue.")


class Purged(BaseModel):
    queue: str
    purged: int
    limit: int = Field(
        description="One request deletes at most this many; repeat it while `purged` reaches it."
    )


class QueuePause(BaseModel):
    """How a queue stands after pausing or resuming it."""

    queue: str
    is_paused: bool
    changed: bool = Field(description="False when it stood like this before.")


class OutboxRow(BaseModel):
    """A change of the chat database that the trading database does not have yet."""

    id: int
    user_id: UUID
    type: str | None
    table_name: str | None
    attempts: int
    due_at: datetime
    parked_at: datetime | None = Field(description="Refused for good: waits for an operator.")
    last_error: str | None
    created_at: datetime
    age_seconds: float


class OutboxOverview(BaseModel):
    """The mirror's backlog: counts, the oldest change on its way, and those that were refused."""

    outbox: Outbox
    oldest: OutboxRow | None
    parked: list[OutboxRow]
    next: str | None = Field(description="Cursor of the following page of `parked`.")


class OutboxRows(BaseModel):
    """Which parked changes to try again."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ids: Annotated[list[MessageId], Field(min_length=1, max_length=LETTERS_MAX)]


class OutboxRetried(BaseModel):
    """Those that were parked. Repeating the request changes nothing more."""

    retried: list[int]


class ProviderStanding(BaseModel):
    """A provider of models or voices, as this instance of the API knows it."""

    name: str
    breaker: Literal["closed", "open", "half_open"] | None = Field(
        description="The worst of its models'; null where none is needed."
    )
    models: dict[str, Literal["closed", "open", "half_open"]] = Field(
        default_factory=dict, description="The breaker of each of its models, by id."
    )
    probe: str = Field(description="healthy, down, not_configured or unknown.")
    latency_ms: float | None
    checked_at: datetime | None
    reason: str | None


class Vendor(BaseModel):
    """A source of market data: what we may ask of it and what we have asked this month."""

    vendor: str
    per_second: float
    tokens: float = Field(description="What may be spent at once now.")
    monthly_quota: int | None
    requests: int
    refused: int = Field(description="Kept back by our own limits this month.")
    limited: int = Field(description="Refused by the vendor this month for asking too often.")
    is_low: bool
    paused_until: datetime | None
    paused_because: str | None
    monthly_dollars: float | None = Field(description="Where requests are paid one by one; else null.")
    dollars: float = Field(description="Spent this month, and reserved for requests under way.")


class Source(BaseModel):
    """What a vendor is asked by source: this month's counts, and how old its last good answer is."""

    vendor: str
    source: str
    asked: int
    answered: int
    dropped: int = Field(description="Left out to keep the month's quota for more valuable sources.")
    asked_at: datetime | None
    answered_at: datetime | None
    dropped_at: datetime | None
    failure: str | None = Field(description="Why the newest request failed; null when it was answered.")
    age_seconds: float | None = Field(description="Since the last good answer; null when there was none.")


class ProviderOverview(BaseModel):
    providers: list[ProviderStanding]
    vendors: list[Vendor]
    sources: list[Source]


class EntryTotal(BaseModel):
    """What the entries of one kind moved, ever and in the last 24 hours."""

    kind: str
    entries: int
    credits: int
    entries_day: int
    credits_day: int


class HoldTotal(BaseModel):
    """Credits that are reserved for requests under way."""

    holds: int
    credits: int
    oldest_age_seconds: float | None
    overdue: int = Field(description="Past their end; the sweeper gives them back within a minute.")


class Difference(BaseModel):
    """An account whose balance or held is not what its entries and holds add up to."""

    user_id: UUID
    balance: int
    entries: int
    held: int
    holds: int


class Money(BaseModel):
    """All credits there are. Books that agree have no differences and equal sums."""

    accounts: int
    balance: int
    held: int
    entries: list[EntryTotal]
    entries_sum: int
    holds: HoldTotal
    agrees: bool
    differences: list[Difference] = Field(description=f"The first {DIFFERENCES_MAX}.")


class Action(BaseModel):
    """A row of the audit log: the intent of an action, its result (`result_of` names the intent), or both in one."""

    id: int
    actor: str
    action: str
    entity: str
    old: Any
    new: Any
    ip: str | None
    user_agent: str | None
    result_of: int | None
    created_at: datetime
