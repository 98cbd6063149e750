"""Made-up candles for benchmarks: a random walk with drifts that come and go, the same for the same seed."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from zmarty.market import Timeframe

BEGAN_AT = datetime(2010, 1, 1, tzinfo=UTC)
VOLATILITY = 0.004
DRIFT_BARS = 50


def candles_of(bars: int, *, seed: int, timeframe: Timeframe, began_at: datetime = BEGAN_AT) -> pl.DataFrame:
    """opened_at, open, high, low, close and volume, oldest first."""
    dice = np.random.default_rng(seed)
    drift = np.repeat(dice.normal(0.0, VOLATILITY / 8, bars // DRIFT_BARS + 1), DRIFT_BARS)[:bars]
    # Around a fixed price: a million steps of a free walk would end at nothing or beyond every number.
    close = 100.0 * np.exp(np.cumsum(drift + dice.normal(0.0, VOLATILITY, bars)) % 1.0)
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(dice.normal(0.0, VOLATILITY / 2, (2, bars)))
    began = np.datetime64(began_at.replace(tzinfo=None), "us")
    times = began + np.arange(bars) * np.timedelta64(timeframe.seconds, "s")
    return pl.DataFrame(
        {
            "opened_at": pl.Series(times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach[0]),
            "low": np.minimum(opened, close) * (1 - reach[1]),
            "close": close,
            "volume": dice.uniform(1.0, 50.0, bars),
        }
    )
