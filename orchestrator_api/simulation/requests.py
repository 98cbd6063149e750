"""What may be asked to be simulated, and the spec that the worker gets for it. Pure."""

import re
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestrator_api.paging import PageQuery
from zmarty.market import Symbol, Timeframe
from zmarty.specs import (
    LOOKBACK_DAYS_MAX,
    AnalyzeSpec,
    AssessRiskSpec,
    Lookback,
    PatternKind,
    PatternRule,
    ReportSpec,
    Rule,
    SignalsRule,
    Spec,
    Trading,
    ValidatePatternSpec,
    WinRatioSpec,
    require_walkable,
)

_PERIOD = re.compile(r"([1-9]\d{0,3})([dwmy])")
_PERIOD_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


class SimulationRequest(BaseModel):
    """What all simulations are asked with: a pair."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[str]

    symbol: Symbol
    timeframe: Timeframe = Timeframe.HOUR_1

    @abstractmethod
    def spec(self) -> Spec:
        """What the worker is told beside the pair."""

    def payload(self) -> dict[str, Any]:
        """The spec as JSON. Raises FieldInvalid when so much history is more than one simulation walks."""
        spec = self.spec()
        require_walkable(self.timeframe, spec.lookback_days)  # type: ignore[attr-defined]
        return spec.model_dump(mode="json")


class _Strategic(SimulationRequest):
    lookback_days: Lookback = 365
    strategy: Annotated[
        Rule | None,
        Field(
            description="`signals` (the default), `sma_cross`, `pattern`, or one of them with its options."
        ),
    ] = None
    pattern: Annotated[PatternKind | None, Field(description="Instead of a strategy.")] = None
    trading: Trading = Trading()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.strategy is not None and self.pattern is not None:
            raise ValueError("give a strategy or a pattern, not both")
        return self

    @property
    def rule(self) -> Any:
        if self.pattern is not None:
            return PatternRule(name="pattern", pattern=self.pattern)
        return self.strategy or SignalsRule()


class AnalyzeRequest(_Strategic):
    """Replay a strategy or a pattern over the days before now, as an account could have traded it."""

    kind: ClassVar[str] = "analyze"

    analysis_depth: Annotated[
        str | None, Field(max_length=40, description="Accepted from older clients; every analysis is whole.")
    ] = None

    def spec(self) -> AnalyzeSpec:
        return AnalyzeSpec(lookback_days=self.lookback_days, strategy=self.rule, trading=self.trading)


class WinRatioRequest(_Strategic):
    """How often a strategy's or a pattern's plans reached their target, every one of them counted."""

    kind: ClassVar[str] = "win_ratio"

    def spec(self) -> WinRatioSpec:
        return WinRatioSpec(lookback_days=self.lookback_days, strategy=self.rule, trading=self.trading)


class ValidatePatternRequest(SimulationRequest):
    """Whether a pattern beats entering at random on this pair."""

    kind: ClassVar[str] = "validate_pattern"

    pattern: PatternKind
    lookback_days: Lookback = 365
    trading: Trading = Trading()

    def spec(self) -> ValidatePatternSpec:
        return ValidatePatternSpec(
            lookback_days=self.lookback_days, pattern=self.pattern, trading=self.trading
        )


class AssessRiskRequest(AssessRiskSpec):
    """A planned trade; what is left out is set as our signals would set it at the newest close."""

    name: ClassVar[str] = "assess_risk"

    kind: Literal["assess_risk"] = Field(default="assess_risk", exclude=True)
    symbol: Symbol
    timeframe: Timeframe = Timeframe.HOUR_1

    def payload(self) -> dict[str, Any]:
        require_walkable(self.timeframe, self.lookback_days)
        return {**self.model_dump(mode="json", exclude={"symbol", "timeframe"}), "kind": "assess_risk"}


class ReportRequest(SimulationRequest):
    """A report about one pair over a period that ends now."""

    kind: ClassVar[str] = "report"

    period: Annotated[str, Field(description="Days, weeks, months or years: 30d, 4w, 6m, 1y.")] = "30d"
    report_type: Literal["comprehensive", "performance", "risk"] = "comprehensive"
    strategy: Rule = SignalsRule()
    trading: Trading = Trading()

    @field_validator("period")
    @classmethod
    def _is_a_period(cls, text: str) -> str:
        if not (found := _PERIOD.fullmatch(text.strip().lower())):
            raise ValueError("must be a number of days, weeks, months or years, like 30d, 4w, 6m or 1y")
        if int(found[1]) * _PERIOD_DAYS[found[2]] > LOOKBACK_DAYS_MAX:
            raise ValueError(f"must be at most {LOOKBACK_DAYS_MAX} days")
        return found[0]

    @property
    def lookback_days(self) -> int:
        found = _PERIOD.fullmatch(self.period)
        assert found is not None, "the field was validated"
        return int(found[1]) * _PERIOD_DAYS[found[2]]

    def spec(self) -> ReportSpec:
        return ReportSpec(
            lookback_days=self.lookback_days,
            report_type=self.report_type,
            strategy=self.strategy,
            trading=self.trading,
        )


class SimulationQuery(PageQuery):
    kind: Annotated[
        Literal["analyze", "win_ratio", "validate_pattern", "assess_risk", "report"] | None,
        Field(description="Only simulations of this kind."),
    ] = None
