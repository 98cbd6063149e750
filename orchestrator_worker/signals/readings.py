"""Vendors' readings beside the bars they may be used for: a bar sees the newest reading up to itself, and its age. Pure.

A reading that is missing, unreadable or too old leaves null, never a neutral number: a default would be a made-up
measurement that dilutes the real ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from zmarty.market import Timeframe

AGE_BARS_MAX = 24
RISK_AGE_DAYS_MAX = 14
SOURCES = (
    "ls_ratio",
    "liquidations",
    "trend",
    "clusters",
    "volume_flow",
    "whale_trades",
    "open_interest",
    "sentiment",
)
# The risk metric is a table of its own; a row of it becomes a reading by `risk_reading`.
RISK = "risk"

CLUSTER = pl.Struct({"price": pl.Float64, "notional": pl.Float64})
_COLUMNS: Mapping[str, Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "ls_ratio": {"ls_ratio": pl.Float64},
    "liquidations": {"liquidated_longs": pl.Float64, "liquidated_shorts": pl.Float64},
    "trend": {"trend_score": pl.Float64},
    "clusters": {"clusters": pl.List(CLUSTER)},
    "volume_flow": {"flow_in": pl.Float64, "flow_out": pl.Float64},
    "whale_trades": {"whale_buys": pl.Float64, "whale_sells": pl.Float64},
    "open_interest": {"open_interest": pl.Float64, "_exchange": pl.String},
    "sentiment": {"sentiment": pl.Float64},
    RISK: {"risk": pl.Float64},
}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said at the close of the candle opened at `opened_at`."""

    source: str
    opened_at: datetime
    data: Mapping[str, Any]


def risk_reading(value: float, known_at: datetime, timeframe: Timeframe) -> Reading:
    """A value of the risk metric as a reading of the first bar that closes when it is known, or later."""
    return Reading(RISK, known_at - timeframe.delta, {"value": value})


def with_readings(bars: pl.DataFrame, readings: Sequence[Reading], timeframe: Timeframe) -> pl.DataFrame:
    """Return `bars` (sorted by opened_at) with the columns of every source and `<source>_age`: in bars, of risk in days."""
    for source in (*SOURCES, RISK):
        unit = _DAY if source == RISK else timeframe.delta
        bars = bars.join_asof(
            _frame(source, readings),
            left_on="opened_at",
            right_on="_read_at",
            strategy="backward",
            tolerance=unit * (RISK_AGE_DAYS_MAX if source == RISK else AGE_BARS_MAX),
            coalesce=False,
        )
        age = (pl.col("opened_at") - pl.col("_read_at")).dt.total_seconds() / unit.total_seconds()
        bars = bars.with_columns(age.alias(f"{source}_age")).drop("_read_at")
    return bars


def _frame(source: str, readings: Sequence[Reading]) -> pl.DataFrame:
    columns = _COLUMNS[source]
    rows = [
        {"_read_at": reading.opened_at, **values}
        for reading in readings
        if reading.source == source and (values := _values(source, reading.data)) is not None
    ]
    frame = pl.DataFrame(rows, schema={"_read_at": pl.Datetime("us", "UTC"), **columns}).sort("_read_at")
    return _with_change(frame) if source == "open_interest" else frame


def _with_change(frame: pl.DataFrame) -> pl.DataFrame:
    """How much open interest grew since the reading before, as a fraction; exchanges count in units of their own."""
    same = pl.col("_exchange") == pl.col("_exchange").shift(1)
    grown = pl.col("open_interest") / pl.col("open_interest").shift(1) - 1.0
    return frame.with_columns(open_interest_change=pl.when(same).then(grown)).drop("_exchange")


def _values(source: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    match source:
        case "ls_ratio":
            ratio = number(data.get("ratio"))
            return {"ls_ratio": ratio} if ratio is not None and ratio > 0 else None
        case "liquidations":
            # The vendor leaves out the side on which nobody was liquidated.
            longs, shorts = number(data.get("longs")) or 0.0, number(data.get("shorts")) or 0.0
            return _two_sides(longs, shorts, ("liquidated_longs", "liquidated_shorts"))
        case "trend":
            score = number(data.get("trend_score"))
            return {"trend_score": score} if score is not None and 0 <= score <= 100 else None
        case "volume_flow":
            # A side that is not among the largest flows is unknown here, and not zero.
            return _two_sides(
                number(data.get("inflow")), number(data.get("outflow")), ("flow_in", "flow_out")
            )
        case "whale_trades":
            bought, sold = number(data.get("bought_usd")), number(data.get("sold_usd"))
            return _two_sides(bought, sold, ("whale_buys", "whale_sells"))
        case "open_interest":
            level = number(data.get("open_interest"))
            exchange = str(data.get("exchange", ""))
            return (
                {"open_interest": level, "_exchange": exchange} if level is not None and level > 0 else None
            )
        case "sentiment":
            score = number(data.get("score"))
            return {"sentiment": score} if score is not None and -1 <= score <= 1 else None
        case "risk":
            value = number(data.get("value"))
            return {"risk": value} if value is not None and 0 <= value <= 1 else None
        case _:
            clusters = [cluster for entry in data.get("clusters") or [] if (cluster := _cluster(entry))]
            return {"clusters": clusters} if clusters else None


def _two_sides(one: float | None, other: float | None, columns: tuple[str, str]) -> dict[str, float] | None:
    if one is None or other is None or one < 0 or other < 0 or one + other <= 0:
        return None
    return {columns[0]: one, columns[1]: other}


def _cluster(entry: Mapping[str, Any]) -> dict[str, float] | None:
    price, notional = number(entry.get("price")), number(entry.get("notional"))
    if price is None or notional is None or price <= 0 or notional <= 0:
        return None
    return {"price": price, "notional": notional}


def number(value: object) -> float | None:
    """Read a finite number that a vendor may have written as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except ValueError:
        return None
    return read if math.isfinite(read) else None
