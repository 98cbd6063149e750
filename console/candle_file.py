"""Candles from a file that somebody names on the command line, with a reason where it cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zmarty.errors import ZmartyError
from zmarty.market import Symbol, Timeframe

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("open", "high", "low", "close", "volume")
ROWS_MAX = 2_000_000


class CandlesUnreadable(Exception):
    """The file cannot be used; the message says why."""


def read_candle_file(path: Path) -> tuple[pl.DataFrame, Symbol, Timeframe]:
    """Read a Parquet or CSV file of one symbol and timeframe; times are opening times in UTC, called opened_at or ts."""
    # It takes longer to load than most verbs of the command line take to run.
    import polars as pl

    if not path.is_file():
        raise CandlesUnreadable(f"{path} is no file")
    try:
        frame = pl.read_csv(path, try_parse_dates=True) if path.suffix == ".csv" else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CandlesUnreadable(
            f"{path.name} is neither Parquet nor CSV that can be read: {error}"
        ) from error
    if "opened_at" not in frame.columns and "ts" in frame.columns:
        frame = frame.rename({"ts": "opened_at"})
    if missing := [
        name for name in ("symbol", "timeframe", "opened_at", *COLUMNS) if name not in frame.columns
    ]:
        raise CandlesUnreadable(f"{path.name} lacks the columns {', '.join(missing)}")
    if not 0 < frame.height <= ROWS_MAX:
        raise CandlesUnreadable(f"{path.name} has {frame.height:,} rows; 1 to {ROWS_MAX:,} can be read")
    if frame["symbol"].n_unique() != 1 or frame["timeframe"].n_unique() != 1:
        raise CandlesUnreadable(f"{path.name} holds several symbols or timeframes; one of each is expected")
    if not isinstance(frame.schema["opened_at"], pl.Datetime):
        raise CandlesUnreadable(f"{path.name}: opened_at must be times, not {frame.schema['opened_at']}")
    try:
        symbol, timeframe = Symbol.parse(frame["symbol"][0]), Timeframe.parse(frame["timeframe"][0])
    except ZmartyError as error:
        raise CandlesUnreadable(f"{path.name}: {error.message}") from error
    opened_at = pl.col("opened_at")
    zoned = frame.schema["opened_at"].time_zone is not None
    candles = frame.select(
        (opened_at.dt.convert_time_zone("UTC") if zoned else opened_at.dt.replace_time_zone("UTC")).cast(
            pl.Datetime("us", "UTC")
        ),
        pl.col(COLUMNS).cast(pl.Float64),
    ).sort("opened_at")
    if candles["opened_at"].is_duplicated().any():
        raise CandlesUnreadable(f"{path.name}: an opening time occurs twice")
    prices = pl.all_horizontal(pl.col("open", "high", "low", "close") > 0)
    if unsound := candles.filter(~prices.fill_null(False)).height:
        raise CandlesUnreadable(f"{path.name}: {unsound:,} rows have prices that are no positive numbers")
    return candles, symbol, timeframe
