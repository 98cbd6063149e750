"""How the mirror stands in both databases, and its tasks."""

from uuid import UUID

import asyncpg

from zmarty.jobs import Job
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


async def changes_under_way(chat: Pool, user_id: UUID | None) -> asyncpg.Record:
    record = await chat.fetchrow(SQL["changes_under_way"], user_id)
    assert record is not None, "an aggregate has a row"
    return record


async def delivered_at(chat: Pool, user_id: UUID | None) -> object:
    return await chat.fetchval(SQL["delivered_at"], user_id)


async def mirrored(trading: Pool, user_id: UUID | None) -> asyncpg.Record:
    record = await trading.fetchrow(SQL["mirrored"], user_id)
    assert record is not None, "an aggregate has a row"
    return record


async def last_sync(trading: Pool, user_id: UUID | None) -> Job | None:
    record = await trading.fetchrow(SQL["last_sync"], user_id)
    return Job(**record) if record else None


async def waiting_sync(connection: Connection, user_id: UUID | None) -> Job | None:
    record = await connection.fetchrow(SQL["waiting_sync"], user_id)
    return Job(**record) if record else None
