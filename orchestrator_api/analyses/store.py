"""The only place where analyses speak SQL: settled answers in A, their copies in B."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from orchestrator_api.analyses.rows import AnalysisRow
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


async def settled_analyses(
    chat: Pool, user_id: UUID, conversation_id: UUID, *, only: UUID | None, limit: int
) -> list[dict[str, Any]]:
    records = await chat.fetch(SQL["settled_analyses"], user_id, conversation_id, only, limit)
    return [dict(record) for record in records]


async def known_analyses(trading: Pool, ids: Sequence[UUID]) -> set[UUID]:
    return {record["id"] for record in await trading.fetch(SQL["known_analyses"], list(ids))}


async def save_analysis(trading: Pool, user_id: UUID, row: AnalysisRow) -> None:
    await trading.execute(
        SQL["save_analysis"],
        row.id,
        user_id,
        row.request_type,
        row.query,
        row.ai_model,
        row.provider,
        row.response,
        row.tokens_used,
        row.credits_charged,
        row.processing_time_ms,
        row.metadata,
        row.created_at,
    )


async def analysis(trading: Pool, user_id: UUID, analysis_id: UUID) -> AnalysisRow | None:
    record = await trading.fetchrow(SQL["analysis"], analysis_id, user_id)
    return AnalysisRow(**record) if record else None


async def analyses(
    trading: Pool,
    user_id: UUID,
    *,
    request_type: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AnalysisRow]:
    records = await trading.fetch(SQL["analyses"], user_id, request_type, *(before or (None, None)), limit)
    return [AnalysisRow(**record) for record in records]
