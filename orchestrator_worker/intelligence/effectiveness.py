"""How patterns ended and how often such patterns were right, beside the same trade entered elsewhere. Pure.

A pattern is judged like a signal, by `outcomes.judge`: entered at the open after its confirming close, its target and its
invalidation as the barriers, costs included, within the horizon that signals of its timeframe have. Its baseline is the same
trade, with the same distances in percent, entered on bars spread evenly over the candles: what the distances alone win.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from orchestrator_worker.win_rates.outcomes import Horizon, judge
from orchestrator_worker.win_rates.tally import effective_count, wilson
from zmarty.market import Timeframe

_TIME = pl.Datetime("us", "UTC")
UNJUDGED = pl.Schema(
    {
        "pattern_id": pl.String(),
        "opened_at": _TIME,
        "kind": pl.String(),
        "origin": pl.String(),
        "direction": pl.String(),
        "entry_price": pl.Float64(),
        "stop_price": pl.Float64(),
        "target_price": pl.Float64(),
    }
)
JUDGED = pl.Schema(
    {
        "kind": pl.String(),
        "direction": pl.String(),
        "origin": pl.String(),
        "opened_at": _TIME,
        "closed_at": _TIME,
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "baseline": pl.Float64(),
    }
)

# Bars on which each pattern's trade is entered for its baseline.
BASELINE_ENTRIES = 50
DIRECTIONS = ("long", "short", "all")
ORIGINS = ("live", "backfill", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effectiveness:
    """Fields are the columns of `pattern_effectiveness`. There is none without a judged pattern: n is at least 1."""

    kind: str
    direction: str
    origin: str
    horizon: Horizon
    n: int
    n_effective: float
    wins: int
    losses: int
    expired: int
    rate: float
    low: float
    high: float
    baseline: float | None
    expectancy: float
    profit_factor: float | None
    since: datetime


def judged_patterns(patterns: pl.DataFrame, candles: pl.DataFrame, *, timeframe: Timeframe) -> pl.DataFrame:
    """Return the mature ones of `patterns` with the columns of their outcome and `baseline`.

    `patterns` has the columns of UNJUDGED; `opened_at` is that of the confirming candle.
    """
    horizon = Horizon.of(timeframe)
    judged = judge(patterns, candles, timeframe=timeframe, horizon=horizon)
    elsewhere = judge(_entered_elsewhere(judged, candles), candles, timeframe=timeframe, horizon=horizon)
    rates = elsewhere.group_by("pattern_id").agg(baseline=(pl.col("barrier") == "target").mean())
    return judged.join(rates, on="pattern_id", how="left", maintain_order="left")


def effectiveness_of(judged: pl.DataFrame, *, timeframe: Timeframe) -> Iterator[Effectiveness]:
    """Yield how often each kind was right, by direction and origin, for whatever has been judged.

    `judged` has the columns of JUDGED.
    """
    for kind in judged["kind"].unique().sort():
        for direction in DIRECTIONS:
            for origin in ORIGINS:
                counted = judged.filter(
                    pl.col("kind") == kind,
                    pl.lit(direction == "all") | (pl.col("direction") == direction),
                    pl.lit(origin == "all") | (pl.col("origin") == origin),
                )
                if counted.height:
                    yield _counted(counted, kind, direction, origin, timeframe)


def _counted(
    outcomes: pl.DataFrame, kind: str, direction: str, origin: str, timeframe: Timeframe
) -> Effectiveness:
    n = outcomes.height
    wins = int((outcomes["barrier"] == "target").sum())
    losses = int((outcomes["barrier"] == "stop").sum())
    n_effective = effective_count(outcomes, timeframe)
    low, high = wilson(wins / n * n_effective, n_effective)
    returned = outcomes["return_net"]
    gained, lost = float(returned.clip(lower_bound=0.0).sum()), -float(returned.clip(upper_bound=0.0).sum())
    baseline = outcomes["baseline"].drop_nulls()
    first = outcomes["opened_at"].min()
    assert isinstance(first, datetime), "outcomes have times"
    return Effectiveness(
        kind=kind,
        direction=direction,
        origin=origin,
        horizon=Horizon.of(timeframe),
        n=n,
        n_effective=n_effective,
        wins=wins,
        losses=losses,
        expired=n - wins - losses,
        rate=wins / n,
        low=low,
        high=high,
        baseline=float(baseline.sum()) / baseline.len() if baseline.len() else None,
        expectancy=float(returned.sum()) / n,
        profit_factor=gained / lost if lost > 0.0 else None,
        since=first,
    )


def _entered_elsewhere(judged: pl.DataFrame, candles: pl.DataFrame) -> pl.DataFrame:
    every = max(candles.height // BASELINE_ENTRIES, 1)
    entries = candles.gather_every(every).select("opened_at", close=pl.col("close").cast(pl.Float64))
    target, stop = (
        pl.col("target_price") / pl.col("entry_price"),
        pl.col("stop_price") / pl.col("entry_price"),
    )
    return (
        judged.select("pattern_id", "direction", target_share=target, stop_share=stop)
        .join(entries, how="cross")
        .select(
            "pattern_id",
            "opened_at",
            "direction",
            entry_price="close",
            stop_price=pl.col("close") * pl.col("stop_share"),
            target_price=pl.col("close") * pl.col("target_share"),
        )
    )
