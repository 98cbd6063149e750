"""Which rows a client asks the market for. Pure."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from orchestrator_api.paging import PageQuery
from zmarty.market import Timeframe
from zmarty.messages import LOOKBACK_DAYS_MAX

NAME_LENGTH_MAX = 40


def _in_utc(when: datetime) -> datetime:
    # Without a zone a time means UTC, as everywhere here.
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Name = Annotated[str, Field(max_length=NAME_LENGTH_MAX, pattern=r"^[A-Za-z0-9_.-]+$")]


class TimeQuery(PageQuery):
    """A range of opening times, both ends optional: since inclusive, until exclusive."""

    since: Annotated[Moment | None, Field(description="Only candles opened at or after this time.")] = None
    until: Annotated[Moment | None, Field(description="Only candles opened before this time.")] = None


class CandleQuery(TimeQuery):
    timeframe: Timeframe = Timeframe.HOUR_1
    exchange: Name | None = None


class IndicatorQuery(TimeQuery):
    timeframe: Timeframe = Timeframe.HOUR_1
    source: Annotated[Name | None, Field(description="technical, ls_ratio, liquidations, trend, …")] = None


class SignalQuery(TimeQuery):
    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None
    direction: Literal["long", "short", "flat"] | None = None
    origin: Literal["live", "backfill"] | None = None
    verdict: Literal["act", "watch", "no_edge"] | None = None


class WinRateQuery(PageQuery):
    timeframe: Annotated[Timeframe | None, Field(description="All timeframes when absent.")] = None
    direction: Literal["long", "short", "all"] | None = None
    horizon: Name | None = None
    lookback_days: Annotated[int | None, Field(ge=1, le=LOOKBACK_DAYS_MAX)] = None
    origin: Literal["live", "backfill", "all"] | None = None
