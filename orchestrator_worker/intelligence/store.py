"""Analyses, patterns and their effectiveness as they are kept: the only place where this feature speaks SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import polars as pl

from orchestrator_worker.intelligence.analysis import Analysis
from orchestrator_worker.intelligence.effectiveness import JUDGED, UNJUDGED, Effectiveness
from orchestrator_worker.intelligence.report import FoundPattern
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

# A history of patterns makes megabytes of bars; in pieces no statement nears its time limit.
SAVED_AT_ONCE = 1_000

_TIME = pl.Datetime("us", "UTC")
_CANDLES = pl.Schema(
    {
        "opened_at": _TIME,
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
    }
)
_OUTCOME = (
    "pattern_id", "barrier", "ambiguous", "return_net", "r_multiple", "mfe", "mae", "closed_at", "baseline",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredCluster:
    side: str
    price: float
    size: str


async def analysed_until(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
    return cast("datetime | None", await pool.fetchval(SQL["analysed_until"], symbol, timeframe))


async def count_candles_after(pool: Pool, symbol: Symbol, timeframe: Timeframe, after: datetime) -> int:
    return cast(int, await pool.fetchval(SQL["count_candles_after"], symbol, timeframe, after))


async def newest_candles(pool: Pool, symbol: Symbol, timeframe: Timeframe, *, bars_max: int) -> pl.DataFrame:
    records = await pool.fetch(SQL["newest_candles"], symbol, timeframe, bars_max)
    return pl.DataFrame([tuple(record) for record in records], schema=_CANDLES, orient="row")


async def bitcoin_risk(pool: Pool, as_of: datetime) -> float | None:
    return cast("float | None", await pool.fetchval(SQL["bitcoin_risk"], as_of))


async def newest_clusters(
    pool: Pool, symbol: Symbol, since: datetime, *, clusters_max: int
) -> list[StoredCluster]:
    records = await pool.fetch(SQL["newest_clusters"], symbol, since, clusters_max)
    return [StoredCluster(**record) for record in records]


async def unjudged_patterns(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, until: datetime, *, patterns_max: int
) -> pl.DataFrame:
    records = await pool.fetch(SQL["unjudged_patterns"], symbol, timeframe, until, patterns_max)
    return pl.DataFrame([tuple(record) for record in records], schema=UNJUDGED, orient="row")


async def judged_patterns(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, *, label_version: str, patterns_max: int
) -> pl.DataFrame:
    records = await pool.fetch(SQL["judged_patterns"], symbol, timeframe, label_version, patterns_max)
    return pl.DataFrame([tuple(record) for record in records], schema=JUDGED, orient="row")


async def save_analysis(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, analysis: Analysis
) -> None:
    await connection.execute(SQL["save_analysis"], symbol, timeframe, analysis.row())


async def save_patterns(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, found: Sequence[FoundPattern]
) -> int:
    """How many of them are new."""
    saved = 0
    for start in range(0, len(found), SAVED_AT_ONCE):
        rows = [one.row() for one in found[start : start + SAVED_AT_ONCE]]
        saved += cast(int, await connection.fetchval(SQL["save_patterns"], symbol, timeframe, rows))
    return saved


async def end_patterns(connection: Connection, symbol: Symbol, timeframe: Timeframe) -> None:
    await connection.execute(SQL["end_patterns"], symbol, timeframe)


async def save_outcomes(connection: Connection, judged: pl.DataFrame, *, label_version: str) -> None:
    for piece in judged.select(_OUTCOME).iter_slices(SAVED_AT_ONCE):
        await connection.execute(SQL["save_outcomes"], piece.to_dicts(), label_version)


async def save_effectiveness(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, counted: Sequence[Effectiveness]
) -> None:
    rows = [asdict(one) for one in counted]
    await connection.execute(SQL["save_effectiveness"], symbol, timeframe, rows)


async def report_symbol(
    connection: Connection, job_id: UUID, symbol: Symbol, result: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Add one symbol's result to a bulk job; the job's detail with all results so far, None when it is over."""
    return cast(
        "dict[str, Any] | None", await connection.fetchval(SQL["report_symbol"], job_id, symbol, dict(result))
    )
