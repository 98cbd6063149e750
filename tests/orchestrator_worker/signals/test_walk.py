"""The walk: the same values with the future removed, sane proportions on real candles, sentences with numbers."""

import random
import re
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestrator_worker.signals.readings import Reading
from orchestrator_worker.signals.reasons import price_text
from orchestrator_worker.signals.walk import BARS_MIN, signal_from, walk
from tests.orchestrator_worker.market import random_candles, real_candles
from zmarty.market import Symbol, Timeframe

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")


def readings_for(candles: pl.DataFrame, *, seed: int) -> list[Reading]:
    dice = random.Random(seed)
    readings = []
    for row in candles.iter_rows(named=True):
        at, close = row["opened_at"], row["close"]
        if dice.random() < 0.3:
            readings.append(Reading("ls_ratio", at, {"ratio": dice.uniform(0.6, 1.6)}))
        if dice.random() < 0.3:
            readings.append(Reading("trend", at, {"trend_score": dice.uniform(20, 80)}))
        if dice.random() < 0.3:
            readings.append(Reading("liquidations", at, {"longs": dice.uniform(0, 1e6), "shorts": 4e5}))
        if dice.random() < 0.3:
            places = [dice.uniform(0.95, 1.05) for _ in range(3)]
            clusters = [{"price": close * place, "notional": dice.uniform(1e5, 1e7)} for place in places]
            readings.append(Reading("clusters", at, {"clusters": clusters}))
    return readings


@pytest.mark.parametrize("seed", [1, 2])
def test_no_signal_knows_the_future(seed: int) -> None:
    candles = random_candles(1_200, seed=seed)
    readings = readings_for(candles, seed=seed)
    whole = walk(candles, readings, timeframe=HOUR)

    for bar in random.Random(seed).sample(range(BARS_MIN, candles.height), 12):
        at = candles["opened_at"][bar]
        past = walk(
            candles.head(bar + 1), [seen for seen in readings if seen.opened_at <= at], timeframe=HOUR
        )

        assert_frame_equal(past.tail(1), whole.filter(pl.col("opened_at") == at), check_exact=True)


def test_another_future_changes_nothing() -> None:
    candles = random_candles(1_000, seed=5)
    future = (
        candles.tail(300)
        .select("open", "high", "low", "close", "volume")
        .sample(fraction=1.0, shuffle=True, seed=9)
    )
    other = pl.concat([candles.head(700), candles.tail(300).select("opened_at").hstack(future)])

    kept = 700 - BARS_MIN + 1
    assert_frame_equal(
        walk(candles, [], timeframe=HOUR).head(kept),
        walk(other, [], timeframe=HOUR).head(kept),
        check_exact=True,
    )


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSDT_1h_2023-2025",
        "BTCUSDT_1d_2017-2026",
        "BTCUSDT_5m_2024",
        "ETHUSDT_1h_2024",
        "SOLUSDT_4h_2024",
        "AVAXUSDT_1h_2024",
    ],
)
def test_each_direction_occurs_in_sane_proportions(name: str) -> None:
    candles, timeframe = real_candles(name)

    rows = walk(candles, [], timeframe=timeframe)

    # A bar that an exchange halted in has indicators still, and a signal: flat.
    assert rows.height == candles.height - BARS_MIN + 1
    share = {
        direction: count / rows.height for direction, count in rows["direction"].value_counts().iter_rows()
    }
    assert 0.12 <= share["long"] <= 0.40
    assert 0.12 <= share["short"] <= 0.40
    assert 0.35 <= share["flat"] <= 0.65
    confidence = rows["confidence"].drop_nulls()
    assert confidence.is_between(0.05, 0.95).all()
    assert confidence.n_unique() > 100


def test_real_signals_are_not_all_worth_acting_on() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")

    verdicts = dict(walk(candles, [], timeframe=timeframe)["verdict"].value_counts().iter_rows())

    assert verdicts["no_edge"] > 0.9 * sum(verdicts.values())
    assert verdicts["watch"] > 0


def test_two_thousand_bars_walk_within_a_second() -> None:
    candles = random_candles(2_000, seed=8)
    walk(candles, [], timeframe=HOUR)

    started = time.perf_counter()
    rows = walk(candles, [], timeframe=HOUR)
    signals = [
        signal_from(row, symbol=BTC, timeframe=HOUR, origin="backfill") for row in rows.iter_rows(named=True)
    ]

    assert time.perf_counter() - started < 1.0
    assert len(signals) == 2_000 - BARS_MIN + 1


def test_too_short_a_history_has_no_signals() -> None:
    assert walk(random_candles(BARS_MIN - 1, seed=1), [], timeframe=HOUR).is_empty()
    assert walk(random_candles(BARS_MIN, seed=1), [], timeframe=HOUR).height == 1


def test_reasons_quote_the_numbers() -> None:
    candles = random_candles(1_000, seed=4)
    rows = walk(candles, readings_for(candles, seed=4), timeframe=HOUR)
    long = rows.filter(pl.col("direction") == "long", pl.col("cluster_pull").is_not_null()).row(
        -1, named=True
    )

    signal = signal_from(long, symbol=BTC, timeframe=HOUR, origin="backfill")

    texts = {reason["code"]: reason["text"] for reason in signal.reasons}
    assert f"{long['score']:+.2f}" in texts["score_long"]
    assert price_text(long["stop_price"]) in texts["levels"]
    assert price_text(long["target_price"]) in texts["levels"]
    assert f"{long['confidence']:.2f}" in texts["confidence"]
    assert f"{long['break_even'] * 100:.1f} %" in texts[f"verdict_{long['verdict']}"]
    assert all(re.search(r"\d", text) for text in texts.values())
    assert signal.expires_at == HOUR.closed_at(signal.opened_at) + Timeframe.DAY_1.delta


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (43210.5, "43,210.5"),
        (100.0, "100"),
        (0.00001234, "0.00001234"),
        (1.2345678, "1.234568"),
        (0.0, "0.0"),
    ],
)
def test_prices_read_as_people_write_them(price: float, text: str) -> None:
    assert price_text(price) == text
