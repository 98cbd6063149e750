"""The score: bounded, odd in the market, reaching its thresholds, silent about what is missing."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.intelligence.regime import REGIMES
from orchestrator_worker.signals.readings import CLUSTER, Reading, risk_reading, with_readings
from orchestrator_worker.signals.score import (
    AGE_HALF_LIFE_BARS,
    DIRECTION_SCORE_MIN,
    REGIME_DEFAULT,
    RISK_HALF_LIFE_DAYS,
    TECHNICAL_WEIGHTS,
    WEIGHTS,
    scored,
)
from orchestrator_worker.signals.walk import with_surroundings
from tests.orchestrator_worker.market import mirrored, random_candles
from zmarty.market import Timeframe

NEUTRAL: dict[str, Any] = {
    "close": 100.0,
    "volume": 10.0,
    "market_moves": True,
    "atr_14": 1.0,
    "ema_20": 100.0,
    "ema_50": 100.0,
    "ema_200": 100.0,
    "plus_di_14": 20.0,
    "minus_di_14": 20.0,
    "adx_14": 20.0,
    "macd_histogram": 0.0,
    "rsi_14": 50.0,
    "stochastic_k": 50.0,
    "bollinger_upper": 102.0,
    "bollinger_middle": 100.0,
    "bollinger_lower": 98.0,
    "ls_ratio": None,
    "ls_ratio_age": None,
    "liquidated_longs": None,
    "liquidated_shorts": None,
    "liquidations_age": None,
    "trend_score": None,
    "trend_age": None,
    "clusters": None,
    "clusters_age": None,
    "flow_in": None,
    "flow_out": None,
    "volume_flow_age": None,
    "whale_buys": None,
    "whale_sells": None,
    "whale_trades_age": None,
    "open_interest_change": None,
    "open_interest_age": None,
    "sentiment": None,
    "sentiment_age": None,
    "risk": None,
    "risk_age": None,
    "regime": None,
}
NUMBERS = {name: pl.Float64() for name in NEUTRAL if name not in {"market_moves", "clusters", "regime"}}
SCHEMA = pl.Schema(
    {**NUMBERS, "market_moves": pl.Boolean(), "clusters": pl.List(CLUSTER), "regime": pl.String()}
)

RISING = {
    "close": 106.0,
    "ema_20": 104.0,
    "ema_50": 102.0,
    "plus_di_14": 35.0,
    "minus_di_14": 8.0,
    "adx_14": 35.0,
    "macd_histogram": 0.6,
    "rsi_14": 66.0,
    "stochastic_k": 75.0,
    "bollinger_middle": 103.0,
    "bollinger_upper": 107.0,
    "bollinger_lower": 99.0,
}


def score_of(**changed: Any) -> dict[str, Any]:
    bar = pl.DataFrame([{**NEUTRAL, **changed}], schema=SCHEMA)
    return scored(bar).row(0, named=True)


def upside_down(bar: dict[str, Any]) -> dict[str, Any]:
    """Mirror one bar's indicators and readings around the price 100."""
    turned = dict(bar)
    for price in ("close", "ema_20", "ema_50", "ema_200", "bollinger_middle"):
        turned[price] = 200.0 - bar[price]
    turned["bollinger_upper"] = 200.0 - bar["bollinger_lower"]
    turned["bollinger_lower"] = 200.0 - bar["bollinger_upper"]
    turned["plus_di_14"], turned["minus_di_14"] = bar["minus_di_14"], bar["plus_di_14"]
    turned["macd_histogram"] = -bar["macd_histogram"]
    turned["rsi_14"], turned["stochastic_k"] = 100.0 - bar["rsi_14"], 100.0 - bar["stochastic_k"]
    if bar["ls_ratio"] is not None:
        turned["ls_ratio"] = 1.0 / bar["ls_ratio"]
    if bar["trend_score"] is not None:
        turned["trend_score"] = 100.0 - bar["trend_score"]
    turned["liquidated_longs"], turned["liquidated_shorts"] = (
        bar["liquidated_shorts"],
        bar["liquidated_longs"],
    )
    turned["flow_in"], turned["flow_out"] = bar["flow_out"], bar["flow_in"]
    turned["whale_buys"], turned["whale_sells"] = bar["whale_sells"], bar["whale_buys"]
    if bar["sentiment"] is not None:
        turned["sentiment"] = -bar["sentiment"]
    if bar["risk"] is not None:
        turned["risk"] = 1.0 - bar["risk"]
    if bar["clusters"] is not None:
        turned["clusters"] = [{**cluster, "price": 200.0 - cluster["price"]} for cluster in bar["clusters"]]
    return turned


PERCENT = st.floats(0.0, 100.0)
AGE = st.integers(0, 24).map(float)
CLUSTERS = st.lists(
    st.fixed_dictionaries({"price": st.floats(70.0, 130.0), "notional": st.floats(1.0, 1e8)}),
    min_size=1,
    max_size=6,
)


@st.composite
def bars(draw: st.DrawFn) -> dict[str, Any]:
    middle, width = draw(st.floats(90.0, 110.0)), draw(st.floats(0.5, 8.0))
    bar = {
        **NEUTRAL,
        "close": draw(st.floats(80.0, 120.0)),
        "atr_14": draw(st.floats(0.1, 5.0)),
        "ema_20": draw(st.floats(80.0, 120.0)),
        "ema_50": draw(st.floats(80.0, 120.0)),
        "ema_200": draw(st.floats(80.0, 120.0)),
        "plus_di_14": draw(st.floats(0.5, 60.0)),
        "minus_di_14": draw(st.floats(0.5, 60.0)),
        "adx_14": draw(PERCENT),
        "macd_histogram": draw(st.floats(-5.0, 5.0)),
        "rsi_14": draw(PERCENT),
        "stochastic_k": draw(PERCENT),
        "bollinger_middle": middle,
        "bollinger_upper": middle + width,
        "bollinger_lower": middle - width,
    }
    if draw(st.booleans()):
        bar |= {"ls_ratio": draw(st.floats(0.2, 5.0)), "ls_ratio_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"trend_score": draw(PERCENT), "trend_age": draw(AGE)}
    if draw(st.booleans()):
        longs, shorts = draw(st.floats(0.0, 1e7)), draw(st.floats(1.0, 1e7))
        bar |= {"liquidated_longs": longs, "liquidated_shorts": shorts, "liquidations_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"clusters": draw(CLUSTERS), "clusters_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"flow_in": draw(st.floats(0.0, 1e7)), "flow_out": draw(st.floats(1.0, 1e7))}
        bar |= {"volume_flow_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"whale_buys": draw(st.floats(0.0, 1e7)), "whale_sells": draw(st.floats(1.0, 1e7))}
        bar |= {"whale_trades_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"open_interest_change": draw(st.floats(-0.5, 0.5)), "open_interest_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"sentiment": draw(st.floats(-1.0, 1.0)), "sentiment_age": draw(AGE)}
    if draw(st.booleans()):
        bar |= {"risk": draw(st.floats(0.0, 1.0)), "risk_age": draw(st.floats(0.0, 14.0))}
    bar["regime"] = draw(st.none() | st.sampled_from(REGIMES))
    return bar


@given(bars())
@settings(deadline=None, max_examples=40)
def test_score_is_bounded_and_odd(bar: dict[str, Any]) -> None:
    upright, turned = score_of(**bar), score_of(**upside_down(bar))

    assert -1.0 <= upright["score"] <= 1.0
    assert 1 <= upright["strength"] <= 100
    assert turned["score"] == pytest.approx(-upright["score"], abs=1e-9)
    for component in ("technical", "liquidation", "risk_lean", "flow"):
        if upright[component] is None:
            assert turned[component] is None
        else:
            assert -1.0 <= upright[component] <= 1.0
            assert turned[component] == pytest.approx(-upright[component], abs=1e-9)


def test_a_mirrored_market_scores_the_opposite() -> None:
    candles = random_candles(900, seed=3)
    timeframe = Timeframe.HOUR_1

    upright = scored(with_surroundings(candles, [], timeframe))
    turned = scored(with_surroundings(mirrored(candles), [], timeframe))

    compared = pl.DataFrame(
        {
            "upright": upright["score"],
            "turned": turned["score"],
            "regime": upright["regime"],
            "other": turned["regime"],
        }
    )
    # ATR relative to the price differs between the two, so now and then the regime does; without that, the score must not.
    compared = compared.drop_nulls().filter(pl.col("regime") == pl.col("other"))
    assert compared.height > 600
    assert compared.select((pl.col("upright") + pl.col("turned")).abs().max()).item() < 1e-6


@pytest.mark.parametrize(
    ("changed", "direction"),
    [({}, "flat"), (RISING, "long"), (upside_down({**NEUTRAL, **RISING}), "short")],
)
def test_every_direction_can_be_reached(changed: dict[str, Any], direction: str) -> None:
    assert score_of(**changed)["direction"] == direction


def test_score_reaches_both_ends_of_its_range() -> None:
    extreme = {
        **RISING,
        "regime": "trending",
        "ema_20": 115.0,
        "ema_50": 104.0,
        "ema_200": 80.0,
        "macd_histogram": 3.0,
        "rsi_14": 69.0,
        "minus_di_14": 0.5,
        "ls_ratio": 4.0,
        "ls_ratio_age": 0.0,
        "trend_score": 98.0,
        "trend_age": 0.0,
        "clusters": [{"price": 106.1, "notional": 5e6}],
        "clusters_age": 0.0,
        "liquidated_longs": 1e6,
        "liquidated_shorts": 0.0,
        "liquidations_age": 0.0,
    }

    assert score_of(**extreme)["strength"] >= 85
    assert score_of(**upside_down({**NEUTRAL, **extreme}))["score"] <= -0.85


def test_direction_starts_exactly_at_its_threshold() -> None:
    steps = [50.0 + 0.3 * step for step in range(100)]
    rows = [score_of(rsi_14=rsi, macd_histogram=(rsi - 50.0) / 20.0) for rsi in steps]

    assert {row["direction"] for row in rows} == {"flat", "long"}
    assert all((row["direction"] == "long") == (row["score"] >= DIRECTION_SCORE_MIN) for row in rows)


def test_a_missing_source_changes_nothing() -> None:
    alone = score_of(**RISING)

    assert alone["score"] == pytest.approx(alone["technical"])
    assert alone["liquidation"] is None
    assert alone["flow"] is None


def test_an_older_reading_weighs_less() -> None:
    fresh = score_of(trend_score=90.0, trend_age=0.0)["score"]
    aged = score_of(trend_score=90.0, trend_age=AGE_HALF_LIFE_BARS)["score"]

    weights = WEIGHTS[REGIME_DEFAULT]
    assert fresh == pytest.approx(0.8 * weights["flow"] / (weights["flow"] + weights["technical"]))
    assert 0.0 < aged < fresh


def test_low_risk_leans_long_and_says_less_as_it_ages() -> None:
    low, high = score_of(risk=0.1, risk_age=0.5), score_of(risk=0.9, risk_age=0.5)
    old = score_of(risk=0.1, risk_age=RISK_HALF_LIFE_DAYS * 3)

    assert low["risk_lean"] == pytest.approx(0.8)
    assert low["score"] > 0 > high["score"]
    assert 0 < old["score"] < low["score"]
    assert score_of(risk=0.5, risk_age=0.0)["score"] == pytest.approx(0.0)


def test_weights_follow_the_regime() -> None:
    said = {"clusters": [{"price": 101.0, "notional": 1e6}], "clusters_age": 0.0}

    wild, trending = score_of(**said, regime="volatile"), score_of(**said, regime="trending")

    assert wild["liquidation"] == trending["liquidation"]
    assert wild["score"] > trending["score"] > 0
    for weights in (*WEIGHTS.values(), *TECHNICAL_WEIGHTS.values()):
        assert sum(weights.values()) == pytest.approx(1.0)
    assert set(WEIGHTS) == set(TECHNICAL_WEIGHTS) == set(REGIMES)


@pytest.mark.parametrize(
    "said",
    [
        {"flow_in": 3e6, "flow_out": 1e6, "volume_flow_age": 0.0},
        {"whale_buys": 3e6, "whale_sells": 1e6, "whale_trades_age": 0.0},
        {"sentiment": 0.5, "sentiment_age": 0.0},
        {"open_interest_change": 0.02, "open_interest_age": 0.0, "rsi_14": 65.0},
    ],
)
def test_each_reading_of_flow_counts(said: dict[str, Any]) -> None:
    row = score_of(**said)

    assert row["flow"] > 0
    assert row["score"] > 0


@pytest.mark.parametrize(
    "still", [{"market_moves": False}, {"volume": 0.0}, {"atr_14": 0.0}, {"atr_14": 30.0}]
)
def test_a_market_nobody_can_trade_is_flat(still: dict[str, Any]) -> None:
    row = score_of(**{**RISING, **still})

    assert (row["score"], row["direction"], row["strength"]) == (0.0, "flat", 1)


def test_warming_indicators_give_no_score() -> None:
    row = score_of(ema_200=None)

    assert row["score"] is None
    assert row["direction"] is None


def test_nearer_clusters_pull_harder() -> None:
    near = score_of(clusters=[{"price": 101.0, "notional": 1e6}], clusters_age=0.0)
    far = score_of(clusters=[{"price": 110.0, "notional": 1e6}], clusters_age=0.0)
    below = score_of(clusters=[{"price": 99.0, "notional": 1e6}], clusters_age=0.0)

    assert near["cluster_pull"] > far["cluster_pull"] > 0
    assert below["cluster_pull"] == pytest.approx(-near["cluster_pull"])


def test_readings_reach_only_bars_from_their_own_on() -> None:
    candles = random_candles(60, seed=1)
    at = candles["opened_at"][30]
    reading = Reading("ls_ratio", at, {"ratio": "1.25"})

    joined = with_readings(candles, [reading], Timeframe.HOUR_1)

    assert joined["ls_ratio"][:30].null_count() == 30
    assert joined["ls_ratio"][30:55].to_list() == [1.25] * 25
    assert joined["ls_ratio_age"][30:33].to_list() == [0.0, 1.0, 2.0]
    # Older than a day of hourly bars it says nothing any more.
    assert joined["ls_ratio"][55:].null_count() == 5


def test_open_interest_speaks_by_its_change_on_one_exchange() -> None:
    candles = random_candles(6, seed=1)
    told = [("binance", 100.0), ("binance", 103.0), ("bybit", 50.0), ("bybit", 49.0)]
    readings = [
        Reading("open_interest", at, {"exchange": exchange, "open_interest": level})
        for at, (exchange, level) in zip(candles["opened_at"], told, strict=False)
    ]

    joined = with_readings(candles, readings, Timeframe.HOUR_1)

    assert joined["open_interest_change"].to_list() == pytest.approx([None, 0.03, None, -0.02, -0.02, -0.02])


def test_risk_counts_from_the_first_bar_that_closes_when_it_is_known() -> None:
    candles = random_candles(24 * 17, seed=1)
    known_at = Timeframe.HOUR_1.closed_at(candles["opened_at"][30])

    joined = with_readings(candles, [risk_reading(0.2, known_at, Timeframe.HOUR_1)], Timeframe.HOUR_1)

    assert joined["risk"][:30].null_count() == 30
    assert joined["risk"][30] == 0.2
    assert joined["risk_age"][30 + 24] == pytest.approx(1.0)
    # A fortnight later nobody knows any more.
    assert joined["risk"][30 + 24 * 14] == 0.2
    assert joined["risk"][30 + 24 * 14 + 1] is None


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("ls_ratio", {}),
        ("ls_ratio", {"ratio": "n/a"}),
        ("ls_ratio", {"ratio": -1}),
        ("ls_ratio", {"ratio": "nan"}),
        ("liquidations", {"longs": 0, "shorts": 0}),
        ("trend", {"trend_score": 140}),
        ("clusters", {"clusters": [{"price": None, "notional": 3}]}),
        ("clusters", {"clusters": None}),
        ("volume_flow", {"inflow": 0, "outflow": 0}),
        ("volume_flow", {"inflow": 5, "outflow": None}),
        ("whale_trades", {"bought_usd": -1, "sold_usd": 5}),
        ("open_interest", {"open_interest": 0}),
        ("sentiment", {"score": "2"}),
        ("risk", {"value": 1.2}),
    ],
)
def test_an_unreadable_reading_is_missing(source: str, data: dict[str, Any]) -> None:
    candles = random_candles(5, seed=1)

    joined = with_readings(candles, [Reading(source, candles["opened_at"][0], data)], Timeframe.HOUR_1)

    assert joined[f"{source}_age"].null_count() == 5
