"""Outcomes: the triple barrier equals a naive loop that anybody can check, and each of its rules by example."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.signals.walk import walk
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from tests.orchestrator_worker.market import BEGAN_AT, mirrored, random_candles, real_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
EXACT = ("barrier", "ambiguous", "closed_at")
NUMBERS = ("return_net", "r_multiple", "mfe", "mae")


def naive(
    signal: dict[str, Any], candles: list[dict[str, Any]], timeframe: Timeframe, horizon: Horizon
) -> Any:
    """One signal after the other, one bar after the other, longs and shorts spelled out."""
    decided_at = signal["opened_at"] + timeframe.delta
    if signal["direction"] == "flat" or decided_at < candles[0]["opened_at"]:
        return None
    if decided_at + horizon.delta > candles[-1]["opened_at"] + timeframe.delta:
        return None
    life = [
        bar
        for bar in candles
        if decided_at <= bar["opened_at"] and bar["opened_at"] + timeframe.delta <= decided_at + horizon.delta
    ]
    if not life:
        return None
    long = signal["direction"] == "long"
    paid, stop, target = life[0]["open"], signal["stop_price"], signal["target_price"]
    barrier, ambiguous, price, last = "expiry", False, life[-1]["close"], life[-1]
    high, low = paid, paid
    for bar in life:
        gap_target = bar["open"] >= target if long else bar["open"] <= target
        gap_stop = bar["open"] <= stop if long else bar["open"] >= stop
        touches_stop = bar["low"] <= stop if long else bar["high"] >= stop
        touches_target = bar["high"] >= target if long else bar["low"] <= target
        last = bar
        if gap_target:
            missed = bar is life[0]
            barrier, price = ("expiry" if missed else "target"), bar["open"]
            high, low = max(high, price), min(low, price)
            break
        if gap_stop:
            barrier, price = "stop", bar["open"]
            high, low = (high, min(low, price)) if long else (max(high, price), low)
            break
        if touches_stop:
            barrier, price, ambiguous = "stop", stop, touches_target
            high, low = (high, min(low, price)) if long else (max(high, price), low)
            break
        if touches_target:
            barrier, price = "target", target
            high, low = (
                (max(high, price), min(low, bar["low"]))
                if long
                else (max(high, bar["high"]), min(low, price))
            )
            break
        high, low = max(high, bar["high"]), min(low, bar["low"])
        price = bar["close"]
    returned = (price / paid - 1 if long else 1 - price / paid) - ROUND_TRIP
    risk = abs(signal["entry_price"] - stop) / signal["entry_price"]
    up, down = high / paid - 1, 1 - low / paid
    return {
        "barrier": barrier,
        "ambiguous": ambiguous,
        "return_net": returned,
        "r_multiple": returned / risk,
        "mfe": up if long else down,
        "mae": down if long else up,
        "closed_at": last["opened_at"] + timeframe.delta,
    }


def assert_same_as_naive(
    signals: pl.DataFrame, candles: pl.DataFrame, timeframe: Timeframe, horizon: Horizon
) -> int:
    judged = judge(signals, candles, timeframe=timeframe, horizon=horizon)
    bars = candles.to_dicts()
    expected = {
        signal["opened_at"]: outcome
        for signal in signals.to_dicts()
        if (outcome := naive(signal, bars, timeframe, horizon)) is not None
    }
    assert judged["opened_at"].to_list() == list(expected)
    for row in judged.iter_rows(named=True):
        outcome = expected[row["opened_at"]]
        assert {name: row[name] for name in EXACT} == {name: outcome[name] for name in EXACT}
        assert [row[name] for name in NUMBERS] == pytest.approx(
            [outcome[name] for name in NUMBERS], abs=1e-12
        )
    return judged.height


def entered(candles: pl.DataFrame, direction: str, *, stop: float, target: float) -> pl.DataFrame:
    side = 1.0 if direction == "long" else -1.0
    return candles.select(
        "opened_at",
        direction=pl.lit(direction),
        entry_price="close",
        stop_price=pl.col("close") * (1 - side * stop),
        target_price=pl.col("close") * (1 + side * target),
    )


@given(
    seed=st.integers(0, 10_000),
    direction=st.sampled_from(["long", "short"]),
    stop=st.floats(0.002, 0.05),
    target=st.floats(0.002, 0.05),
    horizon=st.sampled_from(list(Horizon)),
    holes=st.lists(st.integers(5, 110), max_size=20),
)
@settings(deadline=None, max_examples=40)
def test_outcomes_equal_the_naive_loop(
    seed: int, direction: str, stop: float, target: float, horizon: Horizon, holes: list[int]
) -> None:
    timeframe = Timeframe.HOURS_4 if horizon is Horizon.DAY else Timeframe.DAY_1
    whole = random_candles(120, seed=seed, timeframe=timeframe, volatility=0.01)
    candles = whole.with_row_index("bar").filter(~pl.col("bar").is_in(holes)).drop("bar")

    assert_same_as_naive(entered(candles, direction, stop=stop, target=target), candles, timeframe, horizon)


def test_outcomes_of_real_signals_equal_the_naive_loop() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")
    # The days around the exchange's halt of 2023-03-24: a missing bar and one without trades.
    window = candles.slice(1_200, 1_000)

    signals = walk(window, [], timeframe=timeframe)

    assert assert_same_as_naive(signals, window, timeframe, Horizon.DAY) > 200
    assert assert_same_as_naive(signals, window, timeframe, Horizon.WEEK) > 150


def test_a_mirrored_market_judges_the_other_direction_alike() -> None:
    candles = random_candles(400, seed=6)
    turned = mirrored(candles)
    ceiling = 2.0 * float(candles["high"].max())  # type: ignore[arg-type]
    longs = entered(candles, "long", stop=0.02, target=0.03)
    shorts = longs.with_columns(
        direction=pl.lit("short"),
        **{name: ceiling - pl.col(name) for name in ("entry_price", "stop_price", "target_price")},
    )

    upright = judge(longs, candles, timeframe=HOUR, horizon=Horizon.DAY)
    other = judge(shorts, turned, timeframe=HOUR, horizon=Horizon.DAY)

    assert upright["barrier"].to_list() == other["barrier"].to_list()
    assert set(upright["barrier"]) == {"target", "stop", "expiry"}


def bars_of(*ohlc: tuple[float, float, float, float]) -> pl.DataFrame:
    """Bars from the one after the signal on, padded with quiet ones until every signal is mature."""
    quiet = [(ohlc[-1][3],) * 4] * (24 - len(ohlc))
    return pl.DataFrame(
        [(BEGAN_AT + HOUR.delta * (bar + 1), *prices) for bar, prices in enumerate([*ohlc, *quiet])],
        schema={
            "opened_at": pl.Datetime("us", "UTC"),
            "open": pl.Float64,
            "high": pl.Float64,
            "low": pl.Float64,
            "close": pl.Float64,
        },
        orient="row",
    )


LONG = {"direction": "long", "entry_price": 100.0, "stop_price": 98.0, "target_price": 103.0}


def outcome_of(candles: pl.DataFrame, signal: dict[str, Any] = LONG) -> dict[str, Any]:
    signals = pl.DataFrame([{"opened_at": BEGAN_AT, **signal}]).with_columns(
        pl.col("opened_at").cast(pl.Datetime("us", "UTC"))
    )
    return judge(signals, candles, timeframe=HOUR, horizon=Horizon.DAY).row(0, named=True)


def test_both_barriers_in_one_bar_count_as_stop() -> None:
    outcome = outcome_of(bars_of((100, 104, 97, 103.5)))

    assert (outcome["barrier"], outcome["ambiguous"]) == ("stop", True)
    assert outcome["return_net"] == pytest.approx(-0.02 - ROUND_TRIP)
    assert outcome["r_multiple"] == pytest.approx((-0.02 - ROUND_TRIP) / 0.02)


def test_gaps_fill_at_the_open() -> None:
    fallen = outcome_of(bars_of((100, 101, 99, 100), (95, 104, 94, 96)))
    risen = outcome_of(bars_of((100, 101, 99, 100), (105, 106, 90, 104)))

    assert (fallen["barrier"], fallen["ambiguous"]) == ("stop", False)
    assert fallen["return_net"] == pytest.approx(-0.05 - ROUND_TRIP)
    assert (risen["barrier"], risen["return_net"]) == ("target", pytest.approx(0.05 - ROUND_TRIP))


def test_the_trade_is_entered_at_the_next_open() -> None:
    outcome = outcome_of(bars_of((101, 103.2, 100.5, 103)))

    assert outcome["return_net"] == pytest.approx(103 / 101 - 1 - ROUND_TRIP)
    assert outcome["closed_at"] == BEGAN_AT + 2 * HOUR.delta


def test_a_missed_entry_is_no_win() -> None:
    outcome = outcome_of(bars_of((104, 106, 103.5, 105)))

    assert (outcome["barrier"], outcome["return_net"]) == ("expiry", pytest.approx(-ROUND_TRIP))


def test_expiry_exits_at_the_close() -> None:
    outcome = outcome_of(bars_of((100, 102.5, 98.5, 101)))

    assert (outcome["barrier"], outcome["return_net"]) == ("expiry", pytest.approx(0.01 - ROUND_TRIP))
    assert outcome["closed_at"] == BEGAN_AT + HOUR.delta + timedelta(days=1)
    assert (outcome["mfe"], outcome["mae"]) == (pytest.approx(0.025), pytest.approx(0.015))


def test_only_mature_signals_are_judged() -> None:
    candles = random_candles(60, seed=2)
    signals = entered(candles, "long", stop=0.0001, target=0.0001)

    judged = judge(signals, candles, timeframe=HOUR, horizon=Horizon.DAY)

    # All of them met a barrier at once; the last 24 still wait for their day to pass.
    assert judged["opened_at"].to_list() == candles["opened_at"].to_list()[:36]


def test_signals_from_before_the_candles_stay_unjudged() -> None:
    candles = random_candles(60, seed=2)
    signals = entered(candles, "short", stop=0.01, target=0.01)

    judged = judge(signals, candles.slice(10), timeframe=HOUR, horizon=Horizon.DAY)

    assert judged["opened_at"][0] == candles["opened_at"][9]


@pytest.mark.parametrize(
    ("timeframe", "own", "possible"),
    [
        (Timeframe.MINUTE_1, "24h", 3),
        (Timeframe.HOUR_1, "24h", 3),
        (Timeframe.HOURS_4, "7d", 3),
        (Timeframe.DAY_1, "30d", 3),
        (Timeframe.WEEK_1, "30d", 2),
    ],
)
def test_horizons_fit_their_timeframes(timeframe: Timeframe, own: str, possible: int) -> None:
    assert Horizon.of(timeframe) == own
    assert len(Horizon.all_of(timeframe)) == possible
