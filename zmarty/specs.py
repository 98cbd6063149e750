"""What a simulation and a scaling are asked for: the `spec` inside their job messages, parsed alike by both services. Pure."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from zmarty.errors import FieldInvalid
from zmarty.market import Timeframe

LOOKBACK_DAYS_MAX = 3_650
# A year of five-minute candles: what one simulation walks at most.
BARS_MAX = 110_000
PERIODS_MAX = 500
DRAWS_MAX = 10_000
POSITIONS_MAX = 20

PatternKind: TypeAlias = Literal[
    "head_and_shoulders",
    "double_top",
    "double_bottom",
    "ascending_triangle",
    "descending_triangle",
    "symmetrical_triangle",
    "rising_wedge",
    "falling_wedge",
    "flag",
    "pennant",
    "support_level",
    "resistance_level",
    "upward_breakout",
    "downward_breakout",
    "liquidation_cluster",
]
PATTERN_KINDS: tuple[PatternKind, ...] = get_args(PatternKind)


class Spec(BaseModel):
    """What all specs share: unknown fields are mistakes to name, because a misspelt option would change a result unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SignalsRule(Spec):
    """The signals that Zmarty gives, walked bar by bar with the live code."""

    name: Literal["signals"] = "signals"


class SmaCrossRule(Spec):
    """Long when the fast mean of closes crosses above the slow one, short when below; fixed stop and target."""

    name: Literal["sma_cross"]
    fast: Annotated[int, Field(ge=1, le=PERIODS_MAX, description="Bars of the fast mean.")] = 20
    slow: Annotated[int, Field(ge=2, le=PERIODS_MAX, description="Bars of the slow mean.")] = 50
    stop: Annotated[float, Field(gt=0, lt=0.5, description="Fraction of the price.")] = 0.02
    target: Annotated[float, Field(gt=0, lt=0.5, description="Fraction of the price.")] = 0.03

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("fast must be less than slow")
        return self


class PatternRule(Spec):
    """Every detected pattern of one kind (of any kind, when none is named), traded in its direction."""

    name: Literal["pattern"]
    pattern: PatternKind | None = None


def _by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Rule = Annotated[
    Annotated[SignalsRule | SmaCrossRule | PatternRule, Field(discriminator="name")],
    BeforeValidator(_by_name),
]


class Trading(Spec):
    """Costs, sizes and filters of a replay; the defaults are those by which live signals are judged."""

    fee: Annotated[float, Field(ge=0, le=0.05, description="One side, as a fraction of the price.")] = 0.001
    slippage: Annotated[float, Field(ge=0, le=0.05, description="One side, as a fraction.")] = 0.0002
    positions_max: Annotated[
        int, Field(ge=1, le=POSITIONS_MAX, description="1: one position at a time; more may overlap.")
    ] = 1
    sizing: Literal["equity", "risk"] = Field(
        default="equity", description="`fraction` of the equity goes into each trade, or is lost at its stop."
    )
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    exposure_max: Annotated[float, Field(gt=0, le=10, description="Of the equity, over all positions.")] = 1.0
    equity: Annotated[float, Field(gt=0, le=1e12, description="To begin with.")] = 10_000.0
    direction: Literal["long", "short"] | None = None
    verdict: Literal["act", "watch"] | None = Field(
        default=None, description="Signals only: those worth at least this."
    )
    confidence_min: Annotated[float, Field(ge=0, le=1)] = 0.0
    entry_rule: Literal["every", "turn"] = Field(
        default="every", description="`turn` trades only the first of a run in one direction."
    )
    draws: Annotated[int, Field(ge=100, le=DRAWS_MAX, description="Random entries to compare with.")] = 1_000
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Of the random entries.")] = 1


Lookback = Annotated[int, Field(ge=1, le=LOOKBACK_DAYS_MAX, description="Days of history to test.")]


class AnalyzeSpec(Spec):
    kind: Literal["analyze"] = "analyze"
    lookback_days: Lookback = 365
    strategy: Rule = SignalsRule()
    trading: Trading = Trading()


class WinRatioSpec(Spec):
    kind: Literal["win_ratio"] = "win_ratio"
    lookback_days: Lookback = 365
    strategy: Rule = SignalsRule()
    trading: Trading = Trading()


class ValidatePatternSpec(Spec):
    kind: Literal["validate_pattern"] = "validate_pattern"
    lookback_days: Lookback = 365
    pattern: PatternKind
    trading: Trading = Trading()


class AssessRiskSpec(Spec):
    """A trade as somebody plans it. What is left out is derived: entry from the last close, stop from the ATR."""

    kind: Literal["assess_risk"] = "assess_risk"
    lookback_days: Lookback = 365
    direction: Literal["long", "short"] = "long"
    entry: Annotated[float | None, Field(gt=0, le=1e12)] = None
    stop: Annotated[float | None, Field(gt=0, le=1e12)] = None
    target: Annotated[float | None, Field(gt=0, le=1e12)] = None
    size: Annotated[float | None, Field(gt=0, le=1e15, description="Units of the base currency.")] = None
    equity: Annotated[float | None, Field(gt=0, le=1e12)] = None

    @model_validator(mode="after")
    def _levels_in_order(self) -> Self:
        side = 1.0 if self.direction == "long" else -1.0
        if self.entry is not None and self.stop is not None and (self.entry - self.stop) * side <= 0:
            raise ValueError(
                f"stop must lie {'below' if side > 0 else 'above'} the entry of a {self.direction}"
            )
        if self.entry is not None and self.target is not None and (self.target - self.entry) * side <= 0:
            raise ValueError(
                f"target must lie {'above' if side > 0 else 'below'} the entry of a {self.direction}"
            )
        return self


class ReportSpec(Spec):
    """A page about one pair: how the strategy did over the period, and what a trade there risks."""

    kind: Literal["report"] = "report"
    lookback_days: Lookback = 30
    report_type: Literal["comprehensive", "performance", "risk"] = "comprehensive"
    strategy: Rule = SignalsRule()
    trading: Trading = Trading()


SimulationSpec = Annotated[
    AnalyzeSpec | WinRatioSpec | ValidatePatternSpec | AssessRiskSpec | ReportSpec,
    Field(discriminator="kind"),
]


def require_walkable(timeframe: Timeframe, lookback_days: int, *, field: str = "lookback_days") -> None:
    """Raise FieldInvalid when so many days are more candles than one simulation walks, or less than one candle."""
    bars = timedelta(days=lookback_days) / timeframe.delta
    days_max = int(BARS_MAX * timeframe.delta / timedelta(days=1))
    if bars > BARS_MAX:
        raise FieldInvalid(
            field,
            f"must be at most {days_max} on {timeframe} candles: one simulation walks {BARS_MAX:,} of them",
        )
    if bars < 1:
        raise FieldInvalid(field, f"must hold at least one {timeframe} candle")


class Step(Spec):
    """One step of a ladder that has been taken."""

    margin: Annotated[float, Field(gt=0, le=1e12)]
    leverage: Annotated[float, Field(ge=1, le=125)]
    price: Annotated[float, Field(gt=0, le=1e12)]


Share = Annotated[float, Field(ge=0, le=1)]
STEPS_MAX = 5


class ScalingSpec(Spec):
    """A vault and its position as somebody sees them. What a rule must know and is not told, the rule refuses."""

    equity: Annotated[float, Field(gt=0, le=1e12, description="What the vault is worth, quote currency.")]
    portfolio_equity: Annotated[
        float | None, Field(gt=0, le=1e12, description="Of all vaults together; the vault's when absent.")
    ] = None
    signal_quality: Annotated[float, Field(ge=-1, le=1, description="Score in the position's direction.")]
    quality_before: Annotated[
        float | None, Field(ge=-1, le=1, description="The score at the last increase.")
    ] = None
    market_condition: Literal["trending_up", "trending_down", "ranging", "volatile", "quiet"]
    direction: Literal["long", "short"] = "long"
    action: Literal["open", "increase"] | None = Field(
        default=None, description="`increase` when there are steps, else `open`."
    )
    preset: Literal["default", "customer"] = "default"
    leverage: Annotated[float, Field(ge=1, le=125, description="Of each step, default preset.")] = 3.0
    steps_max: Annotated[int, Field(ge=1, le=STEPS_MAX)] = 3
    steps: Annotated[tuple[Step, ...], Field(max_length=STEPS_MAX, description="Taken so far.")] = ()
    price: Annotated[float | None, Field(gt=0, le=1e12, description="Of the newest closed candle.")] = None
    candle_closed: bool | None = None
    atr: Annotated[float | None, Field(ge=0, le=1e12, description="In the quote currency.")] = None
    volatility: Annotated[float | None, Field(ge=0, le=10, description="As a fraction a day.")] = None
    stop_price: Annotated[float | None, Field(gt=0, le=1e12)] = None
    seconds_since_increase: Annotated[float | None, Field(ge=0)] = None
    cluster_hit: bool = False
    open_positions: Annotated[int, Field(ge=0, le=1000, description="Of this vault, this one included.")] = 0
    daily_loss: Share | None = None
    drawdown: Share | None = None
    days_since_drawdown: Annotated[
        float | None, Field(ge=0, description="Since the drawdown last was at its first limit.")
    ] = None
    ladder_losses_14d: Annotated[int | None, Field(ge=0)] = None
    enabled: bool = Field(default=False, description="Scaling is off until its owner turns it on.")
    by_operator: bool = Field(default=False, description="Set by the API from the caller's token.")
    stop_waived: bool = Field(default=False, description="An operator's word counts only.")
