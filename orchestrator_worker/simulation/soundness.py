"""Whether candles can be replayed at all: every fault is named by its column, its bar and the rule it breaks. Pure."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from zmarty.errors import ZmartyError
from zmarty.market import Timeframe

COLUMNS = ("opened_at", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")
# Nothing that Zmarty watches was traded before the first of these; later than the second is a wrong unit of time.
EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_TIME = pl.Datetime("us", "UTC")


class HistoryInvalid(ZmartyError):
    """A column of the candles breaks a rule; `field` and `rule` are named, as for a field of a request."""

    status = 422
    code = "field_invalid"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", field=field, rule=rule)


class NotEnoughData(ZmartyError):
    """Fewer candles than the question needs. Its message has the form that the API hands on: have n, need m."""

    status = 422
    code = "not_enough_data"

    def __init__(self, have: int, need: int, what: str) -> None:
        super().__init__(f"not_enough_data: have {have}, need {need} {what}", have=have, need=need)


def sound(candles: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Return the candles with opened_at in UTC microseconds and all numbers as Float64, or raise HistoryInvalid.

    Oldest first, one row for each opening time, on the timeframe's grid; holes are allowed, because exchanges halt.
    """
    for column in COLUMNS:
        if column not in candles.columns:
            raise HistoryInvalid(column, "is missing")
    if not isinstance(candles["opened_at"].dtype, pl.Datetime):
        raise HistoryInvalid("opened_at", "must be a time, not a number or text")
    opened_at = candles["opened_at"]
    zone = opened_at.dtype.time_zone  # type: ignore[attr-defined]
    opened_at = opened_at.dt.replace_time_zone("UTC") if zone is None else opened_at
    bars = candles.select(
        opened_at.cast(_TIME), *(pl.col(column).cast(pl.Float64, strict=False) for column in COLUMNS[1:])
    )
    _require_times(bars["opened_at"], timeframe)
    _require_prices(bars)
    return bars


def _require_times(opened_at: pl.Series, timeframe: Timeframe) -> None:
    if opened_at.null_count():
        raise HistoryInvalid("opened_at", "must not be empty")
    if opened_at.is_empty():
        return
    # As numbers: times in a wrong unit may lie beyond every calendar.
    times = opened_at.to_numpy().astype("datetime64[us]").astype(np.int64)
    earliest, latest = (int(bound.timestamp()) * 1_000_000 for bound in (EARLIEST, LATEST))
    strange = (times < earliest) | (times >= latest)
    if strange.any():
        found = times[int(np.argmax(strange))] // 1_000_000
        raise HistoryInvalid(
            "opened_at",
            f"{found} s since 1970 does not lie between {EARLIEST.year} and {LATEST.year}: is it in another unit of time?",
        )
    steps = np.diff(times)
    if (steps == 0).any():
        bar = int(np.argmax(steps == 0))
        raise HistoryInvalid("opened_at", f"{_text(opened_at, bar)} occurs twice")
    if (steps < 0).any():
        bar = int(np.argmax(steps < 0))
        raise HistoryInvalid(
            "opened_at", f"{_text(opened_at, bar + 1)} comes after {_text(opened_at, bar)}: oldest first"
        )
    origin = int(timeframe.floor(EARLIEST).timestamp()) * 1_000_000
    off = (times - origin) % (timeframe.seconds * 1_000_000) != 0
    if off.any():
        bar = int(np.argmax(off))
        raise HistoryInvalid("opened_at", f"{_text(opened_at, bar)} is not the start of a {timeframe} candle")


def _require_prices(bars: pl.DataFrame) -> None:
    for column in PRICES:
        good = (bars[column].is_finite() & (bars[column] > 0)).fill_null(False)
        _require(bars, good, column, "must be a positive number")
    inside = bars.select(
        (pl.col("low") <= pl.min_horizontal("open", "close"))
        & (pl.max_horizontal("open", "close") <= pl.col("high"))
    ).to_series()
    _require(bars, inside, "high", "open and close must lie between low and high")
    traded = (bars["volume"].is_finite() & (bars["volume"] >= 0)).fill_null(False)
    _require(bars, traded, "volume", "must not be negative or missing")


def _require(bars: pl.DataFrame, good: pl.Series, column: str, rule: str) -> None:
    if not good.all():
        bar = good.arg_min()
        assert bar is not None
        raise HistoryInvalid(
            column, f"{rule}; it is {bars[column][bar]} at {_text(bars['opened_at'], bar)} (row {bar + 1})"
        )


def _text(opened_at: pl.Series, bar: int) -> str:
    when = opened_at[bar]
    assert isinstance(when, datetime)
    return when.isoformat()
