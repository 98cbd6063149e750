"""The operators' statements: errors of both services and dead letters; and where the API writes its own errors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
from pydantic import ValidationError

from orchestrator_api.admin.rows import DeadLetter, RecentError
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)

# Behind every row: where the first page begins.
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
FIRST_PAGE: Sequence[Any] = (LATEST, "", 0)


async def save_error(chat: Pool, *, code: str, request_id: str, message: str) -> None:
    await chat.execute(SQL["save_error"], code, request_id, message.replace("\x00", ""))


async def recent_errors(pool: Pool, database: str, *, before: Sequence[Any], limit: int) -> list[RecentError]:
    rows = await pool.fetch(SQL["recent_errors"], *before, database, limit)
    return [RecentError(database=database, **row) for row in rows]


async def dead_letters(
    trading: Pool, *, queue: str | None, before: Sequence[Any], limit: int
) -> list[DeadLetter]:
    rows = await trading.fetch(SQL["dead_letters"], *before, queue, limit)
    return [_dead_letter_from(row) for row in rows]


def _dead_letter_from(row: asyncpg.Record) -> DeadLetter:
    place = {"queue": row["queue"], "msg_id": row["msg_id"], "buried_at": row["buried_at"]}
    letter = row["message"]
    try:
        return DeadLetter.model_validate({**letter, **place})
    # Somebody may have put anything there by hand; it is shown as it is.
    except (TypeError, ValidationError):
        return DeadLetter(**place, original=letter)
