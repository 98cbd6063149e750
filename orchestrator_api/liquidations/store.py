"""The only place where the API's liquidation maps speak SQL."""

from datetime import datetime
from typing import Any, Literal, cast

from orchestrator_api.liquidations.rows import (
    ClusterQuery,
    ClusterRow,
    MapRow,
    MonitorRow,
    PatternQuery,
    PatternRow,
    PushedMap,
)
from orchestrator_api.market.store import EARLIEST, LATEST
from orchestrator_api.paging import count, decode_cursor, moment
from zmarty.market import Symbol
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)

SOURCES = ("king_fisher", "pushed", "screenshot", "estimated")

State = Literal["waiting", "kept", "refused"]


async def find_push(connection: Connection, push_id: str) -> tuple[State, str | None] | None:
    record = await connection.fetchrow(SQL["find_push"], push_id)
    return (cast(State, record["state"]), record["refusal"]) if record else None


async def waiting_pushes(connection: Connection) -> tuple[int, int]:
    """How many pushes wait, and how many images among them."""
    record = await connection.fetchrow(SQL["waiting_pushes"])
    assert record is not None
    return record["waiting"], record["images"]


async def save_push(
    connection: Connection,
    push_id: str,
    pushed: PushedMap,
    *,
    clusters: list[dict[str, Any]] | None,
    image: bytes | None,
    media_type: str | None,
) -> bool:
    """False when there is one of this id already."""
    saved = await connection.fetchval(
        SQL["save_push"],
        push_id,
        pushed.symbol,
        pushed.observed_at,
        clusters,
        image,
        media_type,
        pushed.confidence,
        pushed.link,
    )
    return saved is not None


async def newest_maps(pool: Pool, symbol: Symbol, *, now: datetime) -> list[MapRow]:
    records = await pool.fetch(SQL["newest_maps"], symbol, list(SOURCES))
    return [MapRow(**record, age_seconds=(now - record["observed_at"]).total_seconds()) for record in records]


async def clusters(pool: Pool, symbol: Symbol, asked: ClusterQuery) -> list[ClusterRow]:
    before = decode_cursor(asked.cursor, moment, count) or [asked.until or LATEST, 0]
    records = await pool.fetch(
        SQL["clusters"], symbol, asked.since or EARLIEST, *before, asked.source, asked.limit + 1
    )
    return [ClusterRow(**record) for record in records]


async def monitor(pool: Pool, symbol: Symbol) -> MonitorRow | None:
    record = await pool.fetchrow(SQL["monitor"], symbol)
    return MonitorRow(**record) if record else None


async def patterns(pool: Pool, asked: PatternQuery) -> list[PatternRow]:
    (after,) = decode_cursor(asked.cursor, str) or ("",)
    records = await pool.fetch(SQL["patterns"], after, asked.pattern, asked.limit + 1)
    return [PatternRow(**record) for record in records]
