"""What confidence learns from: how judged signals ended, when that was known, and how much each counts. Pure.

`share` is 1 at the target and 0 at the stop. An expiry lies between: how far from stop to target its exit was, which is the
chance that a price without drift would still have reached the target first. The expected return of a trade is linear in
this share, so the probability that is learned is the one that the expected value needs.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one direction in the order of their signals; times in microseconds since 1970."""

    opened: Integers
    closed: Integers
    known: Integers
    strength: Floats
    no_edge: Floats
    share: Floats

    def __len__(self) -> int:
        return int(self.opened.size)

    def part(self, start: int, stop: int) -> "Labels":
        return Labels(*(getattr(self, name)[start:stop] for name in self.__slots__))


def labelled(judged: pl.DataFrame, *, timeframe: Timeframe, horizon: Horizon) -> pl.DataFrame:
    """Return opened_at, closed_at, known_at, direction, strength, no_edge and share of judged signals, oldest first.

    `judged` has opened_at, direction, score, the levels, barrier, return_net and closed_at. `no_edge` is the share that a
    market without any drift would give these levels: stop / (stop + target).
    """
    stop, target = fraction("stop_price"), fraction("target_price")
    gross = pl.col("return_net") + ROUND_TRIP
    return judged.sort("opened_at").select(
        "opened_at",
        "closed_at",
        "direction",
        known_at=known_at(timeframe, horizon),
        strength=pl.col("score").abs(),
        no_edge=no_edge_share(),
        share=pl.when(pl.col("barrier") == "target")
        .then(1.0)
        .when(pl.col("barrier") == "stop")
        .then(0.0)
        .otherwise(((gross + stop) / (stop + target)).clip(0.0, 1.0)),
    )


def known_at(timeframe: Timeframe, horizon: Horizon) -> pl.Expr:
    """When the outcome of a signal is known: after its whole horizon, however early it met a barrier."""
    delta: timedelta = timeframe.delta + horizon.delta
    return pl.col("opened_at") + delta


def no_edge_share() -> pl.Expr:
    stop, target = fraction("stop_price"), fraction("target_price")
    return stop / (stop + target)


def fraction(level: str) -> pl.Expr:
    return (pl.col(level) - pl.col("entry_price")).abs() / pl.col("entry_price")


def labels_of(track: pl.DataFrame, direction: str) -> Labels:
    """The rows of `labelled` in one direction."""
    rows = track.filter(pl.col("direction") == direction).sort("opened_at")
    opened, closed, known = (
        rows[name].dt.epoch("us").to_numpy().astype(np.int64)
        for name in ("opened_at", "closed_at", "known_at")
    )
    strength, no_edge, share = (
        rows[name].cast(pl.Float64).to_numpy().astype(np.float64) for name in ("strength", "no_edge", "share")
    )
    return Labels(opened, closed, known, strength, no_edge, share)


def uniqueness(opened: Integers, closed: Integers, step: int) -> Floats:
    """How much each outcome counts: the mean of 1 / (outcomes alive) over the bars that it lived.

    López de Prado, Advances in Financial Machine Learning (2018), section 4.4. `opened` is when the signal's candle opened and
    `closed` when the exit bar closed, both in the unit of `step`, the length of a bar. The sum is the effective number.
    """
    if not opened.size:
        return np.empty(0)
    entered, left = opened // step + 1, closed // step
    start = int(entered.min())
    entered, left = entered - start, left - start
    changes = np.zeros(int(left.max()) + 1, dtype=np.int64)
    np.add.at(changes, entered, 1)
    np.add.at(changes, left, -1)
    alive = np.cumsum(changes)
    shares = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(alive, 1))])
    mean: Floats = (shares[left] - shares[entered]) / (left - entered)
    return mean
