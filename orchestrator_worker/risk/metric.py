"""The risk of every day of a history, each from what was known at that day's close and nothing later. Pure.

Where a curve counts, it is the curve's. Else, with two years of closes, it is how far the price lies above its own
exponential trend; with less, the share of earlier closes below it. Each row says which.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from datetime import date
from math import erf, sqrt

import numpy as np
import polars as pl

from orchestrator_worker.risk.curve import (
    BANDS,
    Counts,
    Curve,
    Floats,
    bands_of,
    curve_on,
    rarity_of,
)

ANCHORS, REGRESSION, PERCENTILE = "anchors", "regression", "percentile"

CLOSES_MIN = 30
"""With fewer daily closes a percentile is a guess."""

REGRESSION_CLOSES_MIN = 730
"""Two years: a trend through less follows one rise or fall."""

# Below this the closes lie on their trend, and what is left of them is rounding.
SPREAD_MIN = 1e-9

ROWS = pl.Schema(
    {
        "observed_on": pl.Date(),
        "source": pl.String(),
        "value": pl.Float64(),
        "band": pl.Int64(),
        "rarity": pl.Float64(),
        "days": pl.Int64(),
        "price": pl.Float64(),
    }
)


def closes_needed(curves: Sequence[Curve], day: date) -> int:
    """How many daily closes there must be for a value on this day."""
    return 1 if curve_on(day, curves) is not None else CLOSES_MIN


def sound_closes(closes: pl.DataFrame) -> pl.DataFrame:
    """`observed_on` and `close` as Float64, oldest first, without the days whose close is missing or no number.

    Raises ValueError naming the field when a day occurs twice or a close is not positive.
    """
    known = (
        closes.select("observed_on", pl.col("close").cast(pl.Float64))
        .filter(pl.col("close").is_finite().fill_null(False))
        .sort("observed_on")
    )
    if known["observed_on"].is_duplicated().any():
        raise ValueError("observed_on: a day occurs twice")
    if (wrong := known.filter(pl.col("close") <= 0)).height:
        raise ValueError(f"close: must be positive, on {wrong['observed_on'][0]} it is {wrong['close'][0]}")
    return known


def history_of(closes: pl.DataFrame, curves: Sequence[Curve] = ()) -> pl.DataFrame:
    """The risk of each day that has enough closes up to it, oldest first, in the columns of ROWS.

    `closes` has a Date `observed_on` and a `close`, in any order. `days` is how many closes the row rests on. Row n
    depends on rows up to n only, to the last bit. Raises ValueError like `sound_closes`.
    """
    known = sound_closes(closes)
    if known.is_empty():
        return pl.DataFrame(schema=ROWS)
    prices = known["close"].to_numpy()
    own = _own_history(known, prices)
    counting = [curve_on(day, curves) for day in known["observed_on"]]
    pieces = [own.filter(pl.Series([curve is None for curve in counting]))]
    for curve in dict.fromkeys(curve for curve in counting if curve is not None):
        along = _along(curve, known, prices)
        pieces.append(along.filter(pl.Series([other is curve for other in counting])))
    return pl.concat(pieces).filter(pl.col("value").is_not_nan()).sort("observed_on")


def _along(curve: Curve, known: pl.DataFrame, prices: Floats) -> pl.DataFrame:
    # The days a curve would have spent in its bands are known as soon as the curve is: the closes lie in the past.
    return _rows(known, [ANCHORS] * len(prices), curve.risk_at(prices))


def _own_history(known: pl.DataFrame, prices: Floats) -> pl.DataFrame:
    values = percentiles(prices)
    values[: CLOSES_MIN - 1] = np.nan
    sources = [PERCENTILE] * len(prices)
    if len(prices) >= REGRESSION_CLOSES_MIN:
        first = REGRESSION_CLOSES_MIN - 1
        days = known["observed_on"].to_physical().to_numpy().astype(np.float64)
        values[first:] = above_trend(days - days[0], np.log(prices))[first:]
        sources[first:] = [REGRESSION] * (len(prices) - first)
    return _rows(known, sources, values)


def _rows(known: pl.DataFrame, sources: list[str], values: Floats) -> pl.DataFrame:
    bands = bands_of(np.nan_to_num(values))
    is_known = ~np.isnan(values)
    spent = np.cumsum((bands[:, None] == np.arange(BANDS)) & is_known[:, None], axis=0)
    return pl.DataFrame(
        {
            "observed_on": known["observed_on"],
            "source": sources,
            "value": values,
            "band": bands,
            "rarity": _of_its_band(rarity_of(spent), bands),
            "days": np.arange(1, len(values) + 1),
            "price": known["close"],
        },
        schema=ROWS,
    )


def _of_its_band(rarity: Floats, bands: Counts) -> Floats:
    return rarity[np.arange(len(bands)), bands]


def percentiles(prices: Floats) -> Floats:
    """Each price's place among those up to it: the share below it, and half of those that equal it."""
    seen: list[float] = []
    places = np.empty(len(prices))
    for order, price in enumerate(prices.tolist()):
        insort(seen, price)
        below, up_to = bisect_left(seen, price), bisect_right(seen, price)
        places[order] = (below + up_to) / 2 / len(seen)
    return places


def above_trend(days: Floats, heights: Floats) -> Floats:
    """Where each height lies around the least-squares line through all heights up to it, as a normal probability.

    0.5 is on the line, 0.84 one standard error of the residuals above it. NaN for the first two.
    """
    # Running sums give each day's own fit in one pass. They are of figures that start at zero, so little cancels.
    heights = heights - heights[0]
    n = np.arange(1.0, len(days) + 1)
    mean_day, mean_height = np.cumsum(days) / n, np.cumsum(heights) / n
    day_squares = np.cumsum(days * days) - n * mean_day**2
    products = np.cumsum(days * heights) - n * mean_day * mean_height
    height_squares = np.cumsum(heights * heights) - n * mean_height**2
    values = np.full(len(days), np.nan)
    for order in range(2, len(days)):
        slope = products[order] / day_squares[order]
        residual_squares = max(0.0, height_squares[order] - slope * products[order])
        spread = sqrt(residual_squares / (n[order] - 2))
        distance = heights[order] - mean_height[order] - slope * (days[order] - mean_day[order])
        values[order] = normal_share(distance / spread) if spread > SPREAD_MIN else 0.5
    return values


def normal_share(z: float) -> float:
    """The share of a normal distribution below `z` standard deviations."""
    return (1.0 + erf(z / sqrt(2.0))) / 2.0
