"""The statements on profiles and watch lists. Those on `profiles` and `user_symbols` take a connection that acts as the user."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from orchestrator_api.accounts.profile import Profile, ProfileRequest, changes_in
from orchestrator_api.accounts.watching import Mirror, WatchRequest
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


async def watched_symbols(
    connection: Connection, *, after: Sequence[Any], limit: int
) -> list[asyncpg.Record]:
    return await connection.fetch(SQL["watched_symbols"], *after, limit)


async def watch_symbol(connection: Connection, user_id: UUID, asked: WatchRequest) -> asyncpg.Record | None:
    return await connection.fetchrow(
        SQL["watch_symbol"], user_id, asked.symbol, asked.timeframe, asked.strategy
    )


async def unwatch_symbol(connection: Connection, user_id: UUID, symbol: Symbol, timeframe: Timeframe) -> bool:
    return await connection.execute(SQL["unwatch_symbol"], user_id, symbol, timeframe) == "UPDATE 1"


async def mirror_states(
    chat: Pool, user_id: UUID, rows: Sequence[asyncpg.Record]
) -> dict[tuple[str, str], Mirror]:
    """The mirror's state of these pairs; a pair that is missing was mirrored long ago."""
    symbols = [row["symbol"] for row in rows]
    timeframes = [row["timeframe"] for row in rows]
    changes = await chat.fetch(SQL["mirror_states"], user_id, symbols, timeframes)
    return {(change["symbol"], change["timeframe"]): _mirror_from(change) for change in changes}


async def profile_of(connection: Connection, user_id: UUID) -> Profile | None:
    record = await connection.fetchrow(SQL["profile_of"], user_id)
    return Profile(**record) if record else None


async def change_profile(connection: Connection, user_id: UUID, asked: ProfileRequest) -> None:
    await connection.execute(SQL["change_profile"], user_id, changes_in(asked))


def _mirror_from(change: asyncpg.Record) -> Mirror:
    if change["parked_at"] is not None:
        return Mirror(state="parked", mirrored_at=None)
    state = "pending" if change["delivered_at"] is None else "mirrored"
    return Mirror(state=state, mirrored_at=change["delivered_at"])
