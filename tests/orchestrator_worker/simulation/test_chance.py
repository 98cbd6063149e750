"""Luck by lot: repeatable, in parts, and an edge that was planted stands out of it."""

import numpy as np
import polars as pl
import pytest

from orchestrator_worker.simulation.chance import SLICES, chance_of, draw


def everywhere(bars: int = 2_000, *, seed: int = 3) -> pl.DataFrame:
    returned = np.random.default_rng(seed).normal(-0.001, 0.02, 2 * bars)
    return pl.DataFrame(
        {
            "direction": ["long"] * bars + ["short"] * bars,
            "return_net": returned,
            "reason": np.where(returned > 0, "target", "stop"),
        }
    )


def drawn(*, longs: int = 40, shorts: int = 60, draws: int = 1_000, seed: int = 1) -> np.ndarray:
    return np.concatenate(list(draw(everywhere(), longs=longs, shorts=shorts, draws=draws, seed=seed)))


def test_the_same_seed_draws_the_same() -> None:
    assert (drawn() == drawn()).all()
    assert (drawn() != drawn(seed=2)).any()


def test_draws_come_in_parts() -> None:
    parts = list(draw(everywhere(), longs=3, shorts=3, draws=105, seed=1))

    assert len(parts) == SLICES
    assert sum(part.size for part in parts) == 105


def test_what_is_drawn_spreads_around_the_mean_of_all() -> None:
    means = drawn()

    assert means.mean() == pytest.approx(everywhere()["return_net"].mean(), abs=0.0005)
    assert means.std() == pytest.approx(0.02 / np.sqrt(100), rel=0.15)


@pytest.mark.parametrize(
    ("expectancy", "low", "high"), [(0.02, 1.0, 1.0), (-0.03, 0.0, 0.0), (-0.001, 0.3, 0.7)]
)
def test_the_percentile_tells_an_edge_from_luck(expectancy: float, low: float, high: float) -> None:
    chance = chance_of(expectancy, drawn(), everywhere(), longs=40, shorts=60, seed=1)

    assert chance.percentile is not None
    assert low <= chance.percentile <= high
    assert chance.expectancy_low is not None
    assert chance.expectancy_high is not None
    assert chance.expectancy_low < -0.001 < chance.expectancy_high
    assert chance.win_rate == pytest.approx(0.48, abs=0.03)


def test_without_trades_there_is_no_percentile() -> None:
    assert list(draw(everywhere(), longs=0, shorts=0, draws=100, seed=1)) == []
    assert chance_of(None, np.empty(0), everywhere(), longs=0, shorts=0, seed=1).percentile is None
