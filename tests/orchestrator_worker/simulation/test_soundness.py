"""Candles that cannot be true are refused with the column, the row and the rule."""

from datetime import timedelta

import polars as pl
import pytest

from orchestrator_worker.simulation.soundness import HistoryInvalid, sound
from tests.orchestrator_worker.market import random_candles
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
GOOD = random_candles(50, seed=2)


def with_value(column: str, row: int, value: float | None) -> pl.DataFrame:
    return GOOD.with_columns(
        pl.when(pl.int_range(pl.len()) == row)
        .then(pl.lit(value, dtype=pl.Float64))
        .otherwise(column)
        .alias(column)
    )


def moved(delta: timedelta) -> pl.DataFrame:
    return GOOD.with_columns(pl.col("opened_at") + delta)


@pytest.mark.parametrize(
    ("candles", "field", "rule"),
    [
        (with_value("close", 7, float("nan")), "close", "must be a positive number; it is nan"),
        (with_value("open", 7, -1.0), "open", "must be a positive number; it is -1.0"),
        (with_value("low", 3, 0.0), "low", "must be a positive number"),
        (with_value("high", 3, float("inf")), "high", "must be a positive number"),
        (with_value("close", 3, None), "close", "must be a positive number; it is None"),
        (with_value("high", 3, 1.0), "high", "open and close must lie between low and high"),
        (with_value("volume", 9, -5.0), "volume", "must not be negative or missing"),
        (pl.concat([GOOD, GOOD.tail(1)]), "opened_at", "occurs twice"),
        (GOOD.reverse(), "opened_at", "oldest first"),
        (moved(timedelta(minutes=7)), "opened_at", "is not the start of a 1h candle"),
        (GOOD.drop("volume"), "volume", "is missing"),
        (GOOD.with_columns(pl.col("opened_at").dt.epoch("s")), "opened_at", "must be a time"),
        # Seconds taken for milliseconds lie in 1970; milliseconds taken for seconds lie far beyond our days.
        (
            GOOD.with_columns(pl.from_epoch(pl.col("opened_at").dt.epoch("s"), time_unit="ms")),
            "opened_at",
            "another unit of time",
        ),
        (
            GOOD.with_columns(pl.col("opened_at") + timedelta(days=40_000)),
            "opened_at",
            "another unit of time",
        ),
    ],
)
def test_a_fault_is_named(candles: pl.DataFrame, field: str, rule: str) -> None:
    with pytest.raises(HistoryInvalid) as refused:
        sound(candles, HOUR)

    assert refused.value.details["field"] == field
    assert rule in refused.value.message


def test_sound_candles_pass_in_one_form() -> None:
    written = GOOD.with_columns(
        pl.col("opened_at").dt.replace_time_zone(None).cast(pl.Datetime("ms")),
        pl.col("close").cast(pl.Decimal(20, 6)),
    )

    bars = sound(written, HOUR)

    assert bars["opened_at"].to_list() == GOOD["opened_at"].to_list()
    assert bars.schema["close"] == pl.Float64
    assert sound(GOOD.clear(), HOUR).is_empty()


def test_holes_are_allowed() -> None:
    assert sound(GOOD.filter(pl.int_range(pl.len()) != 20), HOUR).height == 49
