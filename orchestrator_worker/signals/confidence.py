"""How sure we may be that a signal's target comes before its stop: each bar asks the curve that was known to it. Pure.

Curves are made anew at named moments (`refit_at`) from outcomes known by then, for longs and shorts apart. So the confidence
of a bar depends on nothing that happened after the moment of its curve, and costs the same live as in a walk.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import numpy as np
import polars as pl

from orchestrator_worker.calibration.curve import Curve, fit_curve, refit_at, refit_every
from orchestrator_worker.calibration.labels import labelled, labels_of, no_edge_share
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

DIRECTED = ("long", "short")

_SUMMARY = pl.Struct(
    {
        "method": pl.String,
        "n": pl.Int64,
        "n_effective": pl.Float64,
        "edge": pl.Float64,
        "brier": pl.Float64,
        "brier_base": pl.Float64,
        "fitted_at": pl.String,
    }
)
_CONFIDENCE = pl.Schema(
    {
        "_row": pl.UInt32(),
        "confidence": pl.Float64(),
        "confidence_error": pl.Float64(),
        "base_rate": pl.Float64(),
        "calibration": _SUMMARY,
    }
)


def track_of(judged: pl.DataFrame, *, timeframe: Timeframe, horizon: Horizon) -> pl.DataFrame:
    """Make the track record of judged signals that `confident` learns from."""
    return labelled(judged, timeframe=timeframe, horizon=horizon)


def confident(bars: pl.DataFrame, track: pl.DataFrame, *, timeframe: Timeframe) -> pl.DataFrame:
    """Add `confidence`, `confidence_error` (its standard error), `base_rate` and `calibration` (the curve's summary).

    `bars` has opened_at, direction, score and levels; flat bars get nulls, because they foretell nothing.
    """
    numbered = bars.with_row_index("_row").with_columns(_no_edge=no_edge_share())
    pieces = [
        _asked(piece, curve)
        for direction in DIRECTED
        for piece, curve in _curves(numbered.filter(pl.col("direction") == direction), track, timeframe)
    ]
    answered = pl.concat([pl.DataFrame(schema=_CONFIDENCE), *pieces])
    return numbered.join(answered, on="_row", how="left", maintain_order="left").drop("_row", "_no_edge")


def _curves(
    bars: pl.DataFrame, track: pl.DataFrame, timeframe: Timeframe
) -> Iterator[tuple[pl.DataFrame, Curve]]:
    """The bars of one direction in pieces, each with the curve that was known to it."""
    if bars.is_empty():
        return
    labels = labels_of(track, bars["direction"][0])
    every, first = refit_every(timeframe), refit_at(timeframe.closed_at(bars["opened_at"][0]), timeframe)
    passed = (pl.col("opened_at") + timeframe.delta - first).dt.total_microseconds()
    turns = passed // (every // timedelta(microseconds=1))
    for (turn,), piece in bars.with_columns(_turn=turns).group_by("_turn", maintain_order=True):
        yield piece, fit_curve(labels, first + every * cast(int, turn), timeframe=timeframe)


def _asked(bars: pl.DataFrame, curve: Curve) -> pl.DataFrame:
    plain = bars["_no_edge"].to_numpy().astype(np.float64)
    chance = curve.probability(bars["score"].abs().to_numpy().astype(np.float64), plain)
    return pl.DataFrame(
        [
            bars["_row"],
            pl.Series("confidence", chance),
            pl.Series("confidence_error", curve.standard_error(chance)),
            pl.Series("base_rate", curve.base_rate(plain)),
            pl.Series("calibration", [curve.summary()] * bars.height, dtype=_SUMMARY),
        ]
    )
