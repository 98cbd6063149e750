"""What the risk metric answers: the newest day with its history. Pure."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, computed_field

from orchestrator_api.numbers import Number
from orchestrator_api.paging import Page, PageQuery
from zmarty.market import Symbol

CLOSES_NEEDED = 30
"""The fewest daily closes from which the worker works a risk out where no operator's curve counts."""

BANDS = 10


class RiskQuery(PageQuery):
    """The days of the history: since inclusive, until exclusive."""

    since: Annotated[date | None, Field(description="Only days from this one on.")] = None
    until: Annotated[date | None, Field(description="Only days before this one.")] = None


class RiskDay(BaseModel):
    """The risk of one day, from what was known at its close; never changed afterwards."""

    observed_on: date
    source: Literal["anchors", "regression", "percentile"] = Field(
        description="An operator's curve; else the distance from the symbol's own log-price trend; else a percentile."
    )
    value: float = Field(description="0 to 1.")
    band: int = Field(description="0 to 9, each a tenth wide.")
    rarity: float = Field(
        description="1.6 for the band with the fewest days until then, 1.0 for that with the most."
    )
    days: int = Field(description="How many daily closes it rests on.")
    price: Number
    known_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def band_range(self) -> tuple[float, float]:
        return self.band / BANDS, (self.band + 1) / BANDS


class RiskAnswer(RiskDay):
    """The newest day, its age, and the days before it, newest first."""

    symbol: Symbol
    age_seconds: float
    history: Page[RiskDay]
