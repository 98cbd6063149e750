"""What a scaling is asked with and what it answers: the allowed step, or the rule that refuses it. Pure."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zmarty.specs import ScalingSpec


class Vault(BaseModel):
    """What a vault is worth, beside its name for whoever asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    equity: Annotated[float, Field(gt=0, le=1e12)]
    name: Annotated[str | None, Field(max_length=100)] = None


class ScalingRequest(ScalingSpec):
    """A vault (or its equity) and its position. What a rule must know and is not told, the rule refuses."""

    equity: Annotated[float | None, Field(gt=0, le=1e12, description="Or `vault`.")] = None  # type: ignore[assignment]
    vault: Vault | None = None
    by_operator: bool = Field(default=False, exclude=True, description="Ignored: the token says so.")

    @model_validator(mode="after")
    def _has_equity(self) -> Self:
        if (self.equity is None) == (self.vault is None):
            raise ValueError("give either equity or vault")
        return self

    def payload(self, *, by_operator: bool) -> dict[str, Any]:
        """The spec as the worker gets it; who asks is the token's word, not the body's."""
        spec = self.model_dump(mode="json", exclude={"vault"})
        equity = self.vault.equity if self.vault else self.equity
        return {**spec, "equity": equity, "by_operator": by_operator}


class Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Refusal(Told):
    rule: str = Field(description="A stable code.")
    sentence: str
    value: float | None = Field(description="What the rule saw; null when it was not told.")
    limit: float | None


class Rung(Told):
    number: int
    margin: float
    leverage: float
    notional: float
    margin_total: float
    notional_total: float
    liquidation_distance: float = Field(description="By tiers of maintenance margin, as a fraction.")


class LadderRung(Rung):
    rule_of_thumb_distance: float = Field(description="0.95 / leverage.")


class Position(Told):
    margin: float
    notional: float
    leverage: float
    average_price: float
    liquidation_price: float
    liquidation_distance: float
    distance_left: float | None = Field(description="Share of the way to liquidation that is left.")
    take_profit_price: float


class TakeProfit(Told):
    margin_multiple: float
    close_share: float
    trail: float = Field(description="Below the highest price, for the rest.")


class Ruin(Told):
    probability: float = Field(description="Measured on real prices with a 20x/10x/5x ladder.")
    at_least: bool = Field(description="The ladder puts in more than was measured.")
    drawdown: float
    cycles: int


class ScalingAnswer(Told):
    """The step with all its numbers. A refusal is an answer, too: `allowed` is false and `rule` says why."""

    allowed: bool
    rule: str | None
    sentence: str
    refusals: list[Refusal] = Field(description="Every rule that refuses, the most general first.")
    step: Rung | None
    position: Position | None
    after: Position | None = Field(description="The position after the step, at `price`.")
    ladder: list[LadderRung]
    reserved: float = Field(description="Share of the equity that the whole ladder puts in.")
    take_profit: TakeProfit
    ruin: Ruin
