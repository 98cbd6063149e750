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
    rows = await trading.fetch(SQL["queues"])
    counted = {row["name"]: row for row in rows}
    return [
        Queue(
            name=name,
            depth=row["depth"],
            oldest_age_seconds=row["oldest_age_seconds"],
            total=row["total"],
            dead=counted[f"{name}_dead"]["depth"] if f"{name}_dead" in counted else 0,
        )
        for name, row in counted.items()
        if not name.endswith("_dead")
    ]


async def workers(trading: Connection) -> list[Worker]:
    return [Worker(**row) for row in await trading.fetch(SQL["workers"], WORKERS_MAX)]


async def cron(connection: Connection, database: str, *, runs: int) -> list[CronRun]:
    """The newest runs of each schedule of one database."""
    return [CronRun(database=database, **row) for row in await connection.fetch(SQL["cron"], runs)]
