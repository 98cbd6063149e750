"""How much the price moves, a year's worth, and whether that is more than usual. Pure.

`volatility` is the estimator of Yang & Zhang (Drift-independent volatility estimation, 2000), which also sees what happens
within bars and between them; `volatility_close` is the plain standard deviation of log returns. Both are over
VOLATILITY_BARS and annualised by the square root of the bars of a year, as this market never closes.
"""

import math

import polars as pl

from zmarty.market import Timeframe

VOLATILITY_BARS = 30
# The window whose median says what is usual, and how much of it must be there.
USUAL_BARS = 250
USUAL_BARS_MIN = 50
YEAR_SECONDS = 365 * 86_400


def with_volatility(bars: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Add `volatility`, `volatility_close` (1 = 100 % a year) and `relative_volatility` (1 = as usual) to bars.

    `bars` has open, high, low and close, oldest first. Null while a window fills. Row t depends on rows up to t only.
    """
    year = math.sqrt(YEAR_SECONDS / timeframe.seconds)
    n = VOLATILITY_BARS
    opened, high, low, close = (pl.col(name).cast(pl.Float64) for name in ("open", "high", "low", "close"))
    overnight, within = (opened / close.shift(1)).log(), (close / opened).log()
    rogers_satchell = (high / close).log() * (high / opened).log() + (low / close).log() * (
        low / opened
    ).log()
    # Their weight, which makes the variance of the estimate as small as it can be.
    weight = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = (
        overnight.rolling_var(n)
        + weight * within.rolling_var(n)
        + (1.0 - weight) * rogers_satchell.rolling_mean(n)
    )
    usual = pl.col("volatility").rolling_median(USUAL_BARS, min_samples=USUAL_BARS_MIN)
    return bars.with_columns(
        # Rounding may leave a market that stands still a hair below zero.
        volatility=variance.clip(lower_bound=0.0).sqrt() * year,
        volatility_close=(close / close.shift(1)).log().rolling_std(n) * year,
    ).with_columns(relative_volatility=pl.when(usual > 0.0).then(pl.col("volatility") / usual))
