"""How often signals were right: counts, rate with its interval, expectancy and the baseline beside it. Pure.

A win is a target reached; stops and expiries are not, so that no trade disappears from the count. The interval is
Wilson's on the effective number of outcomes, because signals that live through the same bars are not independent.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from orchestrator_worker.calibration.labels import uniqueness
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

LOOKBACKS_DAYS = (30, 365)
DIRECTIONS = ("long", "short", "all")
ORIGINS = ("live", "backfill", "all")
# Two-sided 95 %.
WILSON_Z = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """How often signals of one kind were right. Without outcomes there is no rate, only `n` = 0."""

    direction: str
    horizon: Horizon
    lookback_days: int
    origin: str
    n: int
    n_effective: float
    wins: int
    losses: int
    expired: int
    rate: float | None
    low: float | None
    high: float | None
    baseline: float | None
    expectancy: float | None
    profit_factor: float | None


def tally(
    outcomes: pl.DataFrame,
    baseline: pl.DataFrame,
    *,
    timeframe: Timeframe,
    horizon: Horizon,
    lookback_days: int,
    newest_closed_at: datetime,
) -> Iterator[WinRate]:
    """Yield a win rate for each direction and origin of the outcomes whose horizon ended within the lookback.

    `outcomes` are judged signals with their origin, `baseline` the same trade entered on every bar in both directions
    and judged by the same rule; of it the same period counts.
    """
    period = _matured_since(newest_closed_at - timedelta(days=lookback_days), timeframe, horizon)
    counted, entered = outcomes.filter(period), baseline.filter(period)
    for origin in ORIGINS:
        of_origin = counted if origin == "all" else counted.filter(pl.col("origin") == origin)
        for direction in DIRECTIONS:
            chosen = of_origin if direction == "all" else of_origin.filter(pl.col("direction") == direction)
            yield _rated(
                chosen,
                baseline=_baseline_rate(entered, chosen, direction),
                timeframe=timeframe,
                horizon=horizon,
                direction=direction,
                origin=origin,
                lookback_days=lookback_days,
            )


def wilson(wins: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a rate seen as `wins` in `n` independent trials; both may be fractions, n > 0."""
    rate, square = wins / n, WILSON_Z**2
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = WILSON_Z / (1 + square / n) * math.sqrt(max(rate * (1 - rate), 0.0) / n + square / (4 * n * n))
    # Rounding must not push the rate itself out of its interval at 0 and 1.
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


def effective_count(outcomes: pl.DataFrame, timeframe: Timeframe) -> float:
    """The sum of average uniquenesses: each outcome counts by the mean of 1 / (outcomes alive) over the bars it lived."""
    # In microseconds, as they lie in memory: this is counted for each of dozens of rates.
    opened, closed = (
        outcomes[name].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
        for name in ("opened_at", "closed_at")
    )
    return float(uniqueness(opened, closed, timeframe.seconds * 1_000_000).sum())


def _matured_since(since: datetime, timeframe: Timeframe, horizon: Horizon) -> pl.Expr:
    return pl.col("opened_at") + timeframe.delta + horizon.delta > since


def _rated(
    outcomes: pl.DataFrame,
    *,
    baseline: float | None,
    timeframe: Timeframe,
    horizon: Horizon,
    direction: str,
    origin: str,
    lookback_days: int,
) -> WinRate:
    n = outcomes.height
    wins, losses = (int((outcomes["barrier"] == barrier).sum()) for barrier in ("target", "stop"))
    n_effective = effective_count(outcomes, timeframe)
    returned = outcomes["return_net"].to_numpy()
    gained, lost = float(np.maximum(returned, 0.0).sum()), -float(np.minimum(returned, 0.0).sum())
    low, high = wilson(wins / n * n_effective, n_effective) if n else (None, None)
    return WinRate(
        direction=direction,
        horizon=horizon,
        lookback_days=lookback_days,
        origin=origin,
        n=n,
        n_effective=n_effective,
        wins=wins,
        losses=losses,
        expired=n - wins - losses,
        rate=wins / n if n else None,
        low=low,
        high=high,
        baseline=baseline,
        expectancy=float(returned.sum()) / n if n else None,
        profit_factor=gained / lost if lost > 0.0 else None,
    )


def _baseline_rate(entered: pl.DataFrame, outcomes: pl.DataFrame, direction: str) -> float | None:
    """The rate of entering on every bar; for all directions mixed as the signals mixed them."""
    rates = {side: _target_rate(entered.filter(pl.col("direction") == side)) for side in ("long", "short")}
    if direction != "all":
        return rates[direction]
    if outcomes.is_empty() or rates["long"] is None or rates["short"] is None:
        return None
    longs = int((outcomes["direction"] == "long").sum()) / outcomes.height
    return longs * rates["long"] + (1.0 - longs) * rates["short"]


def _target_rate(outcomes: pl.DataFrame) -> float | None:
    if outcomes.is_empty():
        return None
    return int((outcomes["barrier"] == "target").sum()) / outcomes.height
