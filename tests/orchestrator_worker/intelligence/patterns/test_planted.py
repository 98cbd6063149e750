"""Patterns planted in noisy series are found, and what is found is what was planted.

Found means: of the planted kind, over at least two fifths of the planted bars, confirmed near the bar that breaks out.
Precision counts every other pattern that lies over the planted one, of whatever kind, as wrong. What is found elsewhere, in
the random walk before it, is a shape that chance drew: the last test bounds how many there are on walks alone.
"""

from collections import Counter
from functools import cache

import pytest

from orchestrator_worker.intelligence.patterns.chart import Chart, Shape
from orchestrator_worker.intelligence.patterns.detection import shapes_of
from tests.orchestrator_worker.intelligence.patterns.planted import (
    IMPLIED,
    OUTLINES,
    Planted,
    planted,
    wandering,
)

SERIES = 60
WALKS = 150
# Per kind and a thousand bars of a random walk.
CHANCE_MAX = 2.0
pytestmark = pytest.mark.timeout(180)


@cache
def found_in(kind: str) -> tuple[int, Counter[str]]:
    """In how many series of this kind it was found, and what else was found over it, by kind."""
    right, wrong = 0, Counter[str]()
    for seed in range(SERIES):
        series = planted(kind, seed)
        shapes = shapes_of(Chart.of(series.bars))
        hits = [shape for shape in shapes if is_hit(shape, series)]
        right += bool(hits)
        wrong.update(
            shape.kind
            for shape in shapes
            if shape not in hits and lies_over(shape, series) and shape.kind not in IMPLIED.get(kind, ())
        )
    return right, wrong


def is_hit(shape: Shape, series: Planted) -> bool:
    first, last = series.span
    shared = min(shape.confirmed, last) - max(shape.started, first)
    near = abs(shape.confirmed - last) <= 0.25 * (last - first) + 3
    return shape.kind == series.kind and near and shared >= 0.4 * (last - first)


def lies_over(shape: Shape, series: Planted) -> bool:
    first, last = series.span
    shared = min(shape.confirmed, last + 3) - max(shape.started, first)
    return 2 * shared >= shape.confirmed - shape.started


@pytest.mark.parametrize("kind", OUTLINES)
def test_four_of_five_planted_patterns_are_found(kind: str) -> None:
    right, _ = found_in(kind)

    assert right / SERIES >= 0.8, f"{kind}: {right} of {SERIES}"


@pytest.mark.parametrize("kind", OUTLINES)
def test_four_of_five_found_patterns_were_planted(kind: str) -> None:
    right, _ = found_in(kind)
    wrong = sum((found_in(other)[1] for other in OUTLINES), Counter[str]())

    assert right / (right + wrong[kind]) >= 0.8, f"{kind}: {right} right, {wrong[kind]} wrong"


def test_chance_draws_few_patterns() -> None:
    walks = [wandering(seed) for seed in range(WALKS)]
    bars = sum(walk.height for walk in walks)
    drawn = Counter(shape.kind for walk in walks for shape in shapes_of(Chart.of(walk)))

    assert all(1_000 * count / bars <= CHANCE_MAX for count in drawn.values()), drawn
