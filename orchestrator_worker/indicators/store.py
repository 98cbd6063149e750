"""The only place where ingesting speaks SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from orchestrator_worker.indicators.history import Progress
from zmarty import sql
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.postgres import Connection, Pool

_SQL = sql.load(__package__)


@dataclass(frozen=True, slots=True)
class IngestState:
    last_opened_at: datetime | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorRow:
    """What one source says about one candle."""

    source: str
    data: dict[str, Any]
    observed_at: datetime


async def is_known(pool: Pool, symbol: Symbol) -> bool:
    return cast(bool, await pool.fetchval(_SQL["is_known"], symbol))


async def ingest_state(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> IngestState:
    record = await pool.fetchrow(_SQL["ingest_state"], symbol, timeframe)
    return IngestState(**record) if record else IngestState()


async def newest_candles(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, *, exchange: str, limit: int
) -> list[Candle]:
    records = await pool.fetch(_SQL["newest_candles"], symbol, timeframe, exchange, limit)
    return [Candle(**{**record, "symbol": symbol, "timeframe": timeframe}) for record in records]


async def ensure_partitions(pool: Pool, first: datetime, last: datetime) -> None:
    await pool.execute(_SQL["ensure_partitions"], first, last)


async def save_candles(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, exchange: str, candles: Sequence[Candle]
) -> None:
    await connection.execute(
        _SQL["save_candles"],
        symbol,
        timeframe,
        exchange,
        [candle.opened_at for candle in candles],
        [candle.open for candle in candles],
        [candle.high for candle in candles],
        [candle.low for candle in candles],
        [candle.close for candle in candles],
        [candle.volume for candle in candles],
        [candle.volume_usd for candle in candles],
        [candle.trades_count for candle in candles],
        [candle.vwap for candle in candles],
        [candle.source for candle in candles],
    )


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
