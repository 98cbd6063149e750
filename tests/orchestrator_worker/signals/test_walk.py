"""The walk: the same values with the future removed, sane proportions on real candles, sentences with numbers."""

import random
import re
import time
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestrator_worker.calibration.curve import PROBABILITY_MAX, PROBABILITY_MIN
from orchestrator_worker.signals.readings import Reading, risk_reading
from orchestrator_worker.signals.reasons import price_text
from orchestrator_worker.signals.walk import BARS_MIN, signal_from, walk
from tests.orchestrator_worker.market import random_candles, real_candles
from zmarty.market import Symbol, Timeframe

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")


def readings_for(candles: pl.DataFrame, *, seed: int, timeframe: Timeframe = HOUR) -> list[Reading]:
    """Readings of every source at some of the bars, and the risk metric once a day."""
    dice = random.Random(seed)
    readings = []

    def say(source: str, data: dict[str, Any]) -> None:
        if dice.random() < 0.3:
            readings.append(Reading(source, at, data))

    for row in candles.iter_rows(named=True):
        at, close = row["opened_at"], row["close"]
        say("ls_ratio", {"ratio": dice.uniform(0.6, 1.6)})
        say("trend", {"trend_score": dice.uniform(20, 80)})
        say("liquidations", {"longs": dice.uniform(0, 1e6), "shorts": 4e5})
        places = [dice.uniform(0.95, 1.05) for _ in range(3)]
        say("clusters", {"clusters": [{"price": close * place, "notional": 1e6} for place in places]})
        say("volume_flow", {"inflow": dice.uniform(0, 1e6), "outflow": 5e5})
        say("whale_trades", {"bought_usd": dice.uniform(0, 1e6), "sold_usd": 5e5})
        say("open_interest", {"exchange": "binance", "open_interest": dice.uniform(9e5, 1e6)})
        say("sentiment", {"score": dice.uniform(-1, 1)})
        if (closed_at := timeframe.closed_at(at)) == closed_at.replace(hour=0, minute=0):
            readings.append(risk_reading(dice.random(), closed_at, timeframe))
    return readings


def assert_blind_to_the_future(
    candles: pl.DataFrame, readings: list[Reading], timeframe: Timeframe, *, seed: int, bars: int
) -> None:
    """Every field of the signals of some past bars, confidence included, with all that came later taken away."""
    whole = walk(candles, readings, timeframe=timeframe)
    for bar in random.Random(seed).sample(range(BARS_MIN, candles.height), bars):
        at = candles["opened_at"][bar]
        known = [seen for seen in readings if seen.opened_at <= at]

        past = walk(candles.head(bar + 1), known, timeframe=timeframe)

        assert_frame_equal(past.tail(1), whole.filter(pl.col("opened_at") == at), check_exact=True)
        [now], [then] = (
            [
                signal_from(row, symbol=BTC, timeframe=timeframe, origin="backfill").row()
                for row in rows.filter(pl.col("opened_at") == at).iter_rows(named=True)
            ]
            for rows in (past, whole)
        )
        assert now == then


@pytest.mark.parametrize("seed", [1, 2])
def test_no_signal_knows_the_future(seed: int) -> None:
    candles = random_candles(3_000, seed=seed)

    assert_blind_to_the_future(candles, readings_for(candles, seed=seed), HOUR, seed=seed, bars=8)


@pytest.mark.parametrize("name", ["BTCUSDT_1h_2023-2025", "BTCUSDT_1d_2017-2026", "SOLUSDT_4h_2024"])
def test_no_signal_of_real_candles_knows_the_future(name: str) -> None:
    candles, timeframe = real_candles(name)
    candles = candles.head(6_000)

    assert_blind_to_the_future(
        candles, readings_for(candles, seed=3, timeframe=timeframe), timeframe, seed=4, bars=5
    )


def test_another_future_changes_nothing() -> None:
    candles = random_candles(2_500, seed=5)
    known = 2_000
    future = (
        candles.tail(500)
        .select("open", "high", "low", "close", "volume")
        .sample(fraction=1.0, shuffle=True, seed=9)
    )
    other = pl.concat([candles.head(known), candles.tail(500).select("opened_at").hstack(future)])

    kept = known - BARS_MIN + 1
    one, changed = (walk(history, [], timeframe=HOUR) for history in (candles, other))
    assert_frame_equal(one.head(kept), changed.head(kept), check_exact=True)
    assert not one.tail(100).equals(changed.tail(100))


def test_curves_had_something_to_learn_in_these_proofs() -> None:
    rows = walk(random_candles(3_000, seed=1), [], timeframe=HOUR).filter(pl.col("direction") != "flat")

    learned = rows["calibration"].struct.unnest()
    assert learned["n"].max() > 300  # type: ignore[operator]
    assert learned["brier"].null_count() < rows.height
    assert rows["confidence"].n_unique() > 20


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSDT_1h_2023-2025",
        "BTCUSDT_1d_2017-2026",
        "BTCUSDT_5m_2024",
        "ETHUSDT_1h_2024",
        "ETHUSDT_1d_2018-2026",
        "SOLUSDT_1h_2024",
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
    assert confidence.is_between(PROBABILITY_MIN, PROBABILITY_MAX).all()
    assert confidence.n_unique() > 50
    for direction in ("long", "short"):
        assert rows.filter(pl.col("direction") == direction)["opened_at"].dt.month().n_unique() >= 6


def test_real_signals_are_not_all_worth_acting_on() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")

    verdicts = dict(walk(candles, [], timeframe=timeframe)["verdict"].value_counts().iter_rows())

    assert verdicts["no_edge"] > 0.9 * sum(verdicts.values())
    assert verdicts["watch"] > 0


def test_eighteen_thousand_real_bars_are_walked_in_seconds() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")

    # Of this process, whoever else keeps the machine busy.
    started = time.process_time()
    walk(candles, [], timeframe=timeframe)

    assert time.process_time() - started < 6.0


def test_two_thousand_bars_walk_within_a_second() -> None:
    candles = random_candles(2_000, seed=8)
    walk(candles, [], timeframe=HOUR)

    started = time.process_time()
    rows = walk(candles, [], timeframe=HOUR)
    signals = [
        signal_from(row, symbol=BTC, timeframe=HOUR, origin="backfill") for row in rows.iter_rows(named=True)
    ]

    assert time.process_time() - started < 1.0
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
    assert f"{long['stop_atr']:.2f} ATR" in texts["levels"]
    assert f"{long['confidence']:.2f}" in texts["confidence"]
    assert f"learned from {long['calibration']['n']} earlier long signals" in texts["confidence"]
    assert f"regime_{long['regime']}" in texts
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
