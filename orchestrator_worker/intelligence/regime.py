"""The regime of a market as of each bar: trending, volatile, quiet or ranging. Pure.

Trending by Wilder's reading of his ADX (New Concepts in Technical Trading Systems, 1978): 25 and more. Without a trend,
the range of a bar (ATR over price) is held against its own median of the last weeks of bars.
"""

import polars as pl

REGIMES = ("trending", "volatile", "quiet", "ranging")

TRENDING_ADX_MIN = 25.0
RANGE_MEDIAN_BARS = 200
RANGE_MEDIAN_BARS_MIN = 50
VOLATILE_RATIO_MIN = 1.5
QUIET_RATIO_MAX = 1.0 / VOLATILE_RATIO_MIN


def with_regime(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `range_ratio` (ATR over price, 1 = as usual) and `regime` to bars that have close, atr_14 and adx_14.

    Both are null while the indicators behind them warm up or the market stands still. Row t depends on rows up to t.
    """
    share = pl.col("atr_14") / pl.col("close")
    usual = share.rolling_median(RANGE_MEDIAN_BARS, min_samples=RANGE_MEDIAN_BARS_MIN)
    ratio = pl.when(usual > 0.0).then(share / usual)
    return bars.with_columns(range_ratio=ratio).with_columns(
        regime=pl.when(pl.col("adx_14").is_null() | pl.col("range_ratio").is_null())
        .then(None)
        .when(pl.col("adx_14") >= TRENDING_ADX_MIN)
        .then(pl.lit("trending"))
        .when(pl.col("range_ratio") >= VOLATILE_RATIO_MIN)
        .then(pl.lit("volatile"))
        .when(pl.col("range_ratio") <= QUIET_RATIO_MAX)
        .then(pl.lit("quiet"))
        .otherwise(pl.lit("ranging"))
    )
