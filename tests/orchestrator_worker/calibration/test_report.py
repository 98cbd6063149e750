"""The calibration report against a naive recount, and what drift must notice."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.calibration.report import BIN_WIDTH, Calibration, calibrations, population_stability
from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.win_rates.outcomes import Horizon
from orchestrator_worker.win_rates.tally import wilson
from tests.orchestrator_worker.market import BEGAN_AT
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
SCHEMA = pl.Schema(
    {
        "opened_at": pl.Datetime("us", "UTC"),
        "direction": pl.String(),
        "score": pl.Float64(),
        "confidence": pl.Float64(),
        "base_rate": pl.Float64(),
        "entry_price": pl.Float64(),
        "stop_price": pl.Float64(),
        "target_price": pl.Float64(),
        "barrier": pl.String(),
        "return_net": pl.Float64(),
        "closed_at": pl.Datetime("us", "UTC"),
    }
)
CLAIM = st.tuples(
    st.sampled_from(["long", "short"]),
    st.floats(0.3, 1.0),
    st.floats(0.02, 0.98),
    st.sampled_from(["target", "stop", "expiry"]),
    st.integers(1, 20),
)


def claims_of(events: list[tuple[str, float, float, str, int]], *, every: int = 1) -> pl.DataFrame:
    rows = []
    for bar, (direction, score, confidence, barrier, lived) in enumerate(events):
        side = 1 if direction == "long" else -1
        opened_at = BEGAN_AT + HOUR.delta * bar * every
        returned = {"target": 0.025, "stop": -0.015, "expiry": 0.005}[barrier] - ROUND_TRIP
        levels = (100.0, 100.0 - 1.5 * side, 100.0 + 2.5 * side)
        closed_at = opened_at + HOUR.delta * (lived + 1)
        rows.append(
            (opened_at, direction, score * side, confidence, 0.4, *levels, barrier, returned, closed_at)
        )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def reports(claims: pl.DataFrame) -> dict[str, Calibration]:
    return {found.direction: found for found in calibrations(claims, timeframe=HOUR, horizon=Horizon.DAY)}


def share_of(row: dict[str, Any]) -> float:
    return {"target": 1.0, "stop": 0.0, "expiry": (0.005 + 0.015) / 0.04}[row["barrier"]]


@given(st.lists(CLAIM, max_size=60))
@settings(deadline=None, max_examples=50)
def test_scores_equal_a_naive_recount(events: list[tuple[str, float, float, str, int]]) -> None:
    claims = claims_of(events)

    for direction, found in reports(claims).items():
        chosen = [row for row in claims.to_dicts() if direction in ("all", row["direction"])]
        assert found.n == len(chosen)
        assert found.expired == sum(row["barrier"] == "expiry" for row in chosen)
        assert sum(place["n"] for place in found.reliability) == found.n
        if not chosen:
            assert {found.brier, found.skill, found.mean_confidence, found.psi} == {None}
            continue
        brier = sum((row["confidence"] - share_of(row)) ** 2 for row in chosen) / len(chosen)
        base = sum((0.4 - share_of(row)) ** 2 for row in chosen) / len(chosen)
        assert found.brier == pytest.approx(brier)
        assert found.skill == pytest.approx(1 - brier / base)
        assert (found.first_opened_at, found.last_opened_at) == (
            chosen[0]["opened_at"],
            chosen[-1]["opened_at"],
        )
        for place in found.reliability:
            inside = [
                row for row in chosen if place["start"] <= row["confidence"] + 1e-9 * BIN_WIDTH < place["end"]
            ]
            assert place["n"] == len(inside)
            assert place["share"] == pytest.approx(sum(map(share_of, inside)) / len(inside))
            assert (place["low"], place["high"]) == wilson(
                place["share"] * place["n_effective"], place["n_effective"]
            )
            assert 0 < place["n_effective"] <= place["n"] + 1e-9


def test_without_a_kept_base_rate_the_record_of_the_time_is_held_against() -> None:
    claims = claims_of([("long", 0.5, 0.5, "target", 1)] * 60, every=30).with_columns(
        base_rate=pl.lit(None, dtype=pl.Float64)
    )

    found = reports(claims)["long"]

    # The first knows nothing, the k-th that k earlier ones all won.
    told = [0.375 + k * 0.625 / (k + 50) for k in range(60)]
    assert found.brier_base == pytest.approx(sum((1 - rate) ** 2 for rate in told) / 60)


def test_confidences_that_stop_holding_are_drift() -> None:
    dice = np.random.default_rng(5)
    good = [("long", 0.5, 0.9, "target" if dice.random() < 0.9 else "stop", 1) for _ in range(300)]
    bad = [("long", 0.5, 0.9, "stop", 1) for _ in range(100)]

    assert reports(claims_of([*good, *good[:100]], every=3))["long"].drift == "none"
    worse = reports(claims_of([*good, *bad], every=3))["long"]
    assert worse.drift == "strong"
    assert worse.brier_recent is not None and worse.brier_earlier is not None
    assert worse.brier_recent > worse.brier_earlier + 0.5


def test_few_outcomes_say_nothing_of_drift() -> None:
    found = reports(claims_of([("long", 0.5, 0.4, "stop", 1)] * 20, every=3))["long"]

    assert (found.psi, found.drift) == (None, "unknown")


def test_population_stability_has_its_known_value() -> None:
    # Ten classes before; after, a twentieth moved from the first to the last.
    before = np.arange(1_000) / 1_000
    after = np.concatenate([np.arange(50, 1_000) / 1_000, np.full(50, 0.999)])

    expected = (0.05 - 0.10) * math.log(0.05 / 0.10) + (0.15 - 0.10) * math.log(0.15 / 0.10)

    assert population_stability(before, before) == pytest.approx(0.0)
    assert population_stability(before, after) == pytest.approx(expected, rel=1e-6)
