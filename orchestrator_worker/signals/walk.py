"""The signals of a pair, bar by bar: the one calculation behind the live signal and behind the walk over a history. Pure.

Row t rests on candles and readings up to t and on outcomes known at its close, so removing the future changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.intelligence.pivots import with_pivots
from orchestrator_worker.intelligence.regime import with_regime
from orchestrator_worker.signals.confidence import confident, track_of
from orchestrator_worker.signals.levels import levelled, weighed
from orchestrator_worker.signals.readings import Reading, with_readings
from orchestrator_worker.signals.reasons import Reason, reasons_of
from orchestrator_worker.signals.score import PARTS, scored
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from zmarty.market import Symbol, Timeframe

STRATEGY_VERSION = "blend-2"

# Bars that must precede the first signal: RSI, ATR and ADX no longer show where the history was cut after 300.
BARS_MIN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What was said at the close of one candle. Fields are the columns of `signals`; prices in the quote currency."""

    symbol: Symbol
    timeframe: Timeframe
    opened_at: datetime
    strategy_version: str
    origin: str
    direction: str
    score: float
    strength: int
    confidence: float | None
    entry_price: float
    targets: list[float]
    stop_price: float | None
    risk_reward: float | None
    expected_value: float | None
    verdict: str
    regime: str | None
    components: Mapping[str, float]
    calibration: Mapping[str, Any]
    reasons: list[Reason]
    expires_at: datetime

    def row(self) -> dict[str, Any]:
        return asdict(self)


def walk(
    candles: pl.DataFrame,
    readings: Sequence[Reading],
    *,
    timeframe: Timeframe,
    track: pl.DataFrame | None = None,
    said_until: datetime | None = None,
    wanted: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return one row for each candle (oldest first) from the BARS_MIN-th on, with everything a signal says.

    `track` is the record the confidence learns from: that of the signals said up to `said_until`. What the walk says later
    than that it judges itself as it goes, and each bar learns from what had matured by then; without a track, from nothing else.
    `wanted` selects the rows to return; the others cost no confidence.
    """
    bars = levelled(scored(with_surroundings(candles, readings, timeframe).slice(BARS_MIN - 1)))
    bars = bars.filter(pl.col("score").is_not_null())
    horizon = Horizon.of(timeframe)
    own = bars if said_until is None else bars.filter(pl.col("opened_at") > said_until)
    judged = judge(own, candles, timeframe=timeframe, horizon=horizon)
    own_track = track_of(judged, timeframe=timeframe, horizon=horizon)
    whole_track = own_track if track is None else pl.concat([track, own_track])
    asked = bars if wanted is None else bars.filter(wanted)
    return weighed(confident(asked, whole_track, timeframe=timeframe))


def with_surroundings(
    candles: pl.DataFrame, readings: Sequence[Reading], timeframe: Timeframe
) -> pl.DataFrame:
    """The candles with all that a score and its levels rest on: indicators, regime, swings, readings."""
    return with_readings(with_pivots(with_regime(indicators_of(candles))), readings, timeframe)


def signal_from(row: Mapping[str, Any], *, symbol: Symbol, timeframe: Timeframe, origin: str) -> Signal:
    """Make the signal of one row of a walk."""
    closed_at = timeframe.closed_at(row["opened_at"])
    return Signal(
        symbol=symbol,
        timeframe=timeframe,
        opened_at=row["opened_at"],
        strategy_version=STRATEGY_VERSION,
        origin=origin,
        direction=row["direction"],
        score=row["score"],
        strength=row["strength"],
        confidence=row["confidence"],
        entry_price=row["entry_price"],
        targets=row["targets"],
        stop_price=row["stop_price"],
        risk_reward=row["risk_reward"],
        expected_value=row["expected_value"],
        verdict=row["verdict"],
        regime=row["regime"],
        components={part: round(row[column], 6) for part, column in PARTS.items() if row[column] is not None},
        calibration={
            **(row["calibration"] or {}),
            **({"base_rate": round(row["base_rate"], 6)} if row["base_rate"] is not None else {}),
        },
        reasons=reasons_of(row),
        expires_at=closed_at + Horizon.of(timeframe).delta,
    )
