"""A logistic curve from strength to probability, fitted by Newton's method. Pure.

Platt scaling (J. Platt, Probabilistic Outputs for Support Vector Machines, 1999) with the backtracking Newton of H.-T. Lin,
C.-J. Lin and R. Weng (A Note on Platt's Probabilistic Outputs, 2007), weighted, and with two additions: each observation
brings an offset, its log odds without any edge, and a ridge pulls both coefficients to zero while there is little to learn
from. A curve that learned nothing therefore says exactly "no edge".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ITERATIONS_MAX = 50
HALVINGS_MAX = 30
GRADIENT_SMALL = 1e-9
# The prior spread of the intercept (in log odds: 0.4 is about ten percentage points) and of the slope over strength.
INTERCEPT_SPREAD = 0.4
SLOPE_SPREAD = 1.0
RIDGE = (1.0 / INTERCEPT_SPREAD**2, 1.0 / SLOPE_SPREAD**2)


@dataclass(frozen=True, slots=True)
class Logistic:
    """log odds = offset + intercept + slope · (strength − centre)."""

    intercept: float
    slope: float
    centre: float

    def log_odds(self, strength: Floats, offset: Floats) -> Floats:
        return offset + self.intercept + self.slope * (strength - self.centre)


def fit_logistic(
    strength: Floats,
    labels: Floats,
    weights: Floats,
    offset: Floats,
    *,
    ridge: tuple[float, float] = RIDGE,
) -> Logistic:
    """Fit by penalised maximum likelihood. `labels` lie in 0…1 and may be fractions; weights are positive."""
    centre = float(np.average(strength, weights=weights))
    design = np.column_stack([np.ones_like(strength), strength - centre])
    penalty = np.asarray(ridge)
    found = np.zeros(2)
    loss = _loss(design, labels, weights, offset, penalty, found)
    for _ in range(ITERATIONS_MAX):
        chance = probability_of(offset + design @ found)
        gradient = design.T @ (weights * (chance - labels)) + penalty * found
        if np.abs(gradient).max() < GRADIENT_SMALL * weights.sum():
            break
        curvature = (design.T * (weights * chance * (1.0 - chance))) @ design + np.diag(penalty + 1e-12)
        step = np.linalg.solve(curvature, gradient)
        # The loss is convex, but a whole step may overshoot where the curve is nearly flat.
        for halving in range(HALVINGS_MAX):
            tried = found - step / 2**halving
            tried_loss = _loss(design, labels, weights, offset, penalty, tried)
            if tried_loss <= loss:
                break
        if loss - tried_loss <= 0.0:
            break
        found, loss = tried, tried_loss
    return Logistic(float(found[0]), float(found[1]), centre)


def probability_of(log_odds: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-log_odds))


def log_odds_of(probability: Floats) -> Floats:
    return np.log(probability / (1.0 - probability))


def _loss(
    design: Floats, labels: Floats, weights: Floats, offset: Floats, penalty: Floats, found: Floats
) -> float:
    log_odds = offset + design @ found
    # log(1 + e^z) − y·z, written so that no exponential overflows.
    return float(
        (weights * (np.logaddexp(0.0, log_odds) - labels * log_odds)).sum() + 0.5 * (penalty * found**2).sum()
    )
