"""The only place where ingesting speaks SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from orchestrator_worker.indicators.history import Progress
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

_SQL = sql.load(__package__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorRow:
    """What one source says about one candle."""

    source: str
    data: dict[str, Any]
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestProgress:
    """How far a pair has come: its newest candle, None before the first ingest, and how many in a row found nothing new."""

    last_opened_at: datetime | None
    failures: int


async def is_traded(pool: Pool, symbol: Symbol) -> bool | None:
    """None: no exchange has ever listed it."""
    return cast("bool | None", await pool.fetchval(_SQL["is_traded"], symbol))


async def ingest_progress(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> IngestProgress | None:
    """None for a pair that nobody has asked to ingest yet."""
    record = await pool.fetchrow(_SQL["ingest_progress"], symbol, timeframe)
    return IngestProgress(**record) if record else None


async def save_readings(
    connection: Connection,
    symbol: Symbol,
    timeframe: Timeframe,
    opened_at: datetime,
    rows: Sequence[IndicatorRow],
) -> None:
    await connection.execute(
        _SQL["save_readings"],
        symbol,
        timeframe,
        opened_at,
        [row.source for row in rows],
        [row.data for row in rows],
        [row.observed_at for row in rows],
    )


async def save_progress(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, progress: Progress
) -> None:
    await connection.execute(
        _SQL["save_progress"],
        symbol,
        timeframe,
        progress.last_opened_at,
        progress.failures,
        progress.next_due_at,
        progress.last_error,
    )
