"""What signals are made from and where they are kept: the only place where this feature speaks SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import polars as pl

from orchestrator_worker.signals.readings import Reading, risk_reading
from orchestrator_worker.signals.walk import Signal
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

# A walk over a long history makes tens of megabytes of reasons; in pieces no statement nears its time limit.
SAVED_AT_ONCE = 2_000

_TIME = pl.Datetime("us", "UTC")
_SAID = {
    "opened_at": _TIME,
    "direction": pl.String(),
    "score": pl.Float64(),
    "entry_price": pl.Float64(),
    "stop_price": pl.Float64(),
    "target_price": pl.Float64(),
}
_JUDGED = pl.Schema(
    {
        **_SAID,
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "closed_at": _TIME,
    }
)


async def newest_signal_opened_at(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, strategy_version: str
) -> datetime | None:
    newest = await pool.fetchval(SQL["newest_signal_opened_at"], symbol, timeframe, strategy_version)
    return cast("datetime | None", newest)


async def readings_between(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    sources: Sequence[str],
    first: datetime,
    last: datetime,
) -> list[Reading]:
    records = await pool.fetch(SQL["readings_between"], symbol, timeframe, list(sources), first, last)
    return [Reading(**record) for record in records]


async def risk_between(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, first: datetime, last: datetime
) -> list[Reading]:
    """The risk metric as it became known from `first` to `last`."""
    records = await pool.fetch(SQL["risk_between"], symbol, first, last)
    return [risk_reading(record["value"], record["known_at"], timeframe) for record in records]


async def judged_signals(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    until: datetime,
    *,
    horizon: Horizon,
    label_version: str,
    signals_max: int,
) -> pl.DataFrame:
    records = await pool.fetch(
        SQL["judged_signals"],
        symbol,
        timeframe,
        strategy_version,
        until,
        horizon,
        label_version,
        signals_max,
    )
    return pl.DataFrame([tuple(record) for record in records], schema=_JUDGED, orient="row")


async def unjudged_signals(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    since: datetime,
    until: datetime,
    *,
    horizon: Horizon,
    label_version: str,
    signals_max: int,
) -> pl.DataFrame:
    records = await pool.fetch(
        SQL["unjudged_signals"],
        symbol,
        timeframe,
        strategy_version,
        since,
        until,
        horizon,
        label_version,
        signals_max,
    )
    return pl.DataFrame([tuple(record) for record in records], schema=_SAID, orient="row")


async def save_signals(connection: Connection, signals: Sequence[Signal]) -> int:
    saved = 0
    for start in range(0, len(signals), SAVED_AT_ONCE):
        rows = [signal.row() for signal in signals[start : start + SAVED_AT_ONCE]]
        saved += cast(int, await connection.fetchval(SQL["save_signals"], rows))
    return saved
