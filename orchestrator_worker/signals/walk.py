"""The signals of a pair, bar by bar: the one calculation behind the live signal and behind the walk over a history. Pure.

Row t rests on candles and readings up to t and on outcomes known at its close, so removing the future changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.signals.confidence import confident, track_of
from orchestrator_worker.signals.levels import levelled, weighed
from orchestrator_worker.signals.readings import Reading, with_readings
from orchestrator_worker.signals.reasons import Reason, reasons_of
from orchestrator_worker.signals.score import COMPONENTS, TECHNICAL_PARTS, scored
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from zmarty.market import Symbol, Timeframe

STRATEGY_VERSION = "baseline-1"

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
    components: Mapping[str, float]
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
) -> pl.DataFrame:
    """Return one row for each candle (oldest first) from the BARS_MIN-th on, with everything a signal says.

    `track` is the record the confidence learns from; without one the walk judges its own signals as it goes and each
    bar learns from those that had matured by then.
    """
    bars = with_readings(indicators_of(candles), readings, timeframe)
    bars = levelled(scored(bars).slice(BARS_MIN - 1))
    bars = bars.filter(pl.col("score").is_not_null())
    if track is None:
        horizon = Horizon.of(timeframe)
        judged = judge(bars, candles, timeframe=timeframe, horizon=horizon)
        track = track_of(judged, timeframe=timeframe, horizon=horizon)
    return weighed(confident(bars, track, timeframe=timeframe))


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
        components={
            part: round(row[part], 6) for part in (*COMPONENTS, *TECHNICAL_PARTS) if row[part] is not None
        },
        reasons=reasons_of(row),
        expires_at=closed_at + Horizon.of(timeframe).delta,
    )
