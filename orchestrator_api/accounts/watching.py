"""What a user watches and what may refuse it: the shapes of /v1/symbols. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from zmarty.market import Symbol, Timeframe

MirrorState = Literal["pending", "mirrored", "parked"]

# The mirror parks what is deeper (watchers-upsert/change.ts), and an answer could not render much more.
STRATEGY_DEPTH_MAX = 16


def shallow(strategy: dict[str, Any]) -> dict[str, Any]:
    if _depth(strategy, STRATEGY_DEPTH_MAX) > STRATEGY_DEPTH_MAX:
        raise ValueError(f"must be at most {STRATEGY_DEPTH_MAX} levels deep")
    return strategy


def _depth(value: Any, bound: int) -> int:
    """Levels of nesting, counted no further than one beyond `bound`."""
    if not isinstance(value, dict | list) or bound < 0:
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(each, bound - 1) for each in inner), default=0)


class WatchRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Symbol = Field(description="`BTC/USDT`, `BTC-USDT`, `BTCUSDT` or `BTC`.")
    timeframe: Timeframe
    strategy: Annotated[dict[str, Any], AfterValidator(shallow)] | None = Field(
        default=None,
        description="The user's own settings for this pair, up to 4 KB and 16 levels; kept when absent.",
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
