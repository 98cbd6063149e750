"""How well confidences were kept: Brier's score beside that of the base rate, reliability by bins, drift. Pure.

G. Brier, Verification of forecasts expressed in terms of probability (1950); reliability as A. Murphy and R. Winkler plot it
(1977); the population stability index as scorecards use it (N. Siddiqi, 2006). What happened is the `share` of the labels:
1 for a target, 0 for a stop, and for an expiry how far from stop to target it ended.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.calibration.curve import PRIOR_OUTCOMES
from orchestrator_worker.calibration.labels import labelled, uniqueness
from orchestrator_worker.win_rates.outcomes import Horizon
from orchestrator_worker.win_rates.tally import WILSON_Z, wilson
from zmarty.market import Timeframe

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DIRECTIONS = ("long", "short", "all")
BIN_WIDTH = 0.05
# The newest quarter of the outcomes is recent.
RECENT_SHARE = 0.25
# Fewer independent outcomes than this on either side say nothing about drift.
DRIFT_OUTCOMES_MIN = 10.0
PSI_BINS = 10
PSI_MODERATE, PSI_STRONG = 0.10, 0.25
Z_MODERATE, Z_STRONG = WILSON_Z, 2.575829


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How well the confidences of one direction were kept. Without outcomes there are no scores, only `n` = 0."""

    direction: str
    n: int
    n_effective: float
    expired: int
    first_opened_at: datetime | None
    last_opened_at: datetime | None
    mean_confidence: float | None
    mean_share: float | None
    brier: float | None
    brier_base: float | None
    skill: float | None
    brier_earlier: float | None
    brier_recent: float | None
    psi: float | None
    drift: str
    reliability: list[dict[str, Any]]


def calibrations(judged: pl.DataFrame, *, timeframe: Timeframe, horizon: Horizon) -> Iterator[Calibration]:
    """Yield the calibration of longs, of shorts and of both.

    `judged` has what `labelled` takes, and `confidence` and `base_rate` (null where the signal did not keep one: then what
    our record said when the signal was given takes its place).
    """
    claims = _with_base_rate(
        labelled(judged, timeframe=timeframe, horizon=horizon)
        .join(
            judged.select("opened_at", "direction", "confidence", "base_rate", "barrier"),
            on=["opened_at", "direction"],
            how="inner",
            maintain_order="left",
        )
        .filter(pl.col("confidence").is_not_null()),
        timeframe,
    )
    for direction in DIRECTIONS:
        chosen = claims if direction == "all" else claims.filter(pl.col("direction") == direction)
        yield _calibration(chosen, direction, timeframe)


def population_stability(before: Floats, after: Floats, *, bins: int = PSI_BINS) -> float:
    """Σ (aᵢ − bᵢ) · ln(aᵢ / bᵢ) over the shares in `bins` classes of equal count before; half a case where one is empty."""
    edges = np.quantile(before, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    one, other = (
        np.maximum(np.bincount(np.searchsorted(edges, values, side="right"), minlength=bins), 0.5)
        / values.size
        for values in (before, after)
    )
    return float(((other - one) * np.log(other / one)).sum())


def _with_base_rate(claims: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    known = claims.sort("known_at").select(
        "known_at",
        "direction",
        _beyond=(pl.col("share") - pl.col("no_edge")).cum_sum().over("direction"),
        _count=pl.col("share").cum_count().over("direction"),
    )
    seen = (
        claims.with_columns(_closed_at=pl.col("opened_at") + timeframe.delta)
        .sort("_closed_at")
        .join_asof(
            known,
            left_on="_closed_at",
            right_on="known_at",
            by="direction",
            strategy="backward",
            check_sortedness=False,
        )
    )
    edge = pl.col("_beyond").fill_null(0.0) / (pl.col("_count").fill_null(0) + PRIOR_OUTCOMES)
    reckoned = (pl.col("no_edge") + edge).clip(0.0, 1.0)
    return seen.with_columns(base_rate=pl.coalesce("base_rate", reckoned)).drop(
        "_closed_at", "_beyond", "_count"
    )


def _calibration(claims: pl.DataFrame, direction: str, timeframe: Timeframe) -> Calibration:
    n = claims.height
    confidence, share, base = (
        claims[name].to_numpy().astype(np.float64) for name in ("confidence", "share", "base_rate")
    )
    missed = (confidence - share) ** 2
    opened, closed = (
        claims[name].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
        for name in ("opened_at", "closed_at")
    )
    step = timeframe.seconds * 1_000_000
    weights = uniqueness(opened, closed, step)
    brier = float(missed.mean()) if n else None
    brier_base = float(((base - share) ** 2).mean()) if n else None
    cut = int(n * (1.0 - RECENT_SHARE))
    psi, drift = _drift(missed, weights, claims["strength"].to_numpy().astype(np.float64), cut)
    return Calibration(
        direction=direction,
        n=n,
        n_effective=float(weights.sum()),
        expired=int((claims["barrier"] == "expiry").sum()),
        first_opened_at=claims["opened_at"][0] if n else None,
        last_opened_at=claims["opened_at"][-1] if n else None,
        mean_confidence=float(confidence.mean()) if n else None,
        mean_share=float(share.mean()) if n else None,
        brier=brier,
        brier_base=brier_base,
        skill=1.0 - brier / brier_base if brier is not None and brier_base else None,
        brier_earlier=float(missed[:cut].mean()) if cut else None,
        brier_recent=float(missed[cut:].mean()) if n else None,
        psi=psi,
        drift=drift,
        reliability=list(_reliability(confidence, share, opened, closed, step)),
    )


def _reliability(
    confidence: Floats, share: Floats, opened: Integers, closed: Integers, step: int
) -> Iterator[dict[str, Any]]:
    bins = np.minimum((confidence / BIN_WIDTH + 1e-9).astype(np.int64), round(1.0 / BIN_WIDTH) - 1)
    for place in np.unique(bins):
        inside = bins == place
        n_effective = float(uniqueness(opened[inside], closed[inside], step).sum())
        happened = float(share[inside].mean())
        low, high = wilson(happened * n_effective, n_effective)
        yield {
            "start": round(float(place) * BIN_WIDTH, 6),
            "end": round(float(place + 1) * BIN_WIDTH, 6),
            "confidence": float(confidence[inside].mean()),
            "share": happened,
            "low": low,
            "high": high,
            "n": int(inside.sum()),
            "n_effective": n_effective,
        }


def _drift(missed: Floats, weights: Floats, strength: Floats, cut: int) -> tuple[float | None, str]:
    """How much the recent outcomes differ from the earlier ones: in what was claimed, and in how well it was kept."""
    before, after = float(weights[:cut].sum()), float(weights[cut:].sum())
    if min(before, after) < DRIFT_OUTCOMES_MIN:
        return None, "unknown"
    psi = population_stability(strength[:cut], strength[cut:])
    spread = math.sqrt(float(missed[:cut].var()) / before + float(missed[cut:].var()) / after)
    worse = (float(missed[cut:].mean()) - float(missed[:cut].mean())) / spread if spread > 0.0 else 0.0
    if psi >= PSI_STRONG or worse >= Z_STRONG:
        return psi, "strong"
    return psi, "moderate" if psi >= PSI_MODERATE or worse >= Z_MODERATE else "none"
