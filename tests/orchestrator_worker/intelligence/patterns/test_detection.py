"""What is told of a pattern: stable from bar to bar, never from the future, bounded, and refused on bad bars."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import pytest

from orchestrator_worker.intelligence.patterns import Pattern, detect, walk
from orchestrator_worker.intelligence.patterns.detection import CONFIDENCE_MIN, KINDS, PATTERNS_MAX
from tests.orchestrator_worker.intelligence.patterns.planted import OUTLINES, planted
from tests.orchestrator_worker.market import mirrored, random_candles, real_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
MIRROR = {
    "double_top": "double_bottom",
    "ascending_triangle": "descending_triangle",
    "rising_wedge": "falling_wedge",
    "support_level": "resistance_level",
    "upward_breakout": "downward_breakout",
}


@dataclass(frozen=True)
class Spot:
    side: str
    price: float
    size: str


def key(pattern: Pattern) -> tuple[str, str]:
    return pattern.kind, pattern.started_at.isoformat()


def up_to(bars: pl.DataFrame, pattern: Pattern, later: int = 0) -> pl.DataFrame:
    return bars.filter(pl.col("opened_at") <= pattern.detected_opened_at + later * HOUR.delta)


@pytest.mark.parametrize("kind", OUTLINES)
def test_a_pattern_is_told_at_the_close_that_makes_it_valid(kind: str) -> None:
    series = next(one for one in (planted(kind, seed) for seed in range(20)) if kinds_of(one.bars) & {kind})
    pattern = next(one for one in walk(series.bars, timeframe=HOUR) if one.kind == kind)

    told = detect(up_to(series.bars, pattern), timeframe=HOUR)

    assert pattern in told
    assert key(pattern) not in map(key, detect(up_to(series.bars, pattern, -1), timeframe=HOUR))
    assert pattern.started_at <= pattern.ended_at <= pattern.detected_opened_at
    assert pattern.expires_at == pattern.detected_opened_at + HOUR.delta + timedelta(hours=24)


def kinds_of(bars: pl.DataFrame) -> set[str]:
    return {pattern.kind for pattern in walk(bars, timeframe=HOUR)}


def test_the_next_bar_finds_the_same_pattern() -> None:
    series = planted("ascending_triangle", 1)
    pattern = walk(series.bars, timeframe=HOUR)[-1]

    again = detect(up_to(series.bars, pattern, 1), timeframe=HOUR)

    assert [one for one in again if key(one) == key(pattern)] in ([pattern], [])
    assert pattern in detect(up_to(series.bars, pattern), timeframe=HOUR)


def test_no_pattern_rests_on_a_later_bar() -> None:
    bars = random_candles(3_000, seed=4)
    whole = walk(bars, timeframe=HOUR)

    assert len(whole) > 5
    for cut in (700, 1_234, 2_048, 2_777):
        opened_at = bars["opened_at"][cut - 1]
        known = [pattern for pattern in whole if pattern.detected_opened_at <= opened_at]
        assert walk(bars[:cut], timeframe=HOUR) == known


def test_the_levels_lie_on_their_sides() -> None:
    for pattern in walk(random_candles(6_000, seed=9), timeframe=HOUR):
        levels, side = pattern.price_levels, 1.0 if pattern.direction == "long" else -1.0
        assert side * (levels["target"] - levels["entry"]) > 0, pattern
        assert side * (levels["entry"] - levels["invalidation"]) > 0, pattern
        assert CONFIDENCE_MIN <= pattern.confidence <= 1.0
        assert pattern.kind in KINDS


def test_a_market_upside_down_has_the_patterns_upside_down() -> None:
    bars = random_candles(4_000, seed=5)
    turned = {**MIRROR, **{value: name for name, value in MIRROR.items()}}

    found = {(key(one), one.direction) for one in walk(bars, timeframe=HOUR)}
    mirror = {
        (
            (turned.get(one.kind, one.kind), one.started_at.isoformat()),
            {"long": "short", "short": "long"}[one.direction],
        )
        for one in walk(mirrored(bars), timeframe=HOUR)
    }

    assert found == mirror


def test_a_reached_target_ends_a_pattern() -> None:
    series = planted("double_bottom", 3)
    pattern = next(one for one in walk(series.bars, timeframe=HOUR) if one.kind == "double_bottom")
    bars = up_to(series.bars, pattern)
    target = pattern.price_levels["target"]
    reaching = bars[-1].with_columns(
        opened_at=pl.col("opened_at") + HOUR.delta,
        open=pl.col("close"),
        low=pl.col("close"),
        high=pl.lit(target * 1.001),
    )

    assert key(pattern) in map(key, detect(bars, timeframe=HOUR))
    assert key(pattern) not in map(key, detect(pl.concat([bars, reaching]), timeframe=HOUR))


@pytest.mark.parametrize(
    ("clusters", "told"),
    [
        ([("above", 1.03, "xlarge")], True),
        ([("above", 1.03, "small")], False),
        ([("above", 1.5, "xlarge")], False),
        ([("below", 0.97, "xlarge")], False),
        ([("above", 1.03, "xlarge"), ("below", 0.99, "xlarge")], False),
        ([("above", 1.0005, "xlarge")], False),
    ],
)
def test_a_large_cluster_near_ahead_is_a_magnet(clusters: list[tuple[str, float, str]], told: bool) -> None:
    # Down, then up again: the price has turned towards what lies above.
    closes = [100.0 - bar * 0.2 for bar in range(60)] + [88.0 + bar * 0.3 for bar in range(30)]
    bars = random_candles(90, seed=1).with_columns(close=pl.Series(closes))
    bars = bars.with_columns(open=pl.col("close").shift(1, fill_value=100.0)).with_columns(
        high=pl.max_horizontal("open", "close") + 0.5, low=pl.min_horizontal("open", "close") - 0.3
    )
    spots = [Spot(side, closes[-1] * share, size) for side, share, size in clusters]

    found = [one for one in detect(bars, timeframe=HOUR, clusters=spots) if one.kind == "liquidation_cluster"]

    assert bool(found) == told
    assert all(one.direction == "long" and one.price_levels["target"] == spots[0].price for one in found)


def test_at_most_ten_are_told_best_first() -> None:
    bars, _ = real_candles("BTCUSDT_5m_2024")
    for start in range(0, 20_000, 2_500):
        told = detect(bars[start : start + 1_000], timeframe=Timeframe.MINUTES_5)
        assert len(told) <= PATTERNS_MAX
        assert [one.confidence for one in told] == sorted((one.confidence for one in told), reverse=True)


def test_too_few_bars_have_no_pattern() -> None:
    assert detect(random_candles(30, seed=1), timeframe=HOUR) == []
    assert walk(random_candles(1, seed=1), timeframe=HOUR) == []


@pytest.mark.parametrize(
    ("spoilt", "named"),
    [
        (lambda bars: bars.reverse(), "opened_at"),
        (lambda bars: pl.concat([bars, bars[-1]]), "opened_at"),
        (lambda bars: bars.with_columns(close=pl.lit(float("nan"))), "close"),
        (lambda bars: bars.with_columns(low=-pl.col("low")), "low"),
    ],
)
def test_bad_bars_are_refused_by_name(spoilt: object, named: str) -> None:
    assert callable(spoilt)
    with pytest.raises(ValueError, match=named):
        detect(spoilt(random_candles(100, seed=1)), timeframe=HOUR)
