"""Outcomes and win rates as they are kept: the only place where this feature speaks SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import polars as pl

from orchestrator_worker.calibration.report import Calibration
from orchestrator_worker.win_rates.outcomes import Horizon
from orchestrator_worker.win_rates.tally import WinRate
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

SAVED_AT_ONCE = 5_000

_TIME = pl.Datetime("us", "UTC")
_SIGNALS = pl.Schema(
    {
        "signal_id": pl.String(),
        "opened_at": _TIME,
        "origin": pl.String(),
        "direction": pl.String(),
        "score": pl.Float64(),
        "confidence": pl.Float64(),
        "base_rate": pl.Float64(),
        "entry_price": pl.Float64(),
        "stop_price": pl.Float64(),
        "target_price": pl.Float64(),
    }
)
_OUTCOMES = pl.Schema(
    {
        "opened_at": _TIME,
        "origin": pl.String(),
        "direction": pl.String(),
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "closed_at": _TIME,
    }
)
_CLAIMS = pl.Schema(
    {
        "opened_at": _TIME,
        "direction": pl.String(),
        "score": pl.Float64(),
        "confidence": pl.Float64(),
        "base_rate": pl.Float64(),
        "entry_price": pl.Float64(),
        "stop_price": pl.Float64(),
        "target_price": pl.Float64(),
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "closed_at": _TIME,
    }
)
_SAVED = ("signal_id", "barrier", "ambiguous", "return_net", "r_multiple", "mfe", "mae", "closed_at")


async def strategies_since(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, since: datetime, *, strategies_max: int
) -> list[str]:
    records = await pool.fetch(SQL["strategies_since"], symbol, timeframe, since, strategies_max)
    return [record["strategy_version"] for record in records]


async def unjudged_signals(
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
        SQL["unjudged_signals"],
        symbol,
        timeframe,
        strategy_version,
        until,
        horizon,
        label_version,
        signals_max,
    )
    return pl.DataFrame([tuple(record) for record in records], schema=_SIGNALS, orient="row")


async def outcomes_since(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    since: datetime,
    *,
    horizon: Horizon,
    label_version: str,
) -> pl.DataFrame:
    records = await pool.fetch(
        SQL["outcomes_since"], symbol, timeframe, strategy_version, since, horizon, label_version
    )
    return pl.DataFrame([tuple(record) for record in records], schema=_OUTCOMES, orient="row")


async def judged_claims(
    pool: Pool,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    *,
    horizon: Horizon,
    label_version: str,
    claims_max: int,
) -> pl.DataFrame:
    records = await pool.fetch(
        SQL["judged_claims"], symbol, timeframe, strategy_version, horizon, label_version, claims_max
    )
    return pl.DataFrame([tuple(record) for record in records], schema=_CLAIMS, orient="row")


async def save_outcomes(
    connection: Connection, judged: pl.DataFrame, *, horizon: Horizon, label_version: str
) -> None:
    for piece in judged.select(_SAVED).iter_slices(SAVED_AT_ONCE):
        await connection.execute(SQL["save_outcomes"], piece.to_dicts(), horizon, label_version)


async def save_win_rates(
    connection: Connection,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    win_rates: Sequence[WinRate],
) -> None:
    rows = [asdict(win_rate) for win_rate in win_rates]
    await connection.execute(SQL["save_win_rates"], symbol, timeframe, strategy_version, rows)


async def save_calibrations(
    connection: Connection,
    symbol: Symbol,
    timeframe: Timeframe,
    strategy_version: str,
    calibrations: Sequence[Calibration],
) -> None:
    rows = [asdict(calibration) for calibration in calibrations]
    await connection.execute(SQL["save_calibrations"], symbol, timeframe, strategy_version, rows)
