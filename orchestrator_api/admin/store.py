"""The operators' statements: what they see of both databases, what they change, and where the API writes its own errors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
from pydantic import ValidationError

from orchestrator_api.admin.actor import Actor
from orchestrator_api.admin.rows import (
    Action,
    DeadLetter,
    Difference,
    EntryTotal,
    HoldTotal,
    OutboxRow,
    QueueMessage,
    RecentError,
    Source,
    Transaction,
    Vendor,
)
from zmarty.errors import NotFound
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)

# Behind every row: where the first page begins.
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
FIRST_PAGE: Sequence[Any] = (LATEST, "", 0)
ID_MAX = 2**63 - 1


class QueueUnknown(NotFound):
    """No job queue has this name; the message says which there are."""


async def save_error(chat: Pool, *, code: str, request_id: str, message: str) -> None:
    await chat.execute(SQL["save_error"], code, request_id, message.replace("\x00", ""))


async def recent_errors(pool: Pool, database: str, *, before: Sequence[Any], limit: int) -> list[RecentError]:
    rows = await pool.fetch(SQL["recent_errors"], *before, database, limit)
    return [RecentError(database=database, **row) for row in rows]


async def require_queue(trading: Pool, queue: str) -> None:
    """Raises QueueUnknown, so that a typing error is refused before anything is audited."""
    try:
        await trading.execute(SQL["require_queue"], queue)
    except asyncpg.UndefinedObjectError as error:
        raise QueueUnknown(f"There is no queue {queue}. {error.hint or ''}".strip(), queue=queue) from error


async def dead_letters(
    trading: Pool, *, queue: str | None, before: Sequence[Any], limit: int
) -> list[DeadLetter]:
    rows = await trading.fetch(SQL["dead_letters"], queue, *before, limit)
    return [_dead_letter_from(row) for row in rows]


def _dead_letter_from(row: asyncpg.Record) -> DeadLetter:
    place = {"queue": row["queue"], "msg_id": row["msg_id"], "buried_at": row["buried_at"]}
    letter = row["message"]
    can_retry = isinstance(letter, dict) and "original" in letter
    try:
        return DeadLetter.model_validate({**letter, **place, "can_retry": can_retry})
    # Somebody may have put anything there by hand; it is shown as it is.
    except (TypeError, ValidationError):
        return DeadLetter(**place, original=letter, can_retry=can_retry)


async def peek(trading: Pool, queue: str, *, after: Sequence[Any], limit: int) -> list[QueueMessage]:
    return [QueueMessage(**row) for row in await trading.fetch(SQL["peek"], queue, *after, limit)]


async def pauses(trading: Connection) -> dict[str, str]:
    """Who paused each paused queue."""
    return {row["queue"]: row["paused_by"] for row in await trading.fetch(SQL["pauses"])}


async def horizon(trading: Connection) -> Transaction | None:
    row = await trading.fetchrow(SQL["horizon"])
    return Transaction(**row) if row else None


async def retry_dead(trading: Pool, queue: str, msg_ids: Sequence[int]) -> int:
    retried: int = await trading.fetchval(SQL["retry_dead"], queue, msg_ids)
    return retried


async def discard_dead(trading: Pool, queue: str, msg_ids: Sequence[int]) -> int:
    discarded: int = await trading.fetchval(SQL["discard_dead"], queue, msg_ids)
    return discarded


async def purge(trading: Pool, queue: str, quantity: int) -> int:
    purged: int = await trading.fetchval(SQL["purge"], queue, quantity)
    return purged


async def pause(trading: Pool, queue: str, actor: str) -> bool:
    return bool(await trading.fetchval(SQL["pause"], queue, actor))


async def resume(trading: Pool, queue: str) -> bool:
    return bool(await trading.fetchval(SQL["resume"], queue))


async def vendors(trading: Pool) -> list[Vendor]:
    return [Vendor(**row) for row in await trading.fetch(SQL["vendors"])]


async def sources(trading: Pool) -> list[Source]:
    return [Source(**row) for row in await trading.fetch(SQL["sources"])]


async def outbox(chat: Pool, *, parked: bool, after: int, limit: int) -> list[OutboxRow]:
    return [OutboxRow(**row) for row in await chat.fetch(SQL["outbox"], parked, after, limit)]


async def retry_outbox(connection: Connection, ids: Sequence[int]) -> list[int]:
    retried: list[int] = await connection.fetchval(SQL["retry_outbox"], ids)
    return retried


async def money_accounts(chat: Connection) -> asyncpg.Record:
    row = await chat.fetchrow(SQL["money_accounts"])
    assert row is not None, "counts always have a row"
    return row


async def money_entries(chat: Connection) -> list[EntryTotal]:
    return [EntryTotal(**row) for row in await chat.fetch(SQL["money_entries"])]


async def money_holds(chat: Connection) -> HoldTotal:
    row = await chat.fetchrow(SQL["money_holds"])
    assert row is not None, "counts always have a row"
    return HoldTotal(**row)


async def money_differences(chat: Connection, *, limit: int) -> list[Difference]:
    return [Difference(**row) for row in await chat.fetch(SQL["money_differences"], limit)]


async def audit(chat: Pool, *, before: int, limit: int) -> list[Action]:
    return [Action(**row) for row in await chat.fetch(SQL["audit"], before, limit)]


async def save_intent(
    chat: "Pool | Connection", actor: Actor, action: str, entity: str, asked: dict[str, Any]
) -> int:
    intent: int = await chat.fetchval(
        SQL["save_intent"], actor.name, action, entity, asked, actor.ip, actor.user_agent
    )
    return intent


async def save_result(chat: "Pool | Connection", intent: int, action: str, result: dict[str, Any]) -> None:
    await chat.execute(SQL["save_result"], intent, action, result)
