"""The candles of a pair: the only place where they are kept and loaded from."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

import asyncpg
import polars as pl

from orchestrator_worker.candles.gaps import Stretch
from zmarty import sql
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.postgres import Connection, Pool

_SQL = sql.load(__package__)

# Far more holes than any exchange has; a history with more of them is looked through again by the next message.
STRETCHES_MAX = 50_000

# A page this long comes from a first ingest or a backfill, where none of its candles is stored yet.
NEW_MIN = 100

_PRICES = ("open", "high", "low", "close", "volume")
_BARS = pl.Schema(
    {
        "opened_at": pl.Datetime("us", "UTC"),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
    }
)


async def newest_opened_at(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, *, until: datetime | None = None
) -> datetime | None:
    newest = await pool.fetchval(_SQL["newest_opened_at"], symbol, timeframe, until)
    return cast("datetime | None", newest)


async def count_between(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, *, after: datetime, until: datetime
) -> int:
    return cast(int, await pool.fetchval(_SQL["count_between"], symbol, timeframe, after, until))


async def candles_between(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    holding: datetime | None = None,
    bars_max: int,
) -> pl.DataFrame:
    """The newest `bars_max` candles opened from `since` to `until`, both included, oldest first; prices as Float64.

    All of them are of one exchange: of one that has the candle opened at `holding`, if any has, and among several the
    one that has most of them, then the busiest (decision 0020).
    """
    records = await pool.fetch(_SQL["candles_between"], symbol, timeframe, since, until, bars_max, holding)
    return pl.DataFrame([tuple(record) for record in records], schema=_BARS, orient="row")


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
    """Save candles, given oldest first, in the caller's transaction; those that are there already are left or corrected."""
    columns = (
        [candle.opened_at for candle in candles],
        *([str(getattr(candle, name)) for candle in candles] for name in _PRICES),
        [None if candle.volume_usd is None else str(candle.volume_usd) for candle in candles],
        [candle.trades_count for candle in candles],
        [None if candle.vwap is None else str(candle.vwap) for candle in candles],
        [candle.source for candle in candles],
    )
    if len(candles) >= NEW_MIN:
        # A savepoint and no transaction of ours: where one of them is there already, this attempt alone is undone.
        with suppress(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await connection.execute(_SQL["insert_candles"], symbol, timeframe, exchange, *columns)
            return
    edges = (candles[0].opened_at, candles[-1].opened_at)
    await connection.execute(_SQL["merge_candles"], symbol, timeframe, exchange, *columns, *edges)


async def home_exchange(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> str | None:
    return cast("str | None", await pool.fetchval(_SQL["home_exchange"], symbol, timeframe))


async def stored_stretches(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, exchange: str, within: Stretch
) -> list[Stretch]:
    """Which candles there are, oldest first; past STRETCHES_MAX holes everything counts as there."""
    records = await pool.fetch(
        _SQL["stored_stretches"],
        symbol,
        timeframe,
        exchange,
        timeframe.seconds,
        within.first,
        within.last,
        STRETCHES_MAX,
    )
    found = [Stretch(**record) for record in records]
    if len(found) == STRETCHES_MAX:
        found[-1] = Stretch(found[-1].first, within.last)
    return found


async def absences(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, exchange: str, within: Stretch
) -> list[Stretch]:
    """Which candles the exchange is known not to have."""
    records = await pool.fetch(_SQL["absences"], symbol, timeframe, exchange, within.first, within.last)
    return [Stretch(**record) for record in records]


async def save_absence(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, exchange: str, stretch: Stretch
) -> None:
    await connection.execute(
        _SQL["save_absence"], symbol, timeframe, exchange, timeframe.seconds, stretch.first, stretch.last
    )
