"""The curve from strength to confidence that was known at one moment, learned from our own outcomes. Pure.

With fewer than PLATT_LABELS_MIN independent labels the curve is a base rate: no edge, plus what our record says beyond it,
shrunk. From there on a logistic curve over strength is tried, from ISOTONIC_LABELS_MIN on a rising step on top of it. A curve
is used only if, fitted to the earlier labels, it beats the base rate on the later ones by Brier's score and by more than chance
explains; else the base rate stays, however many labels there are.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from orchestrator_worker.calibration.isotonic import Isotonic, fit_isotonic
from orchestrator_worker.calibration.labels import Labels, uniqueness
from orchestrator_worker.calibration.logistic import Logistic, fit_logistic, log_odds_of, probability_of
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

Floats = npt.NDArray[np.float64]

# A prior of "no edge" weighs as much as this many independent outcomes.
PRIOR_OUTCOMES = 50.0
# Effective numbers of labels, not counts: ten signals on ten bars in a row are about one label.
PLATT_LABELS_MIN = 100.0
ISOTONIC_LABELS_MIN = 1_000.0
# A curve learns from at most this many labels of a direction, the newest ones.
LABELS_MAX = 20_000
# The last third of the labels judges what was learned from those before it.
LATER_SHARE = 1.0 / 3.0
LATER_LABELS_MIN = 20
# By how many standard errors of the difference a curve must do better there: one-sided 95 %. Without this, about half of
# all curves that know nothing would be used.
BETTER_ERRORS = 1.644854
PROBABILITY_MIN = 0.02
PROBABILITY_MAX = 0.98

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What was known at `fitted_at`. `brier` and `brier_base` are those of the later labels; null where none were tried."""

    fitted_at: datetime
    n: int
    n_effective: float
    method: str
    edge: float
    logistic: Logistic | None = None
    isotonic: Isotonic | None = None
    brier: float | None = None
    brier_base: float | None = None

    def base_rate(self, no_edge: Floats) -> Floats:
        return np.clip(no_edge + self.edge, PROBABILITY_MIN, PROBABILITY_MAX)

    def probability(self, strength: Floats, no_edge: Floats) -> Floats:
        """The probability of the target before the stop, for signals of this strength with these levels."""
        if self.logistic is None:
            return self.base_rate(no_edge)
        log_odds = self.logistic.log_odds(strength, log_odds_of(no_edge))
        chance = probability_of(log_odds) if self.isotonic is None else self.isotonic.probability(log_odds)
        return np.clip(chance, PROBABILITY_MIN, PROBABILITY_MAX)

    def standard_error(self, probability: Floats) -> Floats:
        return np.sqrt(probability * (1.0 - probability) / (self.n_effective + PRIOR_OUTCOMES))

    def summary(self) -> dict[str, Any]:
        """What a signal keeps of the curve behind its confidence."""
        return {
            "method": self.method,
            "n": self.n,
            "n_effective": round(self.n_effective, 1),
            "edge": round(self.edge, 6),
            "brier": None if self.brier is None else round(self.brier, 6),
            "brier_base": None if self.brier_base is None else round(self.brier_base, 6),
            "fitted_at": self.fitted_at.isoformat(),
        }


def refit_every(timeframe: Timeframe) -> timedelta:
    """How long a curve is used: a week, or a month where signals themselves take a month to end."""
    return max(timedelta(days=7), Horizon.of(timeframe).delta)


def refit_at(closed_at: datetime, timeframe: Timeframe) -> datetime:
    """The moment whose knowledge is used for a bar that closes at `closed_at`: the same whoever asks, and whenever."""
    every = refit_every(timeframe)
    return _EPOCH + (closed_at - _EPOCH) // every * every


def fit_curve(labels: Labels, fitted_at: datetime, *, timeframe: Timeframe) -> Curve:
    """Learn from those labels of one direction that were known at `fitted_at`."""
    moment = int((fitted_at - _EPOCH) / timedelta(microseconds=1))
    stop = int(np.searchsorted(labels.known, moment, side="right"))
    known = labels.part(max(0, stop - LABELS_MAX), stop)
    step = timeframe.seconds * 1_000_000
    weights = uniqueness(known.opened, known.closed, step)
    n_effective = float(weights.sum())
    base = Curve(
        fitted_at=fitted_at,
        n=len(known),
        n_effective=n_effective,
        method="base_rate",
        edge=_edge(known, weights),
    )
    if n_effective < PLATT_LABELS_MIN:
        return base
    with_steps = n_effective >= ISOTONIC_LABELS_MIN
    scores = _scores_on_later(known, step, with_steps=with_steps)
    if scores is None:
        return base
    brier, brier_base, is_better = scores
    if not is_better:
        return replace(base, brier=brier, brier_base=brier_base)
    logistic, isotonic = _shape(known, weights, with_steps=with_steps)
    return replace(
        base,
        method="isotonic" if with_steps else "platt",
        logistic=logistic,
        isotonic=isotonic,
        brier=brier,
        brier_base=brier_base,
    )


def _edge(labels: Labels, weights: Floats) -> float:
    beyond = float((weights * (labels.share - labels.no_edge)).sum())
    return beyond / (float(weights.sum()) + PRIOR_OUTCOMES)


def _shape(labels: Labels, weights: Floats, *, with_steps: bool) -> tuple[Logistic, Isotonic | None]:
    offset = log_odds_of(labels.no_edge)
    logistic = fit_logistic(labels.strength, labels.share, weights, offset)
    if not with_steps:
        return logistic, None
    log_odds = logistic.log_odds(labels.strength, offset)
    return logistic, fit_isotonic(log_odds, labels.share, weights, probability_of(log_odds))


def _scores_on_later(labels: Labels, step: int, *, with_steps: bool) -> tuple[float, float, bool] | None:
    """The Brier scores of a curve and of the base rate, both made of the earlier labels, on the later ones.

    And whether the first is better by more than chance gives away, counting only independent labels.
    """
    cut = int(len(labels) * (1.0 - LATER_SHARE))
    later = labels.part(cut, len(labels))
    if len(later) < LATER_LABELS_MIN:
        return None
    # Nothing that was still open when the first later signal was given may have been learned from.
    earlier = labels.part(0, int(np.searchsorted(labels.known[:cut], later.opened[0] + step, side="right")))
    if not len(earlier):
        return None
    weights = uniqueness(earlier.opened, earlier.closed, step)
    logistic, isotonic = _shape(earlier, weights, with_steps=with_steps)
    tried = Curve(
        fitted_at=_EPOCH,
        n=len(earlier),
        n_effective=float(weights.sum()),
        method="tried",
        edge=_edge(earlier, weights),
        logistic=logistic,
        isotonic=isotonic,
    )
    judging = uniqueness(later.opened, later.closed, step)
    missed = (tried.probability(later.strength, later.no_edge) - later.share) ** 2
    missed_base = (tried.base_rate(later.no_edge) - later.share) ** 2
    gained = missed_base - missed
    gain = float(np.average(gained, weights=judging))
    error = float(np.sqrt(np.average((gained - gain) ** 2, weights=judging) / judging.sum()))
    brier, brier_base = (float(np.average(scores, weights=judging)) for scores in (missed, missed_base))
    return brier, brier_base, gain > BETTER_ERRORS * error
