"""Estimates a map of clusters from open interest and candles, where nobody sells one. Pure.

Each rise of open interest opens as many longs as shorts, at the typical price of the candles in which it rose. They are spread
over leverages by LEVERAGE_SHARES, an assumption that no exchange publishes, and each is liquidated where `margin` says. A
position is gone once a later candle has passed its liquidation price; a fall of open interest closes the same share of all that
are left. What remains is gathered in steps of 0.25 % around the price.

Positions older than the first observation are not in it: `coverage` is the share of today's open interest that is.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import polars as pl

from orchestrator_worker.liquidations.cascade import size_of
from orchestrator_worker.liquidations.margin import LEANS, LEVERAGES, Lean, liquidation_factor
from orchestrator_worker.sources.readings import Cluster, ClusterMap

SOURCE = "estimated"
OBSERVATIONS_MIN = 24
OBSERVATIONS_MAX = 1_000
LEVERAGE_SHARES = {10: 0.30, 20: 0.30, 50: 0.25, 100: 0.15}
STEP_SHARE = 0.0025
DISTANCE_MAX = 0.4
CLUSTERS_A_SIDE_MAX = 8
# What is left of a tranche after so many proportional closings is rounding.
NOTIONAL_MIN = 1.0
PRICE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Lane:
    """The tranches of one leverage and lean: each position's liquidation price is this multiple of its entry price."""

    lean: Lean
    factor: float
    share: float


LANES = tuple(
    Lane(lean, liquidation_factor(leverage, lean), LEVERAGE_SHARES[leverage])
    for lean in LEANS
    for leverage in LEVERAGES
)


def estimate(bars: pl.DataFrame, open_interest: pl.DataFrame, base: str) -> ClusterMap:
    """The clusters around the last close, observed with the last open interest; `confidence` is the coverage, 0 to 1.

    `bars` has closed_at, high, low and close; `open_interest` has observed_at and contracts, in the base currency; both in
    any order. Raises ValueError: `not_enough_data: have n, need m`, or naming a field that cannot be true.
    """
    steps = steps_of(bars, open_interest)
    contracts = steps["contracts"].to_numpy()
    opened = np.maximum(np.diff(contracts, prepend=contracts[0]), 0.0)
    kept = 1 - np.maximum(-np.diff(contracts, prepend=contracts[0]), 0.0) / contracts_before(contracts)
    high, low = steps["high"].to_numpy(), steps["low"].to_numpy()
    entries = steps["typical"].to_numpy()
    price = float(steps["close"][-1])

    # Held by each lane's tranches, one a step, as time goes by.
    held = np.zeros((len(LANES), len(entries)))
    levels = np.array([[lane.factor] for lane in LANES]) * entries
    is_long = np.array([[lane.lean == "long"] for lane in LANES])
    shares = np.array([lane.share for lane in LANES])
    for step in range(len(entries)):
        # Only candles after the entry count: where within its own candle a position was opened, nobody knows.
        passed = np.where(is_long, low[step] <= levels, high[step] >= levels)
        held[passed] = 0.0
        held *= kept[step]
        held[:, step] = opened[step] * shares
    observed_at: datetime = steps["observed_at"][-1]
    worth = held * levels
    return ClusterMap(
        vendor=SOURCE,
        observed_at=observed_at,
        clusters=_gathered(levels.ravel(), worth.ravel(), price, base),
        confidence=round(min(1.0, float(held.sum()) / len(LEANS) / float(contracts[-1])), 4),
    )


def contracts_before(contracts: np.ndarray) -> np.ndarray:
    """What was open before each step; before the first, what it says itself."""
    return np.concatenate([contracts[:1], contracts[:-1]])


def steps_of(bars: pl.DataFrame, open_interest: pl.DataFrame) -> pl.DataFrame:
    """One row an observation: observed_at, contracts, and the high, low, close and typical price since the one before.

    Observations without a candle since the one before them are left out. Raises ValueError like `estimate`.
    """
    observed = open_interest.select("observed_at", pl.col("contracts").cast(pl.Float64)).sort("observed_at")
    _refuse("contracts", observed.filter(~(pl.col("contracts").is_finite() & (pl.col("contracts") > 0))))
    _refuse("observed_at", observed.filter(pl.col("observed_at").is_duplicated()))
    prices = ("high", "low", "close")
    candles = bars.select("closed_at", pl.col(prices).cast(pl.Float64)).sort("closed_at")
    for name in prices:
        _refuse(name, candles.filter(~(pl.col(name).is_finite() & (pl.col(name) > 0))))
    steps = (
        candles.join_asof(
            observed, left_on="closed_at", right_on="observed_at", strategy="forward", coalesce=False
        )
        .drop_nulls("observed_at")
        .group_by("observed_at", maintain_order=True)
        .agg(
            pl.col("contracts").last(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            typical=((pl.col("high") + pl.col("low") + pl.col("close")) / 3).mean(),
        )
        .tail(OBSERVATIONS_MAX)
    )
    if steps.height < OBSERVATIONS_MIN:
        raise ValueError(
            f"not_enough_data: have {steps.height}, need {OBSERVATIONS_MIN} observations of open interest with candles"
        )
    return steps


def _refuse(field: str, wrong: pl.DataFrame) -> None:
    if wrong.height:
        raise ValueError(f"{field}: {wrong.height} of its values cannot be true, the first in {wrong.row(0)}")


def _gathered(levels: np.ndarray, worth: np.ndarray, price: float, base: str) -> tuple[Cluster, ...]:
    """The largest clusters of each side, highest price first; each stands at the mean of what it holds."""
    bins: dict[int, tuple[float, float]] = {}
    for level, notional in zip(levels.tolist(), worth.tolist(), strict=True):
        if notional < NOTIONAL_MIN or level == price or abs(level / price - 1) > DISTANCE_MAX:
            continue
        away = float(np.log(level / price)) / STEP_SHARE
        # Never the bin of the price itself: a cluster lies above it or below it.
        place = max(1, round(away)) if away > 0 else min(-1, round(away))
        before = bins.get(place, (0.0, 0.0))
        bins[place] = before[0] + notional, before[1] + notional * level
    largest: list[Cluster] = []
    for is_above in (True, False):
        side = sorted(
            (held for place, held in bins.items() if (place > 0) is is_above), key=lambda held: -held[0]
        )
        largest += [
            Cluster(
                side="above" if is_above else "below",
                price=_decimal(weighted / notional),
                size=size_of(notional, base),
                notional=_decimal(round(notional, 2)),
            )
            for notional, weighted in side[:CLUSTERS_A_SIDE_MAX]
        ]
    return tuple(sorted(largest, key=lambda cluster: -cluster.price))


def _decimal(number: float) -> Decimal:
    return Decimal(f"{number:.{PRICE_DIGITS}g}") if number < 1e8 else Decimal(f"{number:.2f}")
