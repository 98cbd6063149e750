"""Whole simulations: documents with counts beside every rate, bounded curves, and refusals that name numbers."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from orchestrator_worker.simulation import risk, simulate
from orchestrator_worker.simulation.questions import strategy_of
from orchestrator_worker.simulation.simulate import CURVE_POINTS_MAX, Answer, Question
from orchestrator_worker.simulation.soundness import NotEnoughData
from orchestrator_worker.simulation.strategies import Filters, History, Signals, SmaCross
from tests.orchestrator_worker.market import random_candles, real_candles
from zmarty.errors import FieldInvalid
from zmarty.market import Timeframe
from zmarty.specs import AssessRiskSpec, require_walkable

HOUR = Timeframe.HOUR_1
CROSS = SmaCross(fast=5, slow=20, stop=0.01, target=0.015)


def question(since: datetime, strategy: Any = CROSS, **changes: Any) -> Question:
    return Question(strategy=strategy, since=since, draws=200, seed=1, **changes)


def run(
    ask: Callable[[History, Question, Answer], Iterator[float]], history: History, asked: Question
) -> tuple[Answer, list[float]]:
    answer = Answer()
    shares = list(ask(history, asked, answer))
    return answer, shares


@pytest.fixture(scope="module")
def history() -> History:
    return History(random_candles(2_500, seed=4), HOUR)


def since(history: History, bar: int) -> datetime:
    when: datetime = history.candles["opened_at"][bar]
    return when


def test_an_analysis_says_how_far_it_is_and_ends_with_its_document(history: History) -> None:
    answer, shares = run(simulate.analyze, history, question(since(history, 1_000)))

    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] < 1
    document = answer.document
    assert document["statistics"]["n"] == answer.trades.height > 20
    assert document["tested_from"] == since(history, 1_000)
    assert document["plans"] == answer.trades.height + document["passed_by"]
    assert (answer.trades["opened_at"] >= since(history, 1_000)).all()
    assert document["chance"]["draws"] == 200
    assert 0 <= document["chance"]["percentile"] <= 1
    longs, shorts = (document["directions"][direction]["n"] for direction in ("long", "short"))
    assert longs + shorts + document["statistics"]["open"] == answer.trades.height


def test_a_curve_is_bounded_and_keeps_the_deepest_fall(history: History) -> None:
    document = run(simulate.analyze, history, question(since(history, 100)))[0].document

    assert len(document["curve"]) == CURVE_POINTS_MAX
    deepest = max(point["drawdown"] for point in document["curve"])
    assert deepest == pytest.approx(document["statistics"]["max_drawdown"], abs=1e-6)
    assert document["curve"][-1]["equity"] == pytest.approx(document["statistics"]["equity_end"], abs=0.01)


def test_the_bars_before_only_warm_up(history: History) -> None:
    """A signal's confidence knows the record of the warm-up; its trades are of the tested days alone."""
    answer, _ = run(simulate.analyze, history, question(since(history, 2_000), Signals()))

    assert (answer.trades["opened_at"] >= since(history, 2_000)).all()
    assert answer.trades["confidence"].null_count() == 0
    assert answer.document["statistics"]["bars"] == 500


def test_a_win_ratio_counts_overlapping_outcomes_with_their_weight(history: History) -> None:
    counted = run(simulate.win_ratio, history, question(since(history, 500), Signals()))[0].document[
        "win_rates"
    ]

    whole = counted["all"]
    assert whole["n"] == counted["long"]["n"] + counted["short"]["n"]
    assert whole["n_effective"] < whole["n"]
    assert whole["wins"] + whole["losses"] + whole["expired"] == whole["n"]
    assert whole["low"] <= whole["rate"] <= whole["high"]
    assert 0 < whole["baseline"] < 1


@pytest.mark.parametrize(
    ("n_effective", "low", "high", "expectancy", "finding"),
    [
        (29.9, 0.5, 0.9, 0.01, "too_few"),
        (30.0, 0.5, 0.9, 0.01, "edge"),
        (30.0, 0.5, 0.9, -0.01, "better_than_chance"),
        (30.0, 0.3, 0.5, 0.01, "no_edge"),
        (30.0, 0.1, 0.3, 0.01, "worse_than_chance"),
    ],
)
def test_a_finding_needs_enough_outcomes_and_a_mean_above_the_costs(
    n_effective: float, low: float, high: float, expectancy: float, finding: str
) -> None:
    counted = {
        "n_effective": n_effective,
        "low": low,
        "high": high,
        "baseline": 0.4,
        "expectancy": expectancy,
    }

    assert simulate.finding_of(counted) == finding


def test_a_pattern_is_held_against_chance(history: History) -> None:
    pattern = strategy_of({"name": "pattern"})

    document = run(simulate.validate_pattern, history, question(since(history, 100), pattern))[0].document

    assert document["finding"] == simulate.finding_of(document["win_rates"]["all"])
    assert document["strategy"] == "pattern:any"


def test_clusters_cannot_be_replayed_without_their_maps() -> None:
    with pytest.raises(FieldInvalid) as refused:
        strategy_of({"name": "pattern", "pattern": "liquidation_cluster"})

    assert refused.value.details["field"] == "pattern"


def test_filters_narrow_what_is_traded(history: History) -> None:
    longs = question(since(history, 100), filters=Filters(direction="long"))

    answer, _ = run(simulate.analyze, history, longs)

    assert answer.trades["direction"].unique().to_list() == ["long"]
    assert answer.document["directions"]["short"] == {
        **dict.fromkeys(("n", "wins", "losses", "expired"), 0),
        "n_effective": 0.0,
        **dict.fromkeys(("rate", "low", "high", "expectancy", "profit_factor")),
    }


@pytest.mark.parametrize("bars", [0, 1, 49, 300, 349])
def test_too_short_a_history_names_both_numbers(bars: int) -> None:
    candles = random_candles(max(bars, 1), seed=1).head(bars)
    asked = question(datetime(2025, 1, 1, tzinfo=random_candles(1, seed=1)["opened_at"][0].tzinfo), Signals())

    with pytest.raises(NotEnoughData, match=f"have {bars}, need 350 1h candles"):
        run(simulate.analyze, History(candles, HOUR), asked)
    with pytest.raises(NotEnoughData, match=f"have {bars}, need 350 1h candles"):
        list(risk.assess_risk(History(candles, HOUR), AssessRiskSpec(), Answer()))


def test_too_few_tested_bars_name_both_numbers(history: History) -> None:
    with pytest.raises(NotEnoughData, match="have 20, need 50 1h candles after"):
        run(simulate.analyze, history, question(since(history, 2_480)))


@pytest.mark.parametrize(
    ("timeframe", "days", "allowed"),
    [("1m", 76, True), ("1m", 77, False), ("1h", 3_650, True), ("1w", 6, False)],
)
def test_absurd_lookbacks_name_the_field_and_the_rule(timeframe: str, days: int, allowed: bool) -> None:
    if allowed:
        require_walkable(Timeframe.parse(timeframe), days)
        return
    with pytest.raises(FieldInvalid) as refused:
        require_walkable(Timeframe.parse(timeframe), days)

    assert refused.value.details["field"] == "lookback_days"
    assert str(Timeframe.parse(timeframe)) in refused.value.details["rule"]


def test_a_risk_is_a_distribution_with_its_count(history: History) -> None:
    answer = Answer()
    close = history.candles["close"][-1]
    spec = AssessRiskSpec(direction="long", entry=close, stop=close * 0.985, size=2.0, equity=1_000.0)

    list(risk.assess_risk(history, spec, answer))

    told = answer.document
    assert told["n"] > 2_000
    assert told["n_effective"] < told["n"] / 3
    shares = [told[name]["probability"] for name in ("stop_first", "target_first", "expired")]
    assert sum(shares) == pytest.approx(1.0)
    assert told["stop_first"]["low"] < told["stop_first"]["probability"] < told["stop_first"]["high"]
    assert told["value_at_risk_95"] <= told["value_at_risk_99"] <= told["expected_shortfall_99"]
    assert told["value_at_risk_95"] <= told["expected_shortfall_95"]
    assert list(told["adverse_quantiles"].values()) == sorted(told["adverse_quantiles"].values())
    assert told["plan"]["stop_fraction"] == pytest.approx(0.015)
    assert told["plan"]["loss_at_stop"] == pytest.approx(2 * close * (0.015 + 0.0024))
    assert told["plan"]["leverage"] == pytest.approx(2 * close / 1_000.0)
    liquidated = [row["liquidated"] for row in told["leverage"]]
    assert liquidated == sorted(liquidated)
    assert liquidated[0] == 0.0


@pytest.mark.parametrize("direction", ["long", "short"])
def test_a_risk_without_levels_takes_those_of_a_signal(history: History, direction: str) -> None:
    answer = Answer()

    list(risk.assess_risk(history, AssessRiskSpec.model_validate({"direction": direction}), answer))

    plan = answer.document["plan"]
    assert plan["target_fraction"] == pytest.approx(plan["stop_fraction"] * 2.5 / 1.5)
    assert plan["loss_at_stop"] is None


@pytest.mark.parametrize(("field", "factor"), [("stop", 1.01), ("target", 0.99)])
def test_a_level_on_the_wrong_side_is_named(history: History, field: str, factor: float) -> None:
    level = history.candles["close"][-1] * factor

    with pytest.raises(FieldInvalid) as refused:
        list(risk.assess_risk(history, AssessRiskSpec.model_validate({field: level}), Answer()))

    assert refused.value.details["field"] == field


@pytest.mark.timeout(180)
def test_real_candles_are_simulated_whole() -> None:
    candles, timeframe = real_candles("BTCUSDT_1h_2023-2025")
    whole = History(candles.with_columns(pl.col("opened_at").cast(pl.Datetime("us", "UTC"))), timeframe)

    answer, _ = run(
        simulate.analyze, whole, question(candles["opened_at"][-1] - timedelta(days=365), Signals())
    )

    told = answer.document["statistics"]
    assert told["n"] > 300
    assert told["n_effective"] <= told["n"]
    assert told["hold_return"] > 0.5
