"""The curve of a moment: base rate, Platt or isotonic by how much is known, and only what beats the base rate later."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from orchestrator_worker.calibration.curve import (
    ISOTONIC_LABELS_MIN,
    PLATT_LABELS_MIN,
    PRIOR_OUTCOMES,
    fit_curve,
    refit_at,
    refit_every,
)
from orchestrator_worker.calibration.labels import Labels, uniqueness
from orchestrator_worker.calibration.logistic import log_odds_of, probability_of
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
STEP = 3_600_000_000
NO_EDGE = 0.375
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def labels_that(count: int, *, slope: float, edge: float = 0.0, seed: int = 1, every: int = 1) -> Labels:
    """Labels whose chance is that of no edge, moved in log odds by `edge` and by `slope` for each unit of strength."""
    dice = np.random.default_rng(seed)
    strength = dice.uniform(0.3, 1.0, count)
    chance = probability_of(log_odds_of(np.full(count, NO_EDGE)) + edge + slope * (strength - 0.65))
    opened = np.arange(count, dtype=np.int64) * STEP * every
    return Labels(
        opened=opened,
        closed=opened + 2 * STEP,
        known=opened + 25 * STEP,
        strength=strength,
        no_edge=np.full(count, NO_EDGE),
        share=(dice.uniform(size=count) < chance).astype(float),
    )


def test_few_labels_give_a_shrunk_base_rate() -> None:
    labels = labels_that(60, slope=6.0)

    curve = fit_curve(labels, FAR, timeframe=HOUR)

    assert curve.method == "base_rate"
    assert curve.n == 60
    assert curve.n_effective == pytest.approx(60)
    assert curve.edge == pytest.approx((labels.share - NO_EDGE).sum() / (60 + PRIOR_OUTCOMES))
    assert curve.probability(np.array([0.3, 0.9]), np.array([NO_EDGE, 0.5])) == pytest.approx(
        [NO_EDGE + curve.edge, 0.5 + curve.edge]
    )


@pytest.mark.parametrize(
    ("count", "method"), [(int(PLATT_LABELS_MIN) * 4, "platt"), (int(ISOTONIC_LABELS_MIN) * 2, "isotonic")]
)
def test_strength_that_tells_is_learned_from(count: int, method: str) -> None:
    curve = fit_curve(labels_that(count, slope=6.0), FAR, timeframe=HOUR)

    assert curve.method == method
    assert curve.brier is not None and curve.brier_base is not None
    assert curve.brier < curve.brier_base
    weak, strong = curve.probability(np.array([0.35, 0.95]), np.full(2, NO_EDGE))
    assert weak == pytest.approx(probability_of(log_odds_of(np.array([NO_EDGE])) - 1.8)[0], abs=0.06)
    assert strong == pytest.approx(probability_of(log_odds_of(np.array([NO_EDGE])) + 1.8)[0], abs=0.15)


def test_a_curve_that_does_no_better_later_is_not_used() -> None:
    # What held for the earlier labels is turned round in the later ones.
    earlier, later = labels_that(600, slope=6.0), labels_that(600, slope=-6.0, seed=2)
    turned = Labels(
        *(
            np.concatenate(
                [getattr(earlier, name), getattr(later, name) + (600 * STEP if name in times else 0)]
            )
            for times in [("opened", "closed", "known")]
            for name in Labels.__slots__
        )
    )

    curve = fit_curve(turned, FAR, timeframe=HOUR)

    assert curve.method == "base_rate"
    assert curve.brier is not None and curve.brier_base is not None
    assert curve.brier >= curve.brier_base


def test_noise_is_rarely_taken_for_knowledge_and_never_for_much() -> None:
    curves = [fit_curve(labels_that(400, slope=0.0, seed=seed), FAR, timeframe=HOUR) for seed in range(40)]

    # By chance a slope helps on the later third one time in twenty; the ridge keeps it small.
    spread = [np.ptp(curve.probability(np.array([0.3, 1.0]), np.full(2, NO_EDGE))) for curve in curves]
    assert sum(curve.method == "base_rate" for curve in curves) >= 34
    assert max(spread) < 0.25


def test_overlapping_labels_count_for_what_they_are() -> None:
    opened = np.arange(1_000, dtype=np.int64) * STEP
    crowded = Labels(
        opened=opened,
        closed=opened + 21 * STEP,
        known=opened + 25 * STEP,
        strength=np.full(1_000, 0.5),
        no_edge=np.full(1_000, NO_EDGE),
        share=np.zeros(1_000),
    )

    curve = fit_curve(crowded, FAR, timeframe=HOUR)

    # A thousand labels that live twenty bars each are about fifty: too few for a curve.
    assert curve.n_effective == pytest.approx(1_000 / 20, rel=0.1)
    assert curve.method == "base_rate"


def test_only_what_was_known_is_learned_from() -> None:
    labels = labels_that(500, slope=6.0)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=225)
    changed = Labels(
        **{name: getattr(labels, name) for name in Labels.__slots__ if name != "share"},
        share=np.where(labels.known <= 225 * STEP, labels.share, 1.0 - labels.share),
    )

    curve = fit_curve(labels, moment, timeframe=HOUR)

    assert curve.n == 201
    assert fit_curve(changed, moment, timeframe=HOUR) == curve


def test_curves_are_made_at_moments_that_nobody_chooses() -> None:
    at = datetime(2025, 3, 14, 15, 9, tzinfo=UTC)

    assert refit_every(HOUR) == timedelta(days=7)
    assert refit_every(Timeframe.DAY_1) == timedelta(days=30)
    assert refit_at(at, HOUR) <= at < refit_at(at, HOUR) + timedelta(days=7)
    assert refit_at(refit_at(at, HOUR), HOUR) == refit_at(at, HOUR)


def test_uniqueness_equals_its_definition() -> None:
    dice = np.random.default_rng(3)
    opened = np.sort(dice.integers(0, 60, 30))
    lived = dice.integers(1, 15, 30)
    lives = [set(range(start + 1, start + 1 + length)) for start, length in zip(opened, lived, strict=True)]

    expected = [sum(1 / sum(bar in other for other in lives) for bar in life) / len(life) for life in lives]

    assert uniqueness(opened.astype(np.int64), (opened + lived + 1).astype(np.int64), 1) == pytest.approx(
        expected
    )
