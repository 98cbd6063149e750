"""What the market answers: candles, readings, signals and win rates, each with the times it stands for. Pure."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, computed_field

from orchestrator_api.numbers import Number
from zmarty.market import Direction, Symbol, Timeframe


class Row(BaseModel):
    """A row of one candle. `opened_at` is its key; `closed_at` is when it may be known."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    timeframe: Timeframe
    opened_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def closed_at(self) -> datetime:
        return self.timeframe.closed_at(self.opened_at)


class CandleRow(Row):
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number = Field(description="In the base currency.")
    volume_usd: Number | None
    trades_count: int | None
    vwap: Number | None
    exchange: str
    source: str


class IndicatorRow(Row):
    source: str = Field(
        description="`technical`, or the kind of vendor reading: ls_ratio, liquidations, trend, …"
    )
    data: dict[str, Any]
    observed_at: datetime


class Outcome(BaseModel):
    """How a signal ended within a horizon."""

    horizon: str
    barrier: str
    ambiguous: bool
    return_net: float
    r_multiple: float
    closed_at: datetime


class SignalRow(Row):
    id: str
    strategy_version: str
    origin: str = Field(description="`live`, or `backfill`: computed later for a candle of the past.")
    source: str | None = Field(description="Who made it, when it was made elsewhere.")
    direction: Direction
    regime: str | None = Field(description="trending, ranging, volatile or quiet.")
    score: float = Field(description="−1 … 1; its sign is the direction.")
    strength: int
    confidence: float | None = Field(description="Probability of the target before the stop; null for flat.")
    entry_price: Number
    targets: list[Number]
    stop_price: Number | None
    risk_reward: float | None
    expected_value: float | None
    verdict: str
    reasons: list[Any]
    expires_at: datetime
    created_at: datetime
    outcomes: list[Outcome] = Field(description="Empty while the signal is open.")


class WinRateRow(BaseModel):
    """How often signals of one kind reached their target. Rates are null while `n` is 0."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    timeframe: Timeframe
    strategy_version: str
    direction: str
    horizon: str
    lookback_days: int
    origin: str
    n: int
    n_effective: float
    wins: int
    losses: int
    expired: int
    rate: float | None
    low: float | None = Field(description="Lower bound of the 95 % interval.")
    high: float | None = Field(description="Upper bound of the 95 % interval.")
    baseline: float | None = Field(description="The rate of random entries on the same candles.")
    expectancy: float | None
    profit_factor: float | None
    computed_at: datetime
