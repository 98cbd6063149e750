"""The intelligence's statements: reads of what the worker said of a chart."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from orchestrator_api.intelligence.rows import (
    EffectivenessQuery,
    EffectivenessRow,
    IntelligenceRow,
    PatternQuery,
    PatternRow,
)
from orchestrator_api.paging import decode_cursor
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)

PATTERNS_MAX = 10
BEYOND_BEST = (2.0, UUID(int=0))


async def newest_intelligence(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> IntelligenceRow | None:
    record = await pool.fetchrow(SQL["newest_intelligence"], symbol, timeframe)
    return IntelligenceRow(**record) if record else None


async def active_patterns(pool: Pool, symbol: Symbol, asked: PatternQuery) -> list[PatternRow]:
    after = decode_cursor(asked.cursor, float, lambda text: UUID(str(text))) or BEYOND_BEST
    records = await pool.fetch(
        SQL["active_patterns"],
        symbol,
        PATTERNS_MAX,
        *after,
        asked.timeframe,
        asked.kind,
        asked.direction,
        asked.confidence_min,
        asked.limit + 1,
    )
    return [PatternRow(**record) for record in records]


async def effectiveness(pool: Pool, asked: EffectivenessQuery) -> list[EffectivenessRow]:
    after = decode_cursor(asked.cursor, str, str, str, str, str) or ["", "", "", "", ""]
    records = await pool.fetch(
        SQL["effectiveness"],
        *after,
        asked.symbol,
        asked.timeframe,
        asked.kind,
        asked.direction,
        asked.origin,
        asked.n_min,
        asked.limit + 1,
    )
    return [EffectivenessRow(**record) for record in records]


async def open_analysis(pool: Pool, user_id: UUID, kind: str, detail: Mapping[str, Any]) -> UUID | None:
    return cast("UUID | None", await pool.fetchval(SQL["open_analysis"], user_id, kind, dict(detail)))
