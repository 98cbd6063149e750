"""The candles of a pair as calculations take them: the only place where they are loaded from."""

from datetime import datetime
from typing import cast

import polars as pl

from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

_SQL = sql.load(__package__)

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
    bars_max: int,
) -> pl.DataFrame:
    """The newest `bars_max` candles opened from `since` to `until`, both included, oldest first; prices as Float64."""
    records = await pool.fetch(_SQL["candles_between"], symbol, timeframe, since, until, bars_max)
    return pl.DataFrame([tuple(record) for record in records], schema=_BARS, orient="row")
