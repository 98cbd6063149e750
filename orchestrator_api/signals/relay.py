"""A signal that was made elsewhere, as it comes in: what it must claim so that it can be judged. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from orchestrator_api.market.filters import Moment
from zmarty.errors import FieldInvalid
from zmarty.market import Symbol, Timeframe

TARGETS_MAX = 5
REASONS_MAX = 20
REASON_LENGTH_MAX = 500
EXTERNAL_ID_LENGTH_MAX = 200
DIGITS_MAX = 30
# A price this far from the market is one in another unit, or of another symbol.
ENTRY_RATIO_MAX = Decimal(2)
BACKDATED_MAX = timedelta(days=30)
EXPIRES_AFTER = timedelta(days=1)
EXPIRES_AFTER_MAX = timedelta(days=366)

Price = Annotated[Decimal, Field(gt=0, max_digits=DIGITS_MAX, allow_inf_nan=False)]
Source = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
DIRECTIONS = {"buy": "long", "sell": "short", "hold": "flat"}


class RelayedSignal(BaseModel):
    """A signal made elsewhere. Long and short claim levels and a probability: without them nothing could be judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    symbol: Annotated[Symbol, Field(validation_alias=AliasChoices("symbol", "asset"))]
    timeframe: Timeframe = Timeframe.HOUR_1
    direction: Annotated[
        Literal["long", "short", "flat", "buy", "sell", "hold"],
        Field(
            validation_alias=AliasChoices("direction", "signal_type"),
            description="buy, sell and hold are understood.",
        ),
    ]
    source: Annotated[
        Source | None, Field(description="Who made it. Needed unless the service key belongs to one source.")
    ] = None
    external_id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=EXTERNAL_ID_LENGTH_MAX,
            description="Its name at its source; a repetition is the same signal. Or send `Idempotency-Key`.",
        ),
    ] = None
    opened_at: Annotated[
        Moment | None, Field(description="The candle it judges: the newest closed one unless given.")
    ] = None
    strength: Annotated[int | None, Field(ge=1, le=100)] = None
    score: Annotated[
        float | None, Field(ge=-1, le=1, description="Instead of strength; its sign is the direction.")
    ] = None
    confidence: Annotated[
        float | None,
        Field(ge=0, le=1, description="Probability that the first target comes before the stop."),
    ] = None
    entry_price: Price | None = None
    targets: Annotated[list[Price], Field(max_length=TARGETS_MAX, description="The nearest first.")] = []
    stop_price: Price | None = None
    reasons: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=REASON_LENGTH_MAX)]], Field(max_length=REASONS_MAX)
    ] = []
    expires_at: Annotated[
        Moment | None, Field(description="A day after the candle's close unless given.")
    ] = None

    @property
    def leaning(self) -> str:
        return DIRECTIONS.get(self.direction, self.direction)


def row_of(
    relayed: RelayedSignal, *, source: str, external_id: str, last_close: Decimal, now: datetime
) -> dict[str, Any]:
    """The columns of the signal. Raises FieldInvalid naming the field and the rule that it breaks."""
    direction, timeframe = relayed.leaning, relayed.timeframe
    opened_at = _opened_at(relayed, now)
    score = _score(relayed, direction)
    entry = relayed.entry_price or last_close
    if not last_close / ENTRY_RATIO_MAX <= entry <= last_close * ENTRY_RATIO_MAX:
        raise FieldInvalid("entry_price", f"must lie near the market, whose last close is {last_close}")
    if direction != "flat":
        _require_levels(relayed, direction, entry)
    elif relayed.targets or relayed.stop_price is not None or relayed.confidence is not None:
        raise FieldInvalid("direction", "a flat signal has no target, stop or confidence")
    closed_at = timeframe.closed_at(opened_at)
    return {
        "symbol": relayed.symbol,
        "timeframe": timeframe,
        "opened_at": opened_at,
        "strategy_version": f"relay:{source}",
        "origin": "live" if now - closed_at < timeframe.delta else "backfill",
        "direction": direction,
        "score": score,
        "strength": relayed.strength or min(100, max(1, round(abs(score) * 100))),
        "confidence": relayed.confidence,
        "entry_price": entry,
        "targets": relayed.targets,
        "stop_price": relayed.stop_price,
        "risk_reward": _risk_reward(relayed, entry),
        # What a stranger's claim is worth is said by its win rate, which is counted here, and not by the claim.
        "verdict": "no_edge" if direction == "flat" else "watch",
        "reasons": [{"code": "relayed", "text": text} for text in relayed.reasons],
        "expires_at": _expires_at(relayed, closed_at),
        "source": source,
        "external_id": external_id,
    }


def _opened_at(relayed: RelayedSignal, now: datetime) -> datetime:
    newest = relayed.timeframe.newest_closed(now)
    opened_at = relayed.opened_at or newest
    if relayed.timeframe.floor(opened_at) != opened_at:
        raise FieldInvalid("opened_at", f"must be the start of a {relayed.timeframe} candle")
    if opened_at > newest:
        raise FieldInvalid("opened_at", "must be a candle that has closed")
    if opened_at < now - BACKDATED_MAX:
        raise FieldInvalid("opened_at", f"must lie within the last {BACKDATED_MAX.days} days")
    return opened_at


def _score(relayed: RelayedSignal, direction: str) -> float:
    side = {"long": 1, "short": -1, "flat": 0}[direction]
    if relayed.score is not None:
        if side and relayed.score * side <= 0:
            raise FieldInvalid("score", f"must have the sign of its direction, {direction}")
        return relayed.score
    if relayed.strength is None and side:
        raise FieldInvalid("strength", "is needed, or score")
    return side * (relayed.strength or 0) / 100


def _require_levels(relayed: RelayedSignal, direction: str, entry: Decimal) -> None:
    stop, side = relayed.stop_price, 1 if direction == "long" else -1
    if relayed.confidence is None:
        raise FieldInvalid(
            "confidence", "is needed for long and short: a claim without it cannot be calibrated"
        )
    if stop is None:
        raise FieldInvalid("stop_price", "is needed for long and short")
    if not relayed.targets:
        raise FieldInvalid("targets", "must name at least one price for long and short")
    below, above = ("below", "above") if side > 0 else ("above", "below")
    if (entry - stop) * side <= 0:
        raise FieldInvalid("stop_price", f"must lie {below} the entry of a {direction}")
    if any((farther - nearer) * side <= 0 for nearer, farther in pairwise([entry, *relayed.targets])):
        raise FieldInvalid("targets", f"must lie {above} the entry of a {direction}, the nearest first")


def _risk_reward(relayed: RelayedSignal, entry: Decimal) -> float | None:
    if relayed.stop_price is None or not relayed.targets:
        return None
    return float(abs(relayed.targets[0] - entry) / abs(entry - relayed.stop_price))


def _expires_at(relayed: RelayedSignal, closed_at: datetime) -> datetime:
    expires_at = relayed.expires_at or closed_at + EXPIRES_AFTER
    if not closed_at < expires_at <= closed_at + EXPIRES_AFTER_MAX:
        raise FieldInvalid(
            "expires_at", f"must lie after the candle's close and within {EXPIRES_AFTER_MAX.days} days of it"
        )
    return expires_at
