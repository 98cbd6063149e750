"""What a user watches and what may refuse it: the shapes of /v1/symbols. Pure."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zmarty.market import Symbol, Timeframe

MirrorState = Literal["pending", "mirrored", "parked"]


class WatchRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Symbol = Field(description="`BTC/USDT`, `BTC-USDT`, `BTCUSDT` or `BTC`.")
    timeframe: Timeframe
    strategy: dict[str, Any] | None = Field(
        default=None, description="The user's own settings for this pair, up to 4 KB; kept when absent."
    )


class Mirror(BaseModel):
    """How far a change has come on its way to the trading database."""

    state: MirrorState = Field(description="`parked`: refused for good; an operator sees it.")
    mirrored_at: datetime | None


class WatchedSymbol(BaseModel):
    """One pair on a user's watch list."""

    symbol: Symbol
    timeframe: Timeframe
    strategy: dict[str, Any]
    active: bool
    created_at: datetime
    updated_at: datetime
    mirror: Mirror
