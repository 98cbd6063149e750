"""Markets for the tests of signals and win rates: seeded random walks, and real candles where this machine has them."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zmarty.market import Timeframe

# Beside the checkout, never in it.
OHLCV = Path(__file__).parents[3] / "shared/data/ohlcv"
BEGAN_AT = datetime(2025, 1, 6, tzinfo=UTC)


def random_candles(
    bars: int,
    *,
    seed: int,
    timeframe: Timeframe = Timeframe.HOUR_1,
    began_at: datetime = BEGAN_AT,
    volatility: float = 0.006,
) -> pl.DataFrame:
    """A market of drifts that come and go, so that trends, pauses and extremes all occur."""
    generator = np.random.default_rng(seed)
    drift = np.repeat(generator.normal(0.0, volatility / 4, bars // 50 + 1), 50)[:bars]
    steps = drift + generator.normal(0.0, volatility, bars)
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]]) * (1 + generator.normal(0.0, volatility / 20, bars))
    reach = np.abs(generator.normal(0.0, volatility / 2, (2, bars)))
    return pl.DataFrame(
        {
            "opened_at": [began_at + timeframe.delta * bar for bar in range(bars)],
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach[0]),
            "low": np.minimum(opened, close) * (1 - reach[1]),
            "close": close,
            "volume": generator.uniform(1.0, 50.0, bars),
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )


def mirrored(candles: pl.DataFrame) -> pl.DataFrame:
    """The same market upside down: what rose by a dollar falls by one, and highs are lows."""
    ceiling = 2.0 * float(candles["high"].max())  # type: ignore[arg-type]
    return candles.with_columns(
        open=ceiling - pl.col("open"),
        high=ceiling - pl.col("low"),
        low=ceiling - pl.col("high"),
        close=ceiling - pl.col("close"),
    )


def real_candles(name: str) -> tuple[pl.DataFrame, Timeframe]:
    path = OHLCV / f"{name}.parquet"
    if not path.exists():
        pytest.skip("no real candles on this machine")
    candles = pl.read_parquet(path).rename({"ts": "opened_at"})
    columns = ("opened_at", "open", "high", "low", "close", "volume")
    return candles.select(columns), Timeframe.parse(candles["timeframe"][0])
