"""What /v1/calibration answers and may be asked. Pure."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.market.filters import Name
from orchestrator_api.paging import PageQuery
from zmarty.market import Symbol, Timeframe

STRATEGY_LENGTH_MAX = 60


class CalibrationQuery(PageQuery):
    symbol: Annotated[Symbol | None, Field(description="All symbols when absent.")] = None
    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None
    direction: Literal["long", "short", "all"] | None = None
    strategy_version: Annotated[
        str | None, Field(max_length=STRATEGY_LENGTH_MAX, pattern=r"^[a-z0-9_.:-]+$")
    ] = None
    drift: Annotated[Name | None, Field(description="none, moderate, strong or unknown.")] = None


class ReliabilityBin(BaseModel):
    """The signals whose confidence lay in a range, and how often they came true."""

    start: float
    end: float
    confidence: float = Field(description="The mean confidence.")
    share: float = Field(
        description="What happened: 1 a target, 0 a stop, an expiry as far as it came from stop to target."
    )
    low: float = Field(description="Lower bound of the 95 % interval of the share.")
    high: float
    n: int
    n_effective: float = Field(description="How many independent outcomes that is.")


class CalibrationRow(BaseModel):
    """How well confidences were kept. Scores are null while `n` is 0."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    timeframe: Timeframe
    strategy_version: str
    direction: str
    n: int
    n_effective: float
    expired: int
    first_opened_at: datetime | None
    last_opened_at: datetime | None
    mean_confidence: float | None
    mean_share: float | None
    brier: float | None = Field(description="The mean squared miss; lower is better.")
    brier_base: float | None = Field(
        description="That of the base rate, as it was known when each signal was given."
    )
    skill: float | None = Field(
        description="1 − brier / brier_base: above zero, confidences said more than the base rate."
    )
    brier_earlier: float | None
    brier_recent: float | None = Field(description="Of the newest quarter.")
    psi: float | None = Field(
        description="Population stability of the strengths: 0.1 moderate, 0.25 strong drift."
    )
    drift: Literal["none", "moderate", "strong", "unknown"]
    reliability: list[ReliabilityBin]
    computed_at: datetime
