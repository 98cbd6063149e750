"""Patterns are judged by the signals' rules, and their rates recount by hand."""

import polars as pl
import pytest

from orchestrator_worker.intelligence.effectiveness import (
    JUDGED,
    UNJUDGED,
    effectiveness_of,
    judged_patterns,
)
from orchestrator_worker.intelligence.patterns import walk
from orchestrator_worker.win_rates.outcomes import Horizon
from tests.orchestrator_worker.market import random_candles
from tests.orchestrator_worker.win_rates.test_outcomes import naive
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1


def found(candles: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "pattern_id": str(number),
            "opened_at": one.detected_opened_at,
            "kind": one.kind,
            "origin": "live" if number % 3 else "backfill",
            "direction": one.direction,
            "entry_price": one.price_levels["entry"],
            "stop_price": one.price_levels["invalidation"],
            "target_price": one.price_levels["target"],
        }
        for number, one in enumerate(walk(candles, timeframe=HOUR))
    ]
    return pl.DataFrame(rows, schema=UNJUDGED)


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return random_candles(6_000, seed=17)


@pytest.fixture(scope="module")
def judged(candles: pl.DataFrame) -> pl.DataFrame:
    return judged_patterns(found(candles), candles, timeframe=HOUR)


def test_outcomes_equal_the_naive_loop(candles: pl.DataFrame, judged: pl.DataFrame) -> None:
    bars = candles.to_dicts()

    assert judged.height > 20
    for row in judged.iter_rows(named=True):
        expected = naive(row, bars, HOUR, Horizon.DAY)
        assert (row["barrier"], row["closed_at"]) == (expected["barrier"], expected["closed_at"])
        assert row["return_net"] == pytest.approx(expected["return_net"])


def test_the_baseline_is_the_same_trade_entered_elsewhere(
    candles: pl.DataFrame, judged: pl.DataFrame
) -> None:
    row, bars = judged.row(3, named=True), candles.to_dicts()
    entries = bars[:: len(bars) // 50]
    shares = {name: row[name] / row["entry_price"] for name in ("stop_price", "target_price")}
    endings = []
    for bar in entries:
        trade = {"opened_at": bar["opened_at"], "direction": row["direction"], "entry_price": bar["close"]}
        trade |= {name: bar["close"] * share for name, share in shares.items()}
        if bar["opened_at"] + HOUR.delta + Horizon.DAY.delta <= bars[-1]["opened_at"] + HOUR.delta:
            endings.append(naive(trade, bars, HOUR, Horizon.DAY)["barrier"])

    assert row["baseline"] == pytest.approx(endings.count("target") / len(endings))


def test_rates_recount_and_never_lack_their_n(judged: pl.DataFrame) -> None:
    counted = list(effectiveness_of(judged.select(JUDGED.names()), timeframe=HOUR))

    assert sum(one.n for one in counted if (one.direction, one.origin) == ("all", "all")) == judged.height
    for one in counted:
        rows = judged.filter(
            pl.col("kind") == one.kind,
            pl.lit(one.direction == "all") | (pl.col("direction") == one.direction),
            pl.lit(one.origin == "all") | (pl.col("origin") == one.origin),
        )
        assert one.n == rows.height > 0
        assert one.wins == rows.filter(pl.col("barrier") == "target").height
        assert one.wins + one.losses + one.expired == one.n
        assert one.low <= one.rate == one.wins / one.n <= one.high
        assert one.n_effective <= one.n + 1e-9
        assert one.since == rows["opened_at"].min()


def test_what_is_not_mature_is_not_judged(candles: pl.DataFrame) -> None:
    patterns = found(candles)
    last = patterns["opened_at"][-1]
    cut = candles.filter(pl.col("opened_at") <= last + 5 * HOUR.delta)

    assert patterns["pattern_id"][-1] not in judged_patterns(patterns, cut, timeframe=HOUR)["pattern_id"]


def test_nothing_judged_counts_nothing() -> None:
    assert list(effectiveness_of(pl.DataFrame(schema=JUDGED), timeframe=HOUR)) == []
