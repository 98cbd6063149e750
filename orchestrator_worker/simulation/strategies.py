"""What can be replayed: our own signals, detected patterns, and one simple rule. Each turns history into plans. Pure.

A plan is known at the close of its bar and executed at the next open. Plans are a frame with opened_at, direction,
entry_price (the close it was planned at), stop_price, target_price, confidence, verdict and kind; row t depends on
candles and readings up to t only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from orchestrator_worker.signals.readings import Reading
from orchestrator_worker.signals.walk import BARS_MIN, STRATEGY_VERSION, walk
from orchestrator_worker.win_rates.baseline import entered_everywhere
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

PLAN = pl.Schema(
    {
        "opened_at": pl.Datetime("us", "UTC"),
        "direction": pl.String(),
        "entry_price": pl.Float64(),
        "stop_price": pl.Float64(),
        "target_price": pl.Float64(),
        "confidence": pl.Float64(),
        "verdict": pl.String(),
        "kind": pl.String(),
    }
)
LEVELS = ("opened_at", "direction", "entry_price", "stop_price", "target_price")


@dataclass(frozen=True, slots=True)
class History:
    """Sound candles of one pair, oldest first, and the readings beside them."""

    candles: pl.DataFrame
    timeframe: Timeframe
    readings: Sequence[Reading] = ()


class Strategy(Protocol):
    """`bars_min` bars must precede the first plan. `everywhere` is the same trade entered on every bar, both ways."""

    @property
    def name(self) -> str: ...
    @property
    def bars_min(self) -> int: ...
    def horizon(self, timeframe: Timeframe) -> Horizon: ...
    def plans(self, history: History) -> pl.DataFrame: ...
    def everywhere(self, history: History) -> pl.DataFrame: ...


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals that Zmarty gives, walked with the live code: each bar's confidence knows only earlier outcomes."""

    name: str = STRATEGY_VERSION
    bars_min: int = BARS_MIN

    def horizon(self, timeframe: Timeframe) -> Horizon:
        return Horizon.of(timeframe)

    def plans(self, history: History) -> pl.DataFrame:
        rows = walk(history.candles, history.readings, timeframe=history.timeframe)
        return _as_plans(rows.filter(pl.col("direction") != "flat").with_columns(kind=pl.lit("signal")))

    def everywhere(self, history: History) -> pl.DataFrame:
        return entered_everywhere(history.candles)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCross:
    """Long when the fast mean of closes crosses above the slow one, short when below; stop and target are fixed.

    `stop` and `target` are fractions of the close at which the cross is seen. The simplest rule there is: it is here
    to be compared with, by people and by the tests that run it through backtesting.py.
    """

    fast: int = 20
    slow: int = 50
    stop: float = 0.02
    target: float = 0.03
    name: str = "sma_cross"

    @property
    def bars_min(self) -> int:
        return self.slow + 1

    def horizon(self, timeframe: Timeframe) -> Horizon:
        return Horizon.MONTH

    def plans(self, history: History) -> pl.DataFrame:
        close = pl.col("close")
        above = close.rolling_mean(self.fast) - close.rolling_mean(self.slow)
        before = above.shift(1)
        rows = history.candles.with_columns(
            direction=pl.when((before <= 0) & (above > 0))
            .then(pl.lit("long"))
            .when((before >= 0) & (above < 0))
            .then(pl.lit("short"))
        ).filter(pl.col("direction").is_not_null())
        return _as_plans(self._levelled(rows).with_columns(kind=pl.lit("cross")))

    def everywhere(self, history: History) -> pl.DataFrame:
        rows = history.candles.slice(self.bars_min - 1)
        both = [
            self._levelled(rows.with_columns(direction=pl.lit(direction))) for direction in ("long", "short")
        ]
        return pl.concat(both).select(LEVELS)

    def _levelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        close = pl.col("close")
        side = pl.when(pl.col("direction") == "long").then(1.0).otherwise(-1.0)
        return rows.with_columns(
            entry_price=close,
            stop_price=close * (1.0 - side * self.stop),
            target_price=close * (1.0 + side * self.target),
        )


class Pattern(Protocol):
    """What is used of a detected pattern; it may be known from the close of `detected_opened_at` on."""

    @property
    def kind(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def detected_opened_at(self) -> datetime: ...


class Detect(Protocol):
    """All patterns of a history, each as it could have been known at its bar."""

    def __call__(self, bars: pl.DataFrame, *, timeframe: Timeframe) -> Sequence[Pattern]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Detected patterns of one kind, or of any, traded in their direction with the levels that a signal would have."""

    detect: Detect
    pattern: str | None = None
    bars_min: int = BARS_MIN

    @property
    def name(self) -> str:
        return f"pattern:{self.pattern or 'any'}"

    def horizon(self, timeframe: Timeframe) -> Horizon:
        return Horizon.of(timeframe)

    def plans(self, history: History) -> pl.DataFrame:
        found = pl.DataFrame(
            [
                (pattern.detected_opened_at, pattern.direction, pattern.confidence, pattern.kind)
                for pattern in self.detect(history.candles, timeframe=history.timeframe)
                if self.pattern is None or pattern.kind == self.pattern
            ],
            schema={name: PLAN[name] for name in ("opened_at", "direction", "confidence", "kind")},
            orient="row",
        )
        # Two kinds may say the same of one bar; it is one trade, on the surer word.
        once = found.sort("confidence", descending=True).unique(["opened_at", "direction"], keep="first")
        return _as_plans(self.everywhere(history).join(once, on=["opened_at", "direction"]).sort("opened_at"))

    def everywhere(self, history: History) -> pl.DataFrame:
        return entered_everywhere(history.candles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which of a strategy's plans are traded. `entry_rule` turn keeps the first of a run in one direction."""

    direction: str | None = None
    verdict: str | None = None
    confidence_min: float = 0.0
    entry_rule: str = "every"


def chosen(plans: pl.DataFrame, filters: Filters) -> pl.DataFrame:
    """Return the plans that pass; the runs are those of the strategy, before anything else is left out."""
    if filters.entry_rule == "turn":
        plans = plans.sort("opened_at")
        plans = plans.filter((pl.col("direction") != pl.col("direction").shift(1)).fill_null(True))
    if filters.direction is not None:
        plans = plans.filter(pl.col("direction") == filters.direction)
    if filters.verdict is not None:
        # Whoever trades what is worth watching trades what is worth acting on, too.
        wanted = ["act"] if filters.verdict == "act" else ["act", filters.verdict]
        plans = plans.filter(pl.col("verdict").is_in(wanted))
    if filters.confidence_min > 0.0:
        plans = plans.filter(pl.col("confidence") >= filters.confidence_min)
    return plans


def _as_plans(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of a plan in their order; a rule that claims no confidence has none."""
    absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in PLAN.items() if name not in rows.columns]
    return rows.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in PLAN.items())
