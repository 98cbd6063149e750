"""Trades by the rules of outcomes, an account that never takes what it has no place for, and no trade that knows the future."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.simulation.questions import strategy_of
from orchestrator_worker.simulation.replay import Replay, Terms, replay
from orchestrator_worker.simulation.strategies import (
    PLAN,
    Filters,
    History,
    Patterns,
    Signals,
    SmaCross,
    Strategy,
    chosen,
)
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from tests.orchestrator_worker.market import BEGAN_AT, random_candles, real_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
CROSS = SmaCross(fast=5, slow=15, stop=0.01, target=0.015)
STRATEGIES = [CROSS, Signals(), strategy_of({"name": "pattern"})]


def candles_of(*bars: tuple[float, float, float, float]) -> pl.DataFrame:
    """Hourly candles from (open, high, low, close)."""
    opened, high, low, close = zip(*bars, strict=True)
    return pl.DataFrame(
        {
            "opened_at": [BEGAN_AT + HOUR.delta * bar for bar in range(len(bars))],
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "volume": [1.0] * len(bars),
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )


def plan(
    bar: int, direction: str = "long", *, stop: float, target: float, entry: float = 100.0
) -> dict[str, object]:
    return {
        "opened_at": BEGAN_AT + HOUR.delta * bar,
        "direction": direction,
        "entry_price": entry,
        "stop_price": stop,
        "target_price": target,
        "confidence": None,
        "verdict": None,
        "kind": "test",
    }


def plans_of(*plans: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(plans), schema=PLAN)


def traded(candles: pl.DataFrame, plans: pl.DataFrame, terms: Terms | None = None) -> Replay:
    return replay(plans, candles, timeframe=HOUR, horizon=Horizon.DAY, terms=terms or Terms())


def replayed(
    strategy: Strategy, candles: pl.DataFrame, timeframe: Timeframe = HOUR, terms: Terms | None = None
) -> Replay:
    plans = strategy.plans(History(candles, timeframe))
    return replay(
        plans, candles, timeframe=timeframe, horizon=strategy.horizon(timeframe), terms=terms or Terms()
    )


CALM = (100.0, 100.5, 99.5, 100.0)


def test_a_bar_that_holds_both_barriers_is_a_stop() -> None:
    trades = traded(
        candles_of(CALM, (100, 106, 94, 100), CALM), plans_of(plan(0, stop=95, target=105))
    ).trades

    [trade] = trades.to_dicts()
    assert (trade["reason"], trade["ambiguous"]) == ("stop", True)
    assert trade["exit_price"] == pytest.approx(95.0)
    assert trade["return_net"] == pytest.approx(-0.05 - ROUND_TRIP)


@pytest.mark.parametrize(
    ("direction", "stop", "target", "gap", "price"),
    [("long", 95, 105, (90, 91, 89, 90), 90), ("short", 105, 95, (110, 111, 109, 110), 110)],
)
def test_a_gap_fills_at_the_open(
    direction: str, stop: float, target: float, gap: tuple[float, float, float, float], price: float
) -> None:
    candles = candles_of(CALM, CALM, gap, CALM)

    [trade] = traded(candles, plans_of(plan(0, direction, stop=stop, target=target))).trades.to_dicts()

    assert trade["exit_price"] == pytest.approx(price)
    assert trade["exited_at"] == BEGAN_AT + 3 * HOUR.delta
    assert trade["bars"] == 2


def test_what_lives_at_the_end_is_marked_open() -> None:
    candles = candles_of(CALM, CALM, (100, 102, 100, 101.5))

    [trade] = traded(
        candles, plans_of(plan(0, stop=90, target=120), plan(2, stop=90, target=120))
    ).trades.to_dicts()

    assert trade["reason"] == "open"
    assert trade["exit_price"] == pytest.approx(101.5)
    assert trade["mfe"] == pytest.approx(0.02)


def test_one_position_at_a_time_passes_by_what_overlaps() -> None:
    candles = candles_of(*[CALM] * 4, (100, 111, 100, 110), *[CALM] * 4)
    plans = plans_of(*(plan(bar, stop=80, target=110) for bar in (0, 1, 3, 4)))

    alone = traded(candles, plans)
    together = traded(candles, plans, Terms(positions_max=3, fraction=0.5))

    # The plan of bar 4 is entered at bar 5, the first after the exit's bar.
    assert alone.trades["opened_at"].to_list() == [BEGAN_AT, BEGAN_AT + 4 * HOUR.delta]
    assert alone.passed_by == 2
    # Two halves are all of the equity: the third has a place, but nothing to put in.
    assert together.trades.height == 3


def test_fees_and_slippage_are_taken_from_every_trade() -> None:
    candles = candles_of(CALM, (100, 106, 99, 105), CALM)
    plans = plans_of(plan(0, stop=95, target=105))

    free = traded(candles, plans, Terms(fee=0.0, slippage=0.0)).trades["return_net"][0]
    dear = traded(candles, plans, Terms(fee=0.002, slippage=0.001)).trades["return_net"][0]

    assert free == pytest.approx(0.05)
    assert free - dear == pytest.approx(0.006)


def test_risk_sizing_loses_its_fraction_at_the_stop() -> None:
    candles = candles_of(CALM, (100, 100, 97, 98), CALM)
    terms = Terms(sizing="risk", fraction=0.01, fee=0.0, slippage=0.0)

    done = traded(candles, plans_of(plan(0, stop=98, target=110)), terms)

    assert done.trades["pnl"][0] == pytest.approx(-100.0)
    assert done.trades["notional"][0] == pytest.approx(5_000.0)


def test_outcomes_equal_those_of_signals() -> None:
    """Where the whole horizon has passed, the race is `judge` and nothing else."""
    candles, strategy = random_candles(900, seed=3), Signals()
    plans = strategy.plans(History(candles, HOUR))

    judged = judge(plans, candles, timeframe=HOUR, horizon=Horizon.DAY)
    trades = traded(candles, plans, Terms(positions_max=1_000, fraction=1e-6)).trades.filter(
        pl.col("opened_at").is_in(judged["opened_at"].to_list())
    )

    assert judged.height > 100
    for mine, its in (("reason", "barrier"), ("exited_at", "closed_at"), ("ambiguous", "ambiguous")):
        assert trades[mine].to_list() == judged[its].to_list()
    for name in ("return_net", "r_multiple", "mfe", "mae"):
        np.testing.assert_allclose(trades[name].to_numpy(), judged[name].to_numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "terms", [Terms(), Terms(positions_max=5, fraction=0.3), Terms(sizing="risk", fraction=0.02)]
)
def test_the_curve_adds_up(terms: Terms) -> None:
    done = replayed(CROSS, random_candles(2_000, seed=11), terms=terms)

    assert done.trades.height > 30
    assert done.curve["equity"][-1] == pytest.approx(terms.equity_start + float(done.trades["pnl"].sum()))
    assert (done.curve["positions"] <= terms.positions_max).all()
    idle = done.curve.with_columns(moved=pl.col("equity").diff().abs()).filter(
        (pl.col("positions") == 0) & (pl.col("positions").shift(1) == 0)
    )
    assert idle["moved"].max() == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    places=st.integers(1, 6),
    fraction=st.floats(0.05, 1.0),
    exposure=st.floats(0.2, 2.0),
)
def test_an_account_never_exceeds_its_bounds(
    seed: int, places: int, fraction: float, exposure: float
) -> None:
    terms = Terms(positions_max=places, fraction=fraction, exposure_max=exposure)
    done = replayed(CROSS, random_candles(600, seed=seed, volatility=0.01), terms=terms)

    trades = done.trades.sort("entered_at")
    for trade in trades.iter_rows(named=True):
        # An exit is known at its bar's close, when the next bar opens.
        ended = trades.filter(pl.col("exited_at") <= trade["entered_at"])
        equity = terms.equity_start + float(ended["pnl"].sum())
        alive = trades.filter(
            (pl.col("entered_at") <= trade["entered_at"]) & (pl.col("exited_at") > trade["entered_at"])
        )
        assert alive.height <= places
        assert alive["notional"].sum() <= exposure * equity * (1 + 1e-9)
        assert trade["mfe"] >= 0
        assert trade["mae"] >= 0


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_removing_the_future_changes_no_earlier_trade(strategy: Strategy) -> None:
    candles = random_candles(1_100, seed=21)
    whole = replayed(strategy, candles)
    random_bars = np.random.default_rng(1).integers(500, 1_090, 8)

    for bars in random_bars:
        past = replayed(strategy, candles.head(int(bars)))
        end = candles["opened_at"][int(bars) - 1] + HOUR.delta
        ended = past.trades.filter(pl.col("reason") != "open")
        assert_frame_equal(
            ended, whole.trades.filter(pl.col("exited_at") <= end).head(ended.height), check_exact=True
        )
        assert whole.trades.filter(pl.col("exited_at") <= end).height >= ended.height
        entered = whole.trades.filter(pl.col("entered_at") < end)["entered_at"].to_list()
        assert past.trades["entered_at"].to_list() == entered


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_another_future_changes_no_earlier_trade(strategy: Strategy) -> None:
    candles, kept = random_candles(1_100, seed=22), 800
    future = candles.tail(300).select(pl.exclude("opened_at")).sample(fraction=1.0, shuffle=True, seed=4)
    other = pl.concat([candles.head(kept), candles.tail(300).select("opened_at").hstack(future)])
    end = candles["opened_at"][kept - 1] + HOUR.delta

    one, two = (replayed(strategy, market) for market in (candles, other))

    known = pl.col("exited_at") <= end
    assert one.trades.filter(known).height > 0
    assert_frame_equal(one.trades.filter(known), two.trades.filter(known), check_exact=True)
    assert_frame_equal(one.curve.head(kept), two.curve.head(kept), check_exact=True)


def test_filters_choose_what_is_traded() -> None:
    base = plan(0, stop=95, target=105)
    plans = plans_of(
        {**base, "confidence": 0.3, "verdict": "no_edge"},
        {**plan(1, stop=95, target=105), "confidence": 0.5, "verdict": "watch"},
        {**plan(2, "short", stop=105, target=95), "confidence": 0.6, "verdict": "act"},
    )

    assert chosen(plans, Filters()).height == 3
    assert chosen(plans, Filters(direction="short"))["verdict"].to_list() == ["act"]
    assert chosen(plans, Filters(verdict="watch"))["verdict"].to_list() == ["watch", "act"]
    assert chosen(plans, Filters(confidence_min=0.5))["confidence"].to_list() == [0.5, 0.6]
    assert chosen(plans, Filters(entry_rule="turn"))["verdict"].to_list() == ["no_edge", "act"]


def test_a_pattern_is_traded_at_the_bar_it_was_detected() -> None:
    candles = random_candles(500, seed=5)

    class Found:
        kind, direction, confidence = "double_bottom", "long", 0.8
        detected_opened_at = candles["opened_at"][400]

    class Weaker(Found):
        kind, confidence = "flag", 0.7

    class Elsewhere(Found):
        kind, detected_opened_at = "double_top", candles["opened_at"][410]

    def detect(bars: pl.DataFrame, *, timeframe: Timeframe) -> list[Found]:
        return [Weaker(), Found(), Elsewhere()]

    any_kind = Patterns(detect=detect).plans(History(candles, HOUR))
    one_kind = Patterns(detect=detect, pattern="double_top").plans(History(candles, HOUR))

    assert any_kind["kind"].to_list() == ["double_bottom", "double_top"]
    assert any_kind["entry_price"][0] == pytest.approx(candles["close"][400])
    assert one_kind["opened_at"].to_list() == [candles["opened_at"][410]]


def test_a_halt_in_the_middle_of_real_candles_survives() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")

    done = replayed(SmaCross(), candles, timeframe)

    assert (candles["opened_at"].diff().drop_nulls() > timedelta(hours=1)).any()
    assert done.trades.height > 200
