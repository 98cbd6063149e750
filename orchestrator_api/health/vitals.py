"""What makes the system healthy, degraded or unavailable, judged from what was measured. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

Verdict: TypeAlias = Literal["healthy", "degraded", "unavailable"]

QUEUE_AGE_SECONDS_MAX = 900.0
OUTBOX_AGE_SECONDS_MAX = 60.0
BEAT_AGE_SECONDS_MAX = 60.0
PROGRESS_AGE_SECONDS_MAX = 180.0
HORIZON_AGE_SECONDS_MAX = 900.0
CRON_GRACE = timedelta(minutes=3)


class Database(BaseModel):
    status: Literal["healthy", "down"]
    latency_ms: float | None
    connections_open: int
    connections_idle: int
    connections_max: int
    reason: str | None = None


class Provider(BaseModel):
    """What the newest background probe found; never asked inside a request."""

    status: Literal["healthy", "down", "not_configured", "unknown"]
    latency_ms: float | None
    checked_at: datetime | None
    reason: str | None


class Queue(BaseModel):
    name: str
    depth: int = Field(description="All messages: due, postponed and in flight.")
    due: int
    postponed: int = Field(description="Due later: sent with a delay, or waiting for the next attempt.")
    in_flight: int = Field(description="Leased by a worker.")
    oldest_age_seconds: float | None = Field(
        description="How long the oldest due message has been due; those postponed are not late."
    )
    total: int = Field(description="Messages ever sent.")
    dead: int = Field(description="Dead letters that wait for an operator.")
    archived: int = Field(description="Messages that were carried out and are kept for a while.")
    table_bytes: int = Field(description="Size of the queue's table with its indexes.")
    dead_tuples: int = Field(description="Rows that vacuum has still to clear.")
    paused_at: datetime | None = Field(description="Since when no message is handed out; null while it runs.")


class Worker(BaseModel):
    worker_id: str
    version: str
    started_at: datetime
    beat_at: datetime
    beat_age_seconds: float
    progress_age_seconds: float
    metrics: dict[str, Any]


class CronRun(BaseModel):
    """A run of a schedule; a schedule that never ran has no times."""

    database: str
    job_name: str
    schedule: str
    status: str | None
    message: str | None
    started_at: datetime | None
    ended_at: datetime | None
    age_seconds: float | None


class Outbox(BaseModel):
    """Changes of the chat database on their way to the trading database."""

    pending: int
    oldest_age_seconds: float | None
    parked: int


class SignIn(BaseModel):
    """The auth server's keys as this process knows them."""

    status: Literal["healthy", "down"]
    keys_age_seconds: float | None


class Health(BaseModel):
    status: Verdict
    reasons: list[str] = Field(description="Why it is not healthy, in words.")
    commit: str
    checked_at: datetime
    up_seconds: float
    databases: dict[str, Database]
    sign_in: SignIn
    providers: dict[str, Provider]
    queues: list[Queue]
    workers: list[Worker]
    cron: list[CronRun]
    horizon_age_seconds: float | None = Field(
        description="Age of the oldest open transaction of the trading database, which holds vacuum back."
    )
    outbox: Outbox | None = Field(description="Null while the chat database is down.")


def verdict(databases: Mapping[str, Database], troubles: Sequence[str]) -> Verdict:
    if any(database.status == "down" for database in databases.values()):
        return "unavailable"
    return "degraded" if troubles else "healthy"


def database_troubles(databases: Mapping[str, Database]) -> Iterable[str]:
    for name, database in databases.items():
        if database.status == "down":
            yield f"the {name} database does not answer ({database.reason})"


def provider_troubles(providers: Mapping[str, Provider]) -> Iterable[str]:
    for name, provider in providers.items():
        if provider.status == "down":
            yield f"provider {name} does not answer ({provider.reason})"


def queue_troubles(queues: Iterable[Queue]) -> Iterable[str]:
    for queue in queues:
        if (queue.oldest_age_seconds or 0) > QUEUE_AGE_SECONDS_MAX:
            yield f"the oldest message of {queue.name} waits for {queue.oldest_age_seconds:.0f} s"
        if queue.paused_at is not None:
            yield f"queue {queue.name} is paused"


def horizon_troubles(age_seconds: float | None) -> Iterable[str]:
    if (age_seconds or 0) > HORIZON_AGE_SECONDS_MAX:
        yield f"a transaction that is open for {age_seconds:.0f} s keeps the queues from being vacuumed"


def worker_troubles(workers: Sequence[Worker]) -> Iterable[str]:
    beating = [worker for worker in workers if worker.beat_age_seconds <= BEAT_AGE_SECONDS_MAX]
    if not beating:
        yield "no worker is running"
    for worker in beating:
        if worker.progress_age_seconds > PROGRESS_AGE_SECONDS_MAX:
            yield f"worker {worker.worker_id} is alive but has not got on for {worker.progress_age_seconds:.0f} s"


def cron_troubles(runs: Iterable[CronRun], *, up_seconds: float) -> Iterable[str]:
    for run in runs:
        # A schedule without runs is as old as we can tell: as long as this process has been looking.
        age_seconds = up_seconds if run.age_seconds is None else run.age_seconds
        if age_seconds > (2 * longest_pause(run.schedule) + CRON_GRACE).total_seconds():
            yield f"schedule {run.job_name} of the {run.database} database is late"
        elif run.status == "failed":
            yield f"schedule {run.job_name} of the {run.database} database failed"


def outbox_troubles(outbox: Outbox) -> Iterable[str]:
    if (outbox.oldest_age_seconds or 0) > OUTBOX_AGE_SECONDS_MAX:
        yield f"the mirror is {outbox.oldest_age_seconds:.0f} s behind"
    if outbox.parked == 1:
        yield "1 change was refused by the trading database and waits for an operator"
    elif outbox.parked:
        yield f"{outbox.parked} changes were refused by the trading database and wait for an operator"


def longest_pause(schedule: str) -> timedelta:
    """About how far apart two runs of a cron schedule may lie; for lateness, so too long rather than too short."""
    minute, hour, day, month, weekday = (schedule.split() + ["*"] * 5)[:5]
    if month != "*" or day != "*":
        return timedelta(days=366 if month != "*" else 31)
    if weekday != "*":
        return timedelta(days=7)
    if hour != "*":
        step = re.fullmatch(r"\*/(\d+)", hour)
        return timedelta(hours=int(step[1])) if step else timedelta(days=1)
    step = re.fullmatch(r"\*/(\d+)", minute)
    if step:
        return timedelta(minutes=int(step[1]))
    return timedelta(minutes=1) if minute == "*" else timedelta(hours=1)
