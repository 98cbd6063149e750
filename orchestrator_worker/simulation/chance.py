"""What entering at random would have earned: the same stops, targets and costs, at bars drawn by lot. Pure.

A draw takes as many longs and as many shorts as the replay did, each at a bar drawn without replacement, and its result
is the mean return of those trades. The percentile says how many of the draws the replay beats; 0.5 is what luck earns.
Drawn trades may overlap, which spreads the draws a little wider than one position at a time would: the percentile is
the more cautious for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

# Percentiles are told in hundredths; a thousand draws know them to about one and a half.
DRAWS = 1_000
DRAWS_MAX = 10_000
SLICES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """`percentile` is the share of draws whose mean return lies below the replay's, ties counting half."""

    draws: int
    seed: int
    percentile: float | None
    expectancy_mean: float | None
    expectancy_low: float | None
    expectancy_high: float | None
    win_rate: float | None


def draw(everywhere: pl.DataFrame, *, longs: int, shorts: int, draws: int, seed: int) -> Iterator[Floats]:
    """Yield the draws' mean returns in SLICES parts, so that a long lottery can say how far it is and be stopped.

    `everywhere` holds a raced trade for each bar and direction (direction, return_net).
    """
    generator = np.random.default_rng(seed)
    pools = [
        (everywhere.filter(pl.col("direction") == direction)["return_net"].to_numpy(), count)
        for direction, count in (("long", longs), ("short", shorts))
    ]
    # More trades than bars, which overlapping ones could be, are drawn from all bars once.
    pools = [(pool, min(count, pool.size)) for pool, count in pools]
    taken = sum(count for _, count in pools)
    for part in np.array_split(np.arange(draws), SLICES):
        if not part.size or not taken:
            continue
        sums = np.zeros(part.size)
        for pool, count in pools:
            for at in range(part.size if count else 0):
                sums[at] += pool[generator.choice(pool.size, count, replace=False, shuffle=False)].sum()
        yield sums / taken


def chance_of(
    expectancy: float | None, drawn: Floats, everywhere: pl.DataFrame, *, longs: int, shorts: int, seed: int
) -> Chance:
    """Place a replay's mean return among the draws', and say how often a random entry reaches its target."""
    if expectancy is None or not drawn.size:
        return Chance(
            draws=int(drawn.size),
            seed=seed,
            percentile=None,
            expectancy_mean=None,
            expectancy_low=None,
            expectancy_high=None,
            win_rate=None,
        )
    below = float((drawn < expectancy).mean()) + float((drawn == expectancy).mean()) / 2.0
    low, high = np.percentile(drawn, [2.5, 97.5])
    share = longs / (longs + shorts)
    rates = {
        direction: everywhere.filter(pl.col("direction") == direction)
        .select((pl.col("reason") == "target").mean())
        .item()
        for direction in ("long", "short")
    }
    return Chance(
        draws=int(drawn.size),
        seed=seed,
        percentile=below,
        expectancy_mean=float(drawn.mean()),
        expectancy_low=float(low),
        expectancy_high=float(high),
        win_rate=share * (rates["long"] or 0.0) + (1.0 - share) * (rates["short"] or 0.0),
    )
