"""The only place where live events speak SQL: reads of both databases, nothing written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from orchestrator_api.auth.user import User
from orchestrator_api.events.event import Event, Pair, Position
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where events are complete, from where on they are kept, and whether some wait for slower transactions."""

    settled: Position
    trimmed: Position
    next_xid: int
    is_waiting: bool

    def knows(self, position: Position) -> bool:
        """False for a position that this database cannot have given out: it was replaced by an older or another one."""
        return position.xid <= self.next_xid


@dataclass(frozen=True, slots=True)
class OpenMirror:
    """A pair whose newest change is not in the trading database yet."""

    user_id: UUID
    symbol: str
    timeframe: str
    is_active: bool
    state: str


async def horizon(trading: Pool) -> Horizon:
    row = await trading.fetchrow(SQL["horizon"])
    assert row is not None, "the mark of trimmed events is one row"
    return Horizon(
        settled=Position(row["settled"], 0),
        trimmed=Position(row["trimmed_xid"], row["trimmed_id"]),
        next_xid=row["next_xid"],
        is_waiting=row["is_waiting"],
    )


async def events_between(trading: Pool, after: Position, until: Position, *, limit: int) -> list[Event]:
    rows = await trading.fetch(SQL["events_between"], *_bounds(after, until), limit)
    return [_event_from(row) for row in rows]


async def missed_events(
    trading: Pool, after: Position, until: Position, *, user: User, pairs: Iterable[Pair], limit: int
) -> list[Event]:
    watched = list(pairs)
    rows = await trading.fetch(
        SQL["missed_events"],
        *_bounds(after, until),
        user.id,
        [symbol for symbol, _ in watched],
        [timeframe for _, timeframe in watched],
        user.is_operator,
        limit,
    )
    return [_event_from(row) for row in rows]


async def watched_pairs(trading: Pool, users: Sequence[UUID]) -> dict[UUID, set[Pair]]:
    watched: dict[UUID, set[Pair]] = {}
    for row in await trading.fetch(SQL["watched_pairs"], users):
        watched.setdefault(row["user_id"], set()).add((row["symbol"], row["timeframe"]))
    return watched


async def balances(chat: Pool, users: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    return {
        row["user_id"]: {
            **{name: row[name] for name in ("balance", "held", "available")},
            "low_since": row["low_since"].isoformat() if row["low_since"] else None,
        }
        for row in await chat.fetch(SQL["balances"], users)
    }


async def open_mirrors(chat: Pool, users: Sequence[UUID]) -> list[OpenMirror]:
    return [OpenMirror(**row) for row in await chat.fetch(SQL["open_mirrors"], users)]


def _bounds(after: Position, until: Position) -> tuple[Any, ...]:
    return after.xid, after.id, until.xid, until.id


def _event_from(row: asyncpg.Record) -> Event:
    return Event(
        position=Position(row["xid"], row["id"]),
        type=row["type"],
        user_id=row["user_id"],
        pair=(row["symbol"], row["timeframe"]) if row["symbol"] is not None else None,
        data=row["data"],
        created_at=row["created_at"],
    )
