"""What the two databases know about how the system is doing."""

from orchestrator_api.health.vitals import CronRun, Outbox, Queue, Worker
from zmarty.postgres import Connection
from zmarty.sql import load

SQL = load(__package__)

WORKERS_MAX = 100


async def outbox(chat: Connection) -> Outbox:
    row = await chat.fetchrow(SQL["outbox"])
    assert row is not None, "counts always have a row"
    return Outbox(**row)


async def queues(trading: Connection) -> list[Queue]:
    return [Queue(**row) for row in await trading.fetch(SQL["queues"])]


async def horizon_age(trading: Connection) -> float | None:
    age_seconds: float | None = await trading.fetchval(SQL["horizon_age"])
    return age_seconds


async def workers(trading: Connection) -> list[Worker]:
    return [Worker(**row) for row in await trading.fetch(SQL["workers"], WORKERS_MAX)]


async def cron(connection: Connection, database: str, *, runs: int) -> list[CronRun]:
    """The newest runs of each schedule of one database."""
    return [CronRun(database=database, **row) for row in await connection.fetch(SQL["cron"], runs)]
