"""What simulations answer. Every rate comes with its count and its interval. Pure."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from zmarty.market import Symbol, Timeframe

Kind = Literal["analyze", "win_ratio", "validate_pattern", "assess_risk", "report"]


class Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Statistics(Told):
    """Of one replay. Returns are fractions; rates are null without trades, ratios where there is too little to measure."""

    n: int = Field(description="Trades.")
    n_effective: float = Field(description="How many independent ones they are worth.")
    targets: int
    stops: int
    expired: int
    open: int = Field(description="Still open at the end, marked at the last close.")
    ambiguous: int = Field(description="Bars that held both barriers; counted as stops.")
    longs: int
    win_rate: float | None = Field(description="Targets / ended trades.")
    win_rate_low: float | None = Field(description="Lower bound of Wilson's 95 % interval on n_effective.")
    win_rate_high: float | None
    profitable: float | None = Field(description="Trades that earned after costs / trades.")
    profit_factor: float | None
    expectancy: float | None = Field(description="Mean return of a trade, after costs.")
    expectancy_r: float | None
    best: float | None
    worst: float | None
    mean_mfe: float | None
    mean_mae: float | None
    mean_bars: float | None
    equity_start: float
    equity_end: float
    total_return: float
    cagr: float | None
    sharpe: float | None = Field(description="A year, of daily returns, risk-free rate 0.")
    sortino: float | None
    max_drawdown: float
    max_drawdown_days: float
    exposure: float = Field(description="Share of bars with a position.")
    bars: int
    hold_return: float = Field(description="Of buying at the start and holding, the same costs included.")
    hold_max_drawdown: float


class Chance(Told):
    """The same number of trades at bars drawn by lot, with the same stops, targets and costs."""

    draws: int
    seed: int
    percentile: float | None = Field(description="Share of the draws that the replay beats; 0.5 is luck.")
    expectancy_mean: float | None
    expectancy_low: float | None = Field(description="2.5 % of the draws lie below.")
    expectancy_high: float | None
    win_rate: float | None


class Counted(Told):
    n: int
    n_effective: float
    wins: int
    losses: int
    expired: int
    rate: float | None
    low: float | None
    high: float | None
    baseline: float | None = Field(default=None, description="The rate of entering at random.")
    expectancy: float | None
    profit_factor: float | None


class Answered(Told):
    """What a simulation of any kind says of itself."""

    id: UUID = Field(description="Of the simulation and of its job.")
    kind: Kind
    symbol: Symbol
    timeframe: Timeframe


class AnalyzeAnswer(Answered):
    """A replay in numbers; curve and trades are at `/v1/simulations/{id}`."""

    strategy: str
    horizon: str
    tested_from: datetime
    tested_until: datetime
    statistics: Statistics
    directions: dict[str, Counted]
    chance: Chance
    plans: int = Field(description="Plans of the strategy that passed the filters.")
    passed_by: int = Field(description="Those for which there was no place or no equity.")


class WinRatioAnswer(Answered):
    strategy: str
    horizon: str
    tested_from: datetime
    tested_until: datetime
    win_rates: dict[str, Counted] = Field(description="For all, long and short.")


class ValidatePatternAnswer(WinRatioAnswer):
    pattern: str
    finding: Literal["edge", "better_than_chance", "no_edge", "worse_than_chance", "too_few"] = Field(
        description="`edge`: the interval lies above the rate of luck, and trades earn after costs; `better_than_chance`: the first alone; `too_few`: fewer effective outcomes than `effective_min`."
    )
    effective_min: float


class Likelihood(Told):
    probability: float
    low: float
    high: float


class Plan(Told):
    direction: Literal["long", "short"]
    entry: float
    stop: float
    target: float
    stop_fraction: float
    target_fraction: float
    round_trip: float = Field(description="Fees and slippage of both sides.")
    size: float | None
    equity: float | None
    notional: float | None
    loss_at_stop: float | None = Field(description="Costs included, in the quote currency.")
    loss_of_equity: float | None
    leverage: float | None


class Leverage(Told):
    leverage: float
    liquidation_distance: float = Field(description="By tiers of maintenance margin.")
    liquidated: float = Field(description="Share of entries whose way reached it within the horizon.")


class RiskAssessment(Told):
    """What came of the planned trade wherever it could have been entered."""

    plan: Plan
    horizon: str
    tested_from: datetime
    tested_until: datetime
    n: int
    n_effective: float
    stop_first: Likelihood
    target_first: Likelihood
    expired: Likelihood
    expectancy: float
    value_at_risk_95: float = Field(description="Fractions of the price, positive as losses.")
    value_at_risk_99: float
    expected_shortfall_95: float
    expected_shortfall_99: float
    adverse_quantiles: dict[str, float] = Field(description="By percentage of the entries.")
    favourable_quantiles: dict[str, float]
    leverage: list[Leverage]


class RiskMetric(Told):
    """How high the price stands in its own history, 0 … 1, as of a day."""

    observed_on: date
    source: str
    value: float
    band: int
    rarity: float
    price: float
    known_at: datetime


class AssessRiskAnswer(RiskAssessment, Answered):
    """The distribution, beside the newest risk metric of the symbol where there is one."""

    risk_metric: RiskMetric | None


class ReportAnswer(Answered):
    """A report's sections, as far as its type has them."""

    report_type: str
    lookback_days: int
    strategy: str | None = None
    horizon: str | None = None
    tested_from: datetime | None = None
    tested_until: datetime | None = None
    statistics: Statistics | None = None
    directions: dict[str, Counted] | None = None
    chance: Chance | None = None
    plans: int | None = None
    passed_by: int | None = None
    win_rates: dict[str, Counted] | None = None
    risk: dict[str, RiskAssessment] | None = Field(default=None, description="For a long and a short.")


class CurvePoint(Told):
    closed_at: datetime
    equity: float
    hold: float
    drawdown: float = Field(description="The deepest since the point before.")


class TradeRow(Told):
    number: int
    direction: Literal["long", "short"]
    kind: str
    confidence: float | None
    verdict: str | None
    opened_at: datetime = Field(description="Of the candle at whose close the trade was planned.")
    entered_at: datetime
    entry_price: float = Field(description="As planned; `paid_price` is what the next open was.")
    paid_price: float
    stop_price: float
    target_price: float
    exited_at: datetime
    exit_price: float
    reason: Literal["target", "stop", "expiry", "open"]
    ambiguous: bool
    bars: int
    units: float
    notional: float
    return_net: float
    r_multiple: float
    pnl: float
    mfe: float
    mae: float


class SimulationRow(Told):
    """A simulation in a list."""

    id: UUID
    kind: Kind
    symbol: Symbol
    timeframe: Timeframe
    state: Literal["running", "done", "failed", "cancelled"]
    request: dict[str, Any]
    trades_count: int | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class SimulationDetail(SimulationRow):
    """A simulation with what came of it and a page of its trades."""

    summary: dict[str, Any] | None = Field(description="As the request that started it was answered.")
    curve: list[CurvePoint] | None
    trades: list[TradeRow]
    next: str | None = Field(description="Cursor of the following page of trades.")


class ReportDocument(ReportAnswer):
    """A report with its curve and its newest trades."""

    created_at: datetime
    curve: list[CurvePoint]
    trades: list[TradeRow]
    trades_count: int
