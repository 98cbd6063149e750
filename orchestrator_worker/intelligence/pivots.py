"""Swing highs and lows, each known only once the bars after it have confirmed it. Pure.

A bar is a swing high when no high within `wing` bars on either side reaches above it (Bill Williams' fractal, whose wing is
two bars), and it may be used from the close of the last of those bars on: never earlier, whatever the history holds.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

WING_BARS = 5
# As of a bar, levels are looked for among this many swings of each kind before it.
SWINGS_KEPT = 20

Floats = npt.NDArray[np.float64]


def swings(bars: pl.DataFrame, *, wing: int = WING_BARS) -> pl.DataFrame:
    """Return the confirmed swings of `bars` (high, low; oldest first), in the order in which they became known.

    Columns: `kind` (high, low), `row` and `confirmed_row` (positions in `bars`), `price`. Of equal extremes next to each
    other the first counts.
    """
    return pl.concat([_swings(bars["high"], "high", wing), _swings(-bars["low"], "low", wing)]).sort(
        "confirmed_row", "kind"
    )


def with_pivots(bars: pl.DataFrame, *, wing: int = WING_BARS) -> pl.DataFrame:
    """Add what the swings say as of each bar: `swing_high`, `swing_low`, `resistance`, `support`.

    The first two are the newest confirmed swings; the others the nearest swing price of either kind above and below the
    close, among the last SWINGS_KEPT of each kind. Null where there is none.
    """
    found = swings(bars, wing=wing)
    highs, lows = (_as_known(found.filter(kind=kind), bars.height) for kind in ("high", "low"))
    close = bars["close"].cast(pl.Float64).to_numpy()[:, None]
    prices = np.hstack([highs, lows])
    above = np.where(prices > close, prices, np.inf).min(axis=1)
    below = np.where(prices < close, prices, -np.inf).max(axis=1)
    return bars.with_columns(
        swing_high=_column(highs[:, -1]),
        swing_low=_column(lows[:, -1]),
        resistance=_column(above),
        support=_column(below),
    )


def _swings(tops: pl.Series, kind: str, wing: int) -> pl.DataFrame:
    """The local maxima of `tops`; lows come in negated, so that there is one rule."""
    width = wing + 1
    frame = pl.DataFrame({"top": tops.cast(pl.Float64)}).with_row_index("row")
    before = pl.col("top").shift(1).rolling_max(wing)
    after = pl.col("top").shift(-wing).rolling_max(width)
    return (
        frame.filter((pl.col("top") > before) & (pl.col("top") >= after))
        .with_columns(pl.col("row").cast(pl.Int64))
        .select(
            kind=pl.lit(kind),
            row="row",
            confirmed_row=pl.col("row") + wing,
            price=pl.col("top") if kind == "high" else -pl.col("top"),
        )
    )


def _as_known(found: pl.DataFrame, height: int) -> Floats:
    """For each bar the prices of the newest SWINGS_KEPT swings confirmed by its close, newest last; NaN where fewer."""
    padded = np.concatenate([np.full(SWINGS_KEPT, np.nan), found["price"].to_numpy()])
    known = np.searchsorted(found["confirmed_row"].to_numpy(), np.arange(height), side="right")
    windows = np.lib.stride_tricks.sliding_window_view(padded, SWINGS_KEPT)
    return windows[known]


def _column(values: Floats) -> pl.Series:
    return pl.Series(np.where(np.isfinite(values), values, np.nan)).fill_nan(None)
