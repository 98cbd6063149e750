"""What /v1/intelligence and /v1/analysis take and answer. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field

from orchestrator_api.market.filters import Name
from orchestrator_api.numbers import Number
from orchestrator_api.paging import PageQuery
from zmarty.market import Symbol, Timeframe

SYMBOLS_MAX = 20
Kind = Annotated[str, Field(max_length=40, pattern=r"^[a-z_]+$", description="double_top, flag, …")]


def _distinct(symbols: list[Symbol]) -> list[Symbol]:
    if len(set(symbols)) != len(symbols):
        raise ValueError("must name each symbol once")
    return symbols


class TimeframeQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    timeframe: Timeframe = Timeframe.HOUR_1


class PatternQuery(PageQuery):
    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None
    kind: Kind | None = None
    direction: Literal["long", "short"] | None = None
    confidence_min: Annotated[float, Field(ge=0.0, le=1.0)] = 0.6


class EffectivenessQuery(PageQuery):
    symbol: Annotated[Symbol | None, Field(description="All symbols when absent.")] = None
    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None
    kind: Kind | None = None
    direction: Literal["long", "short", "all"] | None = None
    origin: Literal["live", "backfill", "all"] | None = None
    n_min: Annotated[int, Field(ge=1, le=1_000_000, description="Only rates that rest on as many cases.")] = 1


class AnalyzeRequest(BaseModel):
    """Which candles to analyse."""

    model_config = ConfigDict(frozen=True)

    timeframe: Timeframe = Timeframe.HOUR_1


class BulkAnalyzeRequest(BaseModel):
    """Which symbols to analyse in one job."""

    model_config = ConfigDict(frozen=True)

    symbols: Annotated[
        list[Symbol],
        Field(min_length=1, max_length=SYMBOLS_MAX, examples=[["BTC/USDT", "ETH/USDT"]]),
        AfterValidator(_distinct),
    ]
    timeframe: Timeframe = Timeframe.HOUR_1


class LevelRow(BaseModel):
    kind: Literal["support", "resistance"]
    price: Number
    touches: int
    strength: float = Field(description="0 … 1; touches that are long ago count less.")
    last_touched_at: datetime


class IntelligenceRow(BaseModel):
    """What the chart of a pair looked like at the close of one candle. What is not known is null."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    timeframe: Timeframe
    opened_at: datetime
    close: Number
    trend_direction: Literal["up", "down", "sideways"]
    trend_strength: float = Field(
        description="0 … 100: the share of the movement that a straight line explains."
    )
    volatility: float | None = Field(description="Annualised, by Yang and Zhang; 1 is 100 %.")
    volatility_close: float | None = Field(description="Annualised, from closes alone.")
    relative_volatility: float | None = Field(description="Over its own median; 1 is as usual.")
    regime: Literal["trending", "ranging", "volatile", "quiet"] | None
    season: Literal["accumulation", "neutral", "distribution"] | None = Field(
        description="By the risk metric of Bitcoin."
    )
    levels: list[LevelRow] = Field(description="Support and resistance, the nearest of each first.")
    indicators: dict[str, Any]
    computed_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def closed_at(self) -> datetime:
        return self.timeframe.closed_at(self.opened_at)


class PriceLevels(BaseModel):
    entry: Number = Field(description="The close that made the pattern valid.")
    neckline: Number = Field(description="The line that it broke or rests on.")
    target: Number
    invalidation: Number


class PatternBar(BaseModel):
    role: str
    opened_at: datetime
    price: Number


class PatternRow(BaseModel):
    """A pattern that holds: neither expired nor at its target or its invalidation."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    symbol: Symbol
    timeframe: Timeframe
    kind: str
    direction: Literal["long", "short"]
    origin: Literal["live", "backfill"]
    confidence: float = Field(
        description="0.6 … 1: how well it fits its rule. No probability: that is in pattern-effectiveness."
    )
    started_at: datetime
    ended_at: datetime
    detected_opened_at: datetime = Field(description="The candle whose close made it valid.")
    price_levels: PriceLevels
    bars: list[PatternBar] = Field(description="The candles that make it, in time.")
    fits: Mapping[str, float] = Field(description="How well each part of its rule holds, 0 … 1.")
    expires_at: datetime


class AnalysisRow(BaseModel):
    """An analysis on demand."""

    intelligence: IntelligenceRow
    patterns: list[PatternRow] = Field(description="The best ten that hold, best first.")


class EffectivenessRow(BaseModel):
    """How often judged patterns of a kind reached their target before their invalidation. Never without n."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    timeframe: Timeframe
    kind: str
    direction: Literal["long", "short", "all"]
    origin: Literal["live", "backfill", "all"]
    horizon: Name
    n: int
    n_effective: float
    wins: int
    losses: int
    expired: int
    rate: float
    low: float = Field(description="Lower bound of the 95 % interval.")
    high: float = Field(description="Upper bound of the 95 % interval.")
    baseline: float | None = Field(
        description="The rate of the same trades entered elsewhere on the same candles."
    )
    expectancy: float = Field(description="Mean return after costs, as a fraction of the price.")
    profit_factor: float | None
    since: datetime
    computed_at: datetime


class BulkResult(BaseModel):
    """What came of each symbol: its newest analysis in short, or `error`."""

    timeframe: Timeframe
    results: dict[str, dict[str, Any]]
