"""The random entry: the same stop and target on every bar, in both directions, so that rates can be compared. Pure.

Every bar and not a sample of them: the mean over all possible entries is what random ones approach, without a seed.
"""

from dataclasses import dataclass

import polars as pl

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.intelligence.pivots import with_pivots
from orchestrator_worker.signals.levels import levelled
from orchestrator_worker.signals.readings import CLUSTER
from orchestrator_worker.signals.score import tradable

# Bars that the ATR behind the levels must have seen before it no longer shows where the candles begin.
WARM_UP_BARS = 300


@dataclass(frozen=True, slots=True)
class Geometry:
    """How far stop and target lie from the entry, in ATR."""

    stop_atr: float
    target_atr: float


def geometry_of(signals: pl.DataFrame, candles: pl.DataFrame) -> Geometry | None:
    """The distances that these signals typically had: what a random entry must have too, to be compared with them.

    `signals` has opened_at, entry_price, stop_price and target_price. None without a signal of these candles.
    """
    ranges = indicators_of(candles).filter(pl.col("atr_14") > 0).select("opened_at", "atr_14")
    found = signals.join(ranges, on="opened_at", how="inner").select(
        stop=((pl.col("entry_price") - pl.col("stop_price")).abs() / pl.col("atr_14")).median(),
        target=((pl.col("target_price") - pl.col("entry_price")).abs() / pl.col("atr_14")).median(),
    )
    stop, target = found.row(0)
    return None if stop is None or target is None else Geometry(stop, target)


def entered_everywhere(candles: pl.DataFrame, *, geometry: Geometry | None = None) -> pl.DataFrame:
    """Return a long and a short trade for each tradable candle, with the levels a signal would have had.

    Those are our own strategy's levels, or `geometry` around the close.
    """
    bars = (
        with_pivots(indicators_of(candles))
        .filter(tradable())
        .with_columns(clusters=pl.lit(None, dtype=pl.List(CLUSTER)))
    )
    both = pl.concat([bars.with_columns(direction=pl.lit(direction)) for direction in ("long", "short")])
    entered = levelled(both) if geometry is None else _placed(both, geometry)
    return entered.select("opened_at", "direction", "entry_price", "stop_price", "target_price")


def _placed(bars: pl.DataFrame, geometry: Geometry) -> pl.DataFrame:
    away = pl.col("direction").replace_strict({"long": 1.0, "short": -1.0}, return_dtype=pl.Float64) * pl.col(
        "atr_14"
    )
    return bars.with_columns(
        entry_price="close",
        stop_price=pl.col("close") - geometry.stop_atr * away,
        target_price=pl.col("close") + geometry.target_atr * away,
    )
