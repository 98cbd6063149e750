"""One look at a pair's chart: trend, volatility, regime, levels, season and indicators as of its newest candle. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from orchestrator_worker.indicators.technical import indicators_of, technical_reading
from orchestrator_worker.intelligence.levels import levels_of
from orchestrator_worker.intelligence.regime import with_regime
from orchestrator_worker.intelligence.season import Season, season_of
from orchestrator_worker.intelligence.trend import trend_of
from orchestrator_worker.intelligence.volatility import with_volatility
from zmarty.market import Timeframe

# RSI, ATR and ADX no longer show where the history was cut after 300 bars.
BARS_MIN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Fields are the columns of `market_intelligence`; what is not known is None, never a default."""

    opened_at: datetime
    close: float
    trend_direction: str
    trend_strength: float
    volatility: float | None
    volatility_close: float | None
    relative_volatility: float | None
    regime: str | None
    season: Season | None
    levels: Sequence[Mapping[str, Any]]
    indicators: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        return asdict(self)


def analyse(candles: pl.DataFrame, *, timeframe: Timeframe, bitcoin_risk: float | None) -> Analysis:
    """Analyse the newest of at least BARS_MIN closed candles, oldest first."""
    assert candles.height >= BARS_MIN, "the caller counts"
    bars = with_volatility(with_regime(indicators_of(candles)), timeframe)
    newest = bars.row(-1, named=True)
    trend = trend_of(bars)
    return Analysis(
        opened_at=newest["opened_at"],
        close=newest["close"],
        trend_direction=trend.direction,
        trend_strength=round(trend.strength, 2),
        volatility=newest["volatility"],
        volatility_close=newest["volatility_close"],
        relative_volatility=newest["relative_volatility"],
        regime=newest["regime"],
        season=season_of(bitcoin_risk),
        levels=[level.row() for level in levels_of(bars)],
        indicators=technical_reading(bars),
    )
