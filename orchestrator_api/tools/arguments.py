"""What each tool takes: models whose schemas are told to whoever calls, and which check what comes back. Pure."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from zmarty.market import Symbol, Timeframe
from zmarty.specs import PatternKind

CANDLES_MAX = 200
LOOKBACK_DAYS_MAX = 365


class _Arguments(BaseModel):
    # A word too many is a misunderstanding; the model is told so and may try again.
    model_config = ConfigDict(frozen=True, extra="forbid")


class OfSymbol(_Arguments):
    symbol: Annotated[Symbol, Field(description="A spot pair, such as BTC/USDT.")]


class OfPair(OfSymbol):
    timeframe: Annotated[Timeframe, Field(description="How long one candle lasts.")] = Timeframe.HOUR_1


class GetSignals(OfSymbol):
    """The newest signal of each timeframe with its entry, target, stop, verdict, age and win rate."""

    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None


class GetCandlesSummary(OfPair):
    """What the last candles of a pair did: first and last close, change, high, low, volume."""

    count: Annotated[int, Field(ge=1, le=CANDLES_MAX, description="How many closed candles.")] = 48


class GetWinRate(OfPair):
    """How often signals of a pair were right: rate, 95 % interval, number of cases, baseline."""

    direction: Annotated[
        Literal["all", "long", "short"] | None, Field(description="All of them when absent.")
    ] = None


class GetLiquidationClusters(OfSymbol):
    """Where liquidations are clustered above and below the price, and the risk of a cascade."""


class GetRisk(OfSymbol):
    """How high a symbol stands in its own history: the risk from 0 to 1, its band, and how rare that band is."""


class Simulate(OfPair):
    """Replay Zmarty's signals, a moving-average cross or a chart pattern over the past, with fees and slippage."""

    lookback_days: Annotated[int, Field(ge=1, le=LOOKBACK_DAYS_MAX, description="Days before now.")] = 90
    strategy: Annotated[
        Literal["signals", "sma_cross"] | None,
        Field(description="`signals` when absent and no pattern is given."),
    ] = None
    pattern: Annotated[PatternKind | None, Field(description="A chart pattern instead of a strategy.")] = None
