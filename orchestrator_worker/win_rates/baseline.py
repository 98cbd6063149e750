"""The random entry: the same stop and target on every bar, in both directions, so that rates can be compared. Pure.

Every bar and not a sample of them: the mean over all possible entries is what random ones approach, without a seed.
"""

import polars as pl

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.signals.levels import levelled
from orchestrator_worker.signals.readings import CLUSTER
from orchestrator_worker.signals.score import tradable

# Bars that the ATR behind the levels must have seen before it no longer shows where the candles begin.
WARM_UP_BARS = 300


def entered_everywhere(candles: pl.DataFrame) -> pl.DataFrame:
    """Return a long and a short trade for each tradable candle, with the levels a signal would have had."""
    bars = (
        indicators_of(candles).filter(tradable()).with_columns(clusters=pl.lit(None, dtype=pl.List(CLUSTER)))
    )
    both = [bars.with_columns(direction=pl.lit(direction)) for direction in ("long", "short")]
    return levelled(pl.concat(both)).select(
        "opened_at", "direction", "entry_price", "stop_price", "target_price"
    )
