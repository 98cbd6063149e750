"""One simulation from history to its document: steps that say how far they are, and what is kept of them at the end. Pure.

A document is plain JSON. Its numbers are bounded: a curve has CURVE_POINTS_MAX points, whatever it was drawn from.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from orchestrator_worker.indicators.technical import BARS_NEEDED
from orchestrator_worker.simulation.chance import SLICES, chance_of, draw
from orchestrator_worker.simulation.replay import OPEN, Replay, Terms, race, replay
from orchestrator_worker.simulation.soundness import NotEnoughData
from orchestrator_worker.simulation.statistics import Statistics, drawdowns, held_equity, statistics_of
from orchestrator_worker.simulation.strategies import Filters, History, Strategy, chosen
from orchestrator_worker.win_rates.tally import effective_count, wilson
from zmarty.market import Timeframe

# What a page is wide enough to show.
CURVE_POINTS_MAX = 400
# Bars loaded before the tested ones: for the slowest indicator, and for a first record of outcomes to learn from.
WARM_UP_BARS = BARS_NEEDED
# Bars that a test must hold beyond its strategy's warm-up.
TESTED_BARS_MIN = 50
# Fewer independent outcomes let nobody say whether a pattern works.
EFFECTIVE_MIN = 30.0

TRADE_COLUMNS = (
    "direction",
    "kind",
    "confidence",
    "verdict",
    "opened_at",
    "entered_at",
    "entry_price",
    "paid_price",
    "stop_price",
    "target_price",
    "exited_at",
    "exit_price",
    "reason",
    "ambiguous",
    "bars",
    "units",
    "notional",
    "return_net",
    "r_multiple",
    "pnl",
    "mfe",
    "mae",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to replay. Bars opened before `since` only warm the strategy up."""

    strategy: Strategy
    filters: Filters = field(default_factory=Filters)
    terms: Terms = field(default_factory=Terms)
    since: datetime
    draws: int
    seed: int


@dataclass(slots=True)
class Answer:
    """What a simulation leaves: its document, and the trades in full."""

    document: dict[str, Any] = field(default_factory=dict)
    trades: pl.DataFrame = field(default_factory=pl.DataFrame)
    statistics: Statistics | None = None


def bars_needed(strategy: Strategy) -> int:
    """Candles without which a question about this strategy has no answer."""
    return strategy.bars_min + TESTED_BARS_MIN


def analyze(history: History, question: Question, answer: Answer) -> Iterator[float]:
    """Replay the strategy, measure it, compare it with holding and with luck; yields the share done after each step.

    Raises NotEnoughData when the history holds less than the strategy's warm-up and TESTED_BARS_MIN bars.
    """
    candles, timeframe, terms = history.candles, history.timeframe, question.terms
    first = _first_tested(history, question)
    horizon = question.strategy.horizon(timeframe)
    plans = question.strategy.plans(history)
    yield 0.3
    tested_from = candles["opened_at"][first]
    wanted = chosen(plans, question.filters).filter(pl.col("opened_at") >= tested_from)
    replayed = replay(wanted, candles, timeframe=timeframe, horizon=horizon, terms=terms, curve_from=first)
    statistics = statistics_of(
        replayed.trades,
        replayed.curve,
        candles,
        timeframe=timeframe,
        equity_start=terms.equity_start,
        round_trip=terms.round_trip,
    )
    yield 0.5
    everywhere = race(
        question.strategy.everywhere(history).filter(pl.col("opened_at") >= tested_from),
        candles,
        timeframe=timeframe,
        horizon=horizon,
        round_trip=terms.round_trip,
    )
    yield 0.6
    longs, shorts = statistics.longs, statistics.n - statistics.longs
    drawn = [np.empty(0)]
    for part in draw(everywhere, longs=longs, shorts=shorts, draws=question.draws, seed=question.seed):
        drawn.append(part)
        yield 0.6 + 0.35 * (len(drawn) - 1) / SLICES
    chance = chance_of(
        statistics.expectancy,
        np.concatenate(drawn),
        everywhere,
        longs=longs,
        shorts=shorts,
        seed=question.seed,
    )
    answer.statistics = statistics
    answer.trades = replayed.trades.select(TRADE_COLUMNS)
    answer.document |= {
        "strategy": question.strategy.name,
        "horizon": str(horizon),
        "tested_from": tested_from,
        "tested_until": timeframe.closed_at(candles["opened_at"][-1]),
        "statistics": asdict(statistics),
        "directions": by_direction(replayed.trades, timeframe),
        "chance": asdict(chance),
        "plans": wanted.height,
        "passed_by": replayed.passed_by,
        "curve": curve_points(replayed, candles, terms, timeframe),
    }


def win_ratio(history: History, question: Question, answer: Answer) -> Iterator[float]:
    """Judge every plan by itself, overlapping or not, and count: how often such plans were right, against luck.

    Raises NotEnoughData as `analyze` does.
    """
    candles, timeframe = history.candles, history.timeframe
    first = _first_tested(history, question)
    tested_from = candles["opened_at"][first]
    horizon = question.strategy.horizon(timeframe)
    judged = _race_of(question.strategy.plans, history, question, tested_from)
    yield 0.5
    everywhere = race(
        question.strategy.everywhere(history).filter(pl.col("opened_at") >= tested_from),
        candles,
        timeframe=timeframe,
        horizon=horizon,
        round_trip=question.terms.round_trip,
    )
    yield 0.9
    counted = {
        direction: counted_of(_of(judged, direction), _of(everywhere, direction), timeframe)
        for direction in ("all", "long", "short")
    }
    answer.document |= {
        "strategy": question.strategy.name,
        "horizon": str(horizon),
        "tested_from": tested_from,
        "tested_until": timeframe.closed_at(candles["opened_at"][-1]),
        "win_rates": counted,
    }


def validate_pattern(history: History, question: Question, answer: Answer) -> Iterator[float]:
    """Whether a pattern beats entering at random: its win rate's interval against the rate of luck."""
    yield from win_ratio(history, question, answer)
    finding = finding_of(answer.document["win_rates"]["all"])
    answer.document |= {"finding": finding, "effective_min": EFFECTIVE_MIN}


def finding_of(counted: Mapping[str, Any]) -> str:
    """What a count allows to be said: an edge needs an interval above the rate of luck and a mean above the costs."""
    if counted["n_effective"] < EFFECTIVE_MIN:
        return "too_few"
    if counted["low"] > counted["baseline"]:
        return "edge" if counted["expectancy"] > 0.0 else "better_than_chance"
    return "worse_than_chance" if counted["high"] < counted["baseline"] else "no_edge"


def counted_of(judged: pl.DataFrame, everywhere: pl.DataFrame, timeframe: Timeframe) -> dict[str, Any]:
    """A win rate with its count, its interval and the rate of random plans in the same mix of directions.

    Only what has ended counts. The interval is Wilson's, 95 %, on the effective number of outcomes.
    """
    ended = judged.filter(pl.col("reason") != OPEN)
    n = ended.height
    wins, losses = (ended.filter(pl.col("reason") == reason).height for reason in ("target", "stop"))
    n_effective = effective_count(ended.select("opened_at", closed_at="exited_at"), timeframe) if n else 0.0
    low, high = wilson(wins / n * n_effective, n_effective) if n else (None, None)
    returned = ended["return_net"]
    gained, lost = float(returned.clip(lower_bound=0.0).sum()), -float(returned.clip(upper_bound=0.0).sum())
    return {
        "n": n,
        "n_effective": n_effective,
        "wins": wins,
        "losses": losses,
        "expired": n - wins - losses,
        "rate": wins / n if n else None,
        "low": low,
        "high": high,
        "baseline": _chance_rate(ended, everywhere),
        "expectancy": float(returned.sum()) / n if n else None,
        "profit_factor": gained / lost if lost > 0.0 else None,
    }


def by_direction(trades: pl.DataFrame, timeframe: Timeframe) -> dict[str, Any]:
    """Longs and shorts of a replay apart, each with its count."""
    told = {}
    for direction in ("long", "short"):
        counted = counted_of(_of(trades, direction), trades.clear(), timeframe)
        counted.pop("baseline")
        told[direction] = counted
    return told


def curve_points(
    replayed: Replay, candles: pl.DataFrame, terms: Terms, timeframe: Timeframe
) -> list[dict[str, Any]]:
    """At most CURVE_POINTS_MAX points, each the last of an equal share of the bars, with the deepest fall of its share.

    `equity` and `hold` (bought at the start and held) in the quote currency; `drawdown` is a fraction.
    """
    curve = replayed.curve
    hold = held_equity(candles.tail(curve.height), terms.equity_start, terms.round_trip)
    fallen = drawdowns(np.concatenate([[terms.equity_start], curve["equity"].to_numpy()]))[1:]
    points = []
    for share in np.array_split(np.arange(curve.height), min(CURVE_POINTS_MAX, curve.height)):
        last = int(share[-1])
        points.append(
            {
                "closed_at": timeframe.closed_at(curve["opened_at"][last]),
                "equity": round(float(curve["equity"][last]), 2),
                "hold": round(float(hold[last]), 2),
                "drawdown": round(float(fallen[share].max()), 6),
            }
        )
    return points


def _first_tested(history: History, question: Question) -> int:
    candles = history.candles
    need = bars_needed(question.strategy)
    if candles.height < need:
        raise NotEnoughData(candles.height, need, f"{history.timeframe} candles")
    by_time = int((candles["opened_at"] < question.since).sum())
    first = max(by_time, question.strategy.bars_min)
    if candles.height - first < TESTED_BARS_MIN:
        raise NotEnoughData(
            candles.height - first,
            TESTED_BARS_MIN,
            f"{history.timeframe} candles after {question.since:%Y-%m-%d}",
        )
    return first


def _race_of(
    plans: Callable[[History], pl.DataFrame], history: History, question: Question, tested_from: datetime
) -> pl.DataFrame:
    wanted = chosen(plans(history), question.filters).filter(pl.col("opened_at") >= tested_from)
    return race(
        wanted,
        history.candles,
        timeframe=history.timeframe,
        horizon=question.strategy.horizon(history.timeframe),
        round_trip=question.terms.round_trip,
    )


def _of(trades: pl.DataFrame, direction: str) -> pl.DataFrame:
    return trades if direction == "all" else trades.filter(pl.col("direction") == direction)


def _chance_rate(judged: pl.DataFrame, everywhere: pl.DataFrame) -> float | None:
    if judged.is_empty() or everywhere.is_empty():
        return None
    rates: Mapping[str, float | None] = {
        direction: everywhere.filter(pl.col("direction") == direction)
        .select((pl.col("reason") == "target").mean())
        .item()
        for direction in ("long", "short")
    }
    longs = judged.filter(pl.col("direction") == "long").height / judged.height
    return longs * (rates["long"] or 0.0) + (1.0 - longs) * (rates["short"] or 0.0)
