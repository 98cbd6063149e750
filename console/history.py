"""The record of a file of candles: walked, judged and counted by the code that runs live, without any database. Pure.

`zmarty report history` and docs/SIGNALS.md print it, so that every number there can be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from console.pictures.candles import Told
from orchestrator_worker.calibration.report import Calibration, calibrations
from orchestrator_worker.signals.walk import walk
from orchestrator_worker.win_rates.baseline import entered_everywhere
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from orchestrator_worker.win_rates.tally import WinRate, tally
from zmarty.market import Symbol, Timeframe

# Longer than any file: everything in it counts.
LOOKBACK_DAYS = 100_000
BARS_BEFORE = 30
BARS_AFTER = 6


@dataclass(frozen=True, slots=True)
class Record:
    """What a strategy would have said over a file, and what became of it."""

    symbol: Symbol
    timeframe: Timeframe
    candles: pl.DataFrame
    said: pl.DataFrame
    judged: pl.DataFrame
    rates: Mapping[str, WinRate]
    calibrations: Mapping[str, Calibration]


def record_of(candles: pl.DataFrame, symbol: Symbol, timeframe: Timeframe) -> Record:
    """`candles` has opened_at, open, high, low, close and volume, oldest first."""
    horizon = Horizon.of(timeframe)
    said = walk(candles, [], timeframe=timeframe)
    judged = judge(said, candles, timeframe=timeframe, horizon=horizon).with_columns(
        origin=pl.lit("backfill")
    )
    # Random entries of the same period: from the first bar on that could have had a signal.
    entered = entered_everywhere(candles).filter(pl.col("opened_at") >= said["opened_at"].min())
    rates = tally(
        judged,
        judge(entered, candles, timeframe=timeframe, horizon=horizon),
        timeframe=timeframe,
        horizon=horizon,
        lookback_days=LOOKBACK_DAYS,
        newest_closed_at=timeframe.closed_at(candles["opened_at"][-1]),
    )
    return Record(
        symbol=symbol,
        timeframe=timeframe,
        candles=candles,
        said=said,
        judged=judged,
        rates={rate.direction: rate for rate in rates if rate.origin == "all"},
        calibrations={
            found.direction: found for found in calibrations(judged, timeframe=timeframe, horizon=horizon)
        },
    )


def told_of(record: Record, row: Mapping[str, Any]) -> Told:
    """The picture's material of one judged signal."""
    timeframe = record.timeframe
    exit_at = row["closed_at"] - timeframe.delta
    shown = record.candles.filter(
        pl.col("opened_at").is_between(
            row["opened_at"] - BARS_BEFORE * timeframe.delta, exit_at + BARS_AFTER * timeframe.delta
        )
    )
    ended = {
        "target": row["target_price"],
        "stop": row["stop_price"],
    }.get(row["barrier"], shown.filter(pl.col("opened_at") == exit_at)["close"].item())
    swings = (("swing", row["stop_level"]), ("swing", row["target_level"]))
    return Told(
        title=f"{record.symbol} {timeframe}: {row['direction']}, ended by its {row['barrier']}",
        caption=(
            f"score {row['score']:+.2f} · regime {row['regime']} · confidence {row['confidence']:.2f} · return "
            f"{row['return_net'] * 100:+.2f} % after costs · {row['r_multiple']:+.2f} R · best {row['mfe'] * 100:.2f} %, "
            f"worst −{row['mae'] * 100:.2f} %"
        ),
        candles=shown.to_dicts(),
        signal_at=row["opened_at"],
        entry=row["entry_price"],
        stop=row["stop_price"],
        targets=row["targets"],
        exit_at=exit_at,
        exit_price=ended,
        barrier=row["barrier"],
        levels=[(name, price) for name, price in swings if price is not None],
    )


def telling_signal(record: Record, direction: str, barrier: str) -> dict[str, Any] | None:
    """A signal worth a picture: both its levels set by swings where there is one, of middle length, the newest."""
    ended = record.judged.filter(
        pl.col("direction") == direction,
        pl.col("barrier") == barrier,
        (
            (pl.col("closed_at") - pl.col("opened_at")).dt.total_seconds() / record.timeframe.seconds
        ).is_between(8, 30),
    )
    set_by_swings = ended.filter(pl.col("stop_level").is_not_null(), pl.col("target_level").is_not_null())
    chosen = set_by_swings if set_by_swings.height else ended
    return chosen.row(-1, named=True) if chosen.height else None
