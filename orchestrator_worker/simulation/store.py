"""Simulations and their trades as they are kept: the only place where this feature speaks SQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import polars as pl

from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

# Statistics rest on all trades; a person reads no more than the newest of them.
TRADES_KEPT_MAX = 5_000
SAVED_AT_ONCE = 2_500


async def newest_risk_metric(pool: Pool, symbol: Symbol) -> dict[str, Any] | None:
    """The newest daily risk of a symbol, or None where nobody computed one."""
    record = await pool.fetchrow(SQL["newest_risk_metric"], symbol)
    return dict(record) if record else None


async def begin_simulation(
    pool: Pool, job_id: UUID, *, kind: str, symbol: Symbol, timeframe: Timeframe, request: Mapping[str, Any]
) -> None:
    await pool.execute(SQL["begin_simulation"], job_id, kind, symbol, timeframe, dict(request))


async def end_simulation(
    connection: "Connection | Pool",
    job_id: UUID,
    *,
    state: str,
    summary: Mapping[str, Any] | None = None,
    curve: Sequence[Mapping[str, Any]] | None = None,
    trades_count: int | None = None,
    error: str | None = None,
) -> bool:
    """End a simulation once; False when it was over already, or never began."""
    told = None if summary is None else dict(summary)
    points = None if curve is None else list(curve)
    ended = await connection.fetchval(SQL["end_simulation"], job_id, state, told, points, trades_count, error)
    return ended is not None


async def save_trades(connection: Connection, job_id: UUID, trades: pl.DataFrame) -> None:
    numbered = trades.with_row_index("number", offset=1).tail(TRADES_KEPT_MAX)
    for piece in numbered.iter_slices(SAVED_AT_ONCE):
        await connection.execute(SQL["save_trades"], job_id, piece.to_dicts())
