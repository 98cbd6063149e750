"""One signal as a whole: what it says, what it rests on, how it ended. Pure."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from orchestrator_api.market.rows import Outcome, SignalRow


class WholeOutcome(Outcome):
    mfe: float = Field(description="Maximum favourable excursion, as a fraction of the price paid.")
    mae: float = Field(description="Maximum adverse excursion, as a fraction of the price paid.")
    label_version: str = Field(description="The rule it was judged by.")
    judged_at: datetime


class WholeSignal(SignalRow):
    """Everything that is known of one signal."""

    components: dict[str, float] = Field(
        description="The signed parts of the score, −1 … 1; what had no data is missing."
    )
    calibration: dict[str, Any] = Field(
        description=(
            "The curve behind the confidence: `method` (base_rate, platt, isotonic), the labels it learned from (`n`, "
            "`n_effective`), its Brier score on later labels (`brier`) and that of the base rate (`brier_base`), when it was "
            "made (`fitted_at`), and the base rate of these levels. Empty for flat and for relayed signals."
        )
    )
    external_id: str | None = Field(description="Its name at its source, for signals made elsewhere.")
    outcomes: list[WholeOutcome]  # type: ignore[assignment]


class RelayAnswer(BaseModel):
    """A signal was taken, or had been taken before."""

    id: str
    strategy_version: str = Field(description="Under which its win rates are counted: `relay:<source>`.")
    opened_at: datetime = Field(description="The candle it was taken for.")
    origin: str = Field(description="`live`, or `backfill` when that candle closed more than a candle ago.")
    is_new: bool
