"""Cascade risk, hits, patterns and liquidation distances: the customer's figures, to the digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.liquidations.cascade import (
    band_of,
    cascade_of,
    is_hit,
    pattern_of,
    size_of,
)
from orchestrator_worker.liquidations.margin import distances, liquidation_factor
from orchestrator_worker.sources.readings import Cluster


def cluster(side: str, price: float, notional: float | None) -> Cluster:
    worth = None if notional is None else Decimal(str(notional))
    return Cluster(side=side, price=Decimal(str(price)), size="small", notional=worth)


@pytest.mark.parametrize(
    ("base", "price", "clusters", "risk"),
    [
        # 5 % away with exactly the critical notional: .95 · 1 · 50.
        ("BTC", 100, [("above", 105, 5e6)], 47.5),
        # Beyond the critical notional nothing is added.
        ("BTC", 100, [("above", 105, 9e6)], 47.5),
        ("ETH", 100, [("below", 90, 1.5e6)], 0.9 * 0.5 * 50),
        ("SOL", 100, [("below", 99, 1e6), ("above", 102, 5e5)], 0.99 * 50 + 0.98 * 0.5 * 50),
        ("SOL", 100, [("below", 99, 1e6), ("above", 101, 1e6), ("above", 102, 1e6)], 100.0),
        ("SOL", 100, [("above", 250, 1e6)], 0.0),
    ],
)
def test_cascade_risk_by_the_formula(
    base: str, price: float, clusters: list[tuple[str, float, float]], risk: float
) -> None:
    found = cascade_of([cluster(*given) for given in clusters], price, base)

    assert found.risk == pytest.approx(risk)
    assert min(100.0, found.above + found.below) == pytest.approx(risk)


@pytest.mark.parametrize(
    ("risk", "band"),
    [
        (70.1, "high"),
        (70.0, "medium"),
        (40.1, "medium"),
        (40.0, "low"),
        (20.1, "low"),
        (20.0, "none"),
        (0.0, "none"),
    ],
)
def test_the_bands_of_cascade_risk(risk: float, band: str) -> None:
    assert band_of(risk) == band


def test_critical_and_warning_clusters_are_counted() -> None:
    clusters = [cluster("above", 101, worth) for worth in (5e6, 4.9e6, 2e6, 1.9e6)]

    found = cascade_of([*clusters, cluster("below", 99, None)], 100, "BTC")

    assert (found.critical, found.warn, found.unknown) == (1, 2, 1)
    assert (found.critical_notional, found.warn_notional) == (5e6, 2e6)


def test_a_map_without_numbers_threatens_an_unknown_amount() -> None:
    assert cascade_of([cluster("above", 101, None)], 100, "BTC").risk is None
    assert cascade_of([], 100, "BTC").risk == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["above", "below"]), st.floats(1, 1e4), st.floats(0, 1e9)), max_size=40
    )
)
def test_cascade_risk_stays_within_its_bounds(given: list[tuple[str, float, float]]) -> None:
    risk = cascade_of([cluster(*one) for one in given], 100.0, "BTC").risk

    assert risk is not None
    assert 0 <= risk <= 100


@pytest.mark.parametrize(
    ("price", "hit"), [(43_000, True), (43_086, True), (42_914, True), (43_087, False), (42_913, False)]
)
def test_a_hit_is_within_a_fifth_of_a_percent(price: float, hit: bool) -> None:
    assert is_hit(cluster("above", 43_000, None), price) is hit


@pytest.mark.parametrize(
    ("clusters", "kind"),
    [
        ([("below", 98.5, 5e6), ("above", 103, 2e6)], "long_squeeze"),
        ([("above", 101.5, 5e6), ("below", 97, 2e6)], "short_squeeze"),
        # As much on one side, but too far away to be set off by a small move.
        ([("below", 96, 5e6), ("above", 103, 2e6)], "pull_down"),
        ([("above", 104, 5e6), ("below", 97, 2e6)], "pull_up"),
        ([("above", 101, 4e6), ("below", 99, 4e6)], "balanced"),
        ([("above", 120, 9e9)], None),
        ([], None),
    ],
)
def test_patterns_by_their_rule(clusters: list[tuple[str, float, float]], kind: str | None) -> None:
    assert pattern_of([cluster(*given) for given in clusters], 100, "BTC").kind == kind


def test_a_mirrored_map_has_the_mirrored_pattern() -> None:
    sides = {"above": "below", "below": "above"}
    mirrored = {"long_squeeze": "short_squeeze", "pull_down": "pull_up", "balanced": "balanced"}
    for clusters in ([("below", 98.5, 5e6)], [("below", 96, 1e6)], [("below", 99, 1e6), ("above", 101, 1e6)]):
        there = pattern_of([cluster(*one) for one in clusters], 100, "BTC").kind
        back = pattern_of(
            [cluster(sides[side], 200 - price, worth) for side, price, worth in clusters], 100, "BTC"
        ).kind

        assert back == mirrored[str(there)]


def test_sizes_by_the_share_of_the_critical_notional() -> None:
    assert [size_of(worth, "BTC") for worth in (9e5, 1e6, 3e6, 8e6)] == ["small", "medium", "large", "xlarge"]
    assert size_of(8e6, "DOGE") == "xlarge"


def test_a_long_is_liquidated_at_the_distances_that_were_measured() -> None:
    longs, shorts = distances(100.0)["long"], distances(100.0)["short"]

    assert {name: round(move["percent"], 1) for name, move in longs.items()} == {
        "10x": -9.6,
        "20x": -4.6,
        "50x": -1.5,
        "100x": -0.5,
    }
    assert all(move["percent"] > 0 and move["price"] > 100 for move in shorts.values())
    # Not 1/L: half of a percent of margin is owed at 100x.
    assert liquidation_factor(100, "long") > 0.99
