"""A rising step from log odds to probability: isotonic regression by pooling adjacent violators. Pure.

Ayer, Brunk, Ewing, Reid and Silverman (1955); the pooling of blocks as Best and Chakravarti (1990) write it down. For
calibration: Zadrozny and Elkan (2002).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Observations are first gathered in bins of equal weight, so that no single one makes a step of its own.
BINS_MAX = 40
# Each bin is drawn to what the prior curve says there, by this many independent observations.
PRIOR_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Rising points (log odds, probability); straight between them, flat beyond."""

    places: Floats
    levels: Floats

    def probability(self, log_odds: Floats) -> Floats:
        return np.interp(log_odds, self.places, self.levels)


def fit_isotonic(log_odds: Floats, labels: Floats, weights: Floats, prior: Floats) -> Isotonic:
    """Fit to observations in any order; `prior` is the probability that the curve before this one gave to each."""
    order = np.argsort(log_odds, kind="stable")
    reached = np.cumsum(weights[order])
    bins = np.minimum((reached - weights[order]) / reached[-1] * BINS_MAX, BINS_MAX - 1).astype(np.int64)
    filled = np.flatnonzero(np.bincount(bins, minlength=BINS_MAX))

    def gathered(values: Floats) -> Floats:
        sums = np.bincount(bins, weights=values[order] * weights[order], minlength=BINS_MAX)
        return sums[filled].astype(np.float64)

    weight = gathered(np.ones_like(weights))
    believed = gathered(prior) / weight
    level = (gathered(labels) + PRIOR_WEIGHT * believed) / (weight + PRIOR_WEIGHT)
    return Isotonic(gathered(log_odds) / weight, pooled(level, weight + PRIOR_WEIGHT))


def pooled(values: Floats, weights: Floats) -> Floats:
    """The rising sequence that is nearest to `values` in weighted squares: neighbours that fall share their mean."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, count = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, before_mass, before_count = blocks.pop()
            mean = (before * before_mass + mean * mass) / (before_mass + mass)
            mass, count = before_mass + mass, before_count + count
        blocks.append((mean, mass, count))
    return np.repeat([mean for mean, _, _ in blocks], [count for _, _, count in blocks]).astype(np.float64)
