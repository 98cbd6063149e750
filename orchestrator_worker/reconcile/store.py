"""Both sides of the mirror as rows in the order of their keys, a page at a time; and the repairs, which write in chat alone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from orchestrator_worker.reconcile.difference import Difference, Reference, WatchedPair
from zmarty import sql
from zmarty.postgres import Pool

SQL = sql.load(__package__)

PAGE_ROWS = 500
# Before every user; no user has this id.
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a user's changes have come on their way."""

    newest_id: int
    watchers_pending: bool
    reference_pending: bool
    parked: list[str]
    reference_parked: bool


async def watched_pairs(chat: Pool, user_id: UUID | None = None) -> AsyncIterator[WatchedPair]:
    async for row in _pairs(chat, "watched_pairs", user_id):
        yield row


async def watchers(trading: Pool, user_id: UUID | None = None) -> AsyncIterator[WatchedPair]:
    async for row in _pairs(trading, "watchers", user_id):
        yield row


async def _pairs(pool: Pool, statement: str, user_id: UUID | None) -> AsyncIterator[WatchedPair]:
    after = (NOBODY, "", "")
    while True:
        page = await pool.fetch(SQL[statement], *after, user_id, PAGE_ROWS)
        for record in page:
            row = WatchedPair(**record)
            after = row.key
            yield row
        if len(page) < PAGE_ROWS:
            return


async def users(chat: Pool) -> AsyncIterator[Reference]:
    after = NOBODY
    while True:
        page = await chat.fetch(SQL["users_after"], after, PAGE_ROWS)
        for record in page:
            row = Reference(**record)
            after = row.user_id
            yield row
        if len(page) < PAGE_ROWS:
            return


async def references(trading: Pool, user_id: UUID | None = None) -> AsyncIterator[Reference]:
    after = NOBODY
    while True:
        page = await trading.fetch(SQL["references"], after, user_id, PAGE_ROWS)
        for record in page:
            row = Reference(**record)
            after = row.user_id
            yield row
        if len(page) < PAGE_ROWS:
            return


async def user_snapshot(chat: Pool, user_id: UUID) -> Reference:
    record = await chat.fetchrow(SQL["user_snapshot"], user_id)
    assert record is not None, "every id has a snapshot, be it of nobody"
    return Reference(**record)


async def standing(chat: Pool, user_id: UUID) -> Standing:
    record = await chat.fetchrow(SQL["standing"], user_id)
    assert record is not None, "an aggregate has a row"
    return Standing(**record)


async def repair_watchers(chat: Pool, user_id: UUID, differences: Sequence[Difference]) -> int:
    symbols = [difference.symbol for difference in differences]
    timeframes = [difference.timeframe for difference in differences]
    version = max(difference.version for difference in differences)
    written: int = await chat.fetchval(SQL["repair_watchers"], user_id, symbols, timeframes, version)
    return written


async def repair_reference(chat: Pool, difference: Difference) -> None:
    await chat.execute(SQL["repair_reference"], difference.user_id, difference.version)


async def parked_rows(chat: Pool) -> int:
    rows: int = await chat.fetchval(SQL["parked_rows"])
    return rows


async def rows_to_compare(chat: Pool, trading: Pool) -> int:
    """About how many steps a run takes: the larger side of each table, and nearly so for users."""
    watched: int = await chat.fetchval(SQL["chat_rows"])
    mirrored = await trading.fetchrow(SQL["trading_rows"])
    assert mirrored is not None, "an aggregate has a row"
    return int(max(watched, mirrored["watchers"]) + mirrored["references"])
