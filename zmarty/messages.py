"""One frozen model per job queue; the queue's name is its attribute. What a person types in a SQL editor must parse."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from zmarty.market import Symbol, Timeframe

VERSION_NEWEST = 1
LOOKBACK_DAYS_MAX = 3650
PUSH_ID_LENGTH_MAX = 128


class MessageMalformed(Exception):
    """A message that can never succeed: no object, a missing or wrong field, an unknown version."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _written_out(value: object) -> object:
    # Seconds or milliseconds since 1970 would be told apart by their size alone: a wrong unit would pass unseen.
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("-").isdigit()):
        raise ValueError("must be written out, like 2026-01-01T00:00:00Z, and not be a number")
    return value


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must name its time zone, like 2026-01-01T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None


UtcMoment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]


class JobMessage(BaseModel):
    """What all job messages share. Unknown fields are tolerated, so that newer senders and older workers get along."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    queue: ClassVar[str]

    v: int = 1
    # Named by every log line; a message that is about no pair has none.
    symbol: Symbol | None = None
    timeframe: Timeframe | None = None

    def payload(self) -> dict[str, Any]:
        """The canonical JSON object: equal work has an equal payload."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"v"})


class PairMessage(JobMessage):
    """A message about one symbol on one timeframe."""

    symbol: Symbol
    timeframe: Timeframe


class IngestIndicators(PairMessage):
    queue: ClassVar[str] = "ingest_indicators"


class ComputeSignals(PairMessage):
    """Judge the candle opened at `opened_at`, or the newest closed one."""

    queue: ClassVar[str] = "compute_signals"

    opened_at: UtcMoment | None = None


class ComputeWinrate(PairMessage):
    queue: ClassVar[str] = "compute_winrate"

    lookback_days: int = Field(default=30, ge=1, le=LOOKBACK_DAYS_MAX)


class Reconcile(JobMessage):
    """Compare the mirror with its origin and repair it: for everybody, or for one user, telling a job how it went."""

    queue: ClassVar[str] = "reconcile"

    user_id: UUID | None = None
    job_id: UUID | None = None


class BackfillCandles(PairMessage):
    """Fill what lacks in a pair's history from `since` on.

    A message that goes on with another's work names the exchange that was asked, and whether any candle was new.
    """

    queue: ClassVar[str] = "backfill_candles"

    since: UtcMoment
    job_id: UUID | None = None
    exchange: str | None = Field(default=None, max_length=30)
    has_saved: bool = False


class RefreshInstruments(JobMessage):
    """Ask the exchange which symbols it lists."""

    queue: ClassVar[str] = "refresh_instruments"


class ObserveMarket(JobMessage):
    """Ask the vendors for what they tell of the whole market at once."""

    queue: ClassVar[str] = "observe_market"


class SymbolMessage(JobMessage):
    """A message about one symbol, whatever the timeframe."""

    symbol: Symbol


class IngestClusters(SymbolMessage):
    """Fetch or estimate where positions in this symbol would be liquidated, or keep the map that was pushed."""

    queue: ClassVar[str] = "ingest_clusters"

    push_id: str | None = Field(default=None, min_length=1, max_length=PUSH_ID_LENGTH_MAX)


class ObserveSentiment(SymbolMessage):
    """Search for what people say of a symbol; costs dollars, so only where that source is switched on."""

    queue: ClassVar[str] = "observe_sentiment"


class ComputeRisk(SymbolMessage):
    """Bring the daily risk metric of a symbol up to date."""

    queue: ClassVar[str] = "compute_risk"


class AnalyzeMarket(PairMessage):
    """Analyse the newest closed candle of a pair: trend, volatility, levels, patterns."""

    queue: ClassVar[str] = "analyze_market"

    job_id: UUID | None = None


class RunSimulation(JobMessage):
    """Run a strategy or a pattern over history, as `spec` says; the job holds progress and result."""

    queue: ClassVar[str] = "run_simulation"

    job_id: UUID
    spec: dict[str, Any]


class CalculateScaling(JobMessage):
    """Work out the next step of a doubling ladder, or the rule that refuses it."""

    queue: ClassVar[str] = "calculate_scaling"

    job_id: UUID
    spec: dict[str, Any]


QUEUES: tuple[type[JobMessage], ...] = (
    IngestIndicators,
    ComputeSignals,
    ComputeWinrate,
    Reconcile,
    BackfillCandles,
    RefreshInstruments,
    ObserveMarket,
    ObserveSentiment,
    IngestClusters,
    ComputeRisk,
    AnalyzeMarket,
    RunSimulation,
    CalculateScaling,
)


def parse(kind: type[JobMessage], text: str | None) -> JobMessage:
    """Read a message's JSON as `kind`; None is SQL's null. Raises MessageMalformed naming the field and the rule."""
    try:
        message = _reader(kind)(text or "null")
    except ValidationError as error:
        raise _refusal(text or "null", error) from error
    if message.v != VERSION_NEWEST:
        raise _unknown(message.v)
    return message


@cache
def _reader(kind: type[JobMessage]) -> Callable[[str], JobMessage]:
    # The validator itself: model_validate_json would first look, each time, at options that nobody gives.
    return cast(Callable[[str], JobMessage], TypeAdapter(kind).validator.validate_json)


def _refusal(text: str, error: ValidationError) -> MessageMalformed:
    faults = error.errors()
    if faults[0]["type"] != "json_invalid":
        body = json.loads(text)
        if not isinstance(body, dict):
            return MessageMalformed("message_malformed", f"must be a JSON object, is {_json_type(body)}")
        # A newer version may well have other fields: it is the version that we do not know.
        if (version := body.get("v", VERSION_NEWEST)) != VERSION_NEWEST:
            return _unknown(version)
    reasons = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return MessageMalformed("message_malformed", reasons)


def _unknown(version: object) -> MessageMalformed:
    return MessageMalformed(
        "version_unknown", f"v: this worker reads version {VERSION_NEWEST}, not {version!r}"
    )


def _json_type(body: object) -> str:
    names = {type(None): "null", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(body), "a number")
