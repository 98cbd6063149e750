"""`zmarty replay`: files of every usual form, one table, one file of a report, and refusals that name the column."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from console import replay
from console.__main__ import app
from orchestrator_worker.simulation.soundness import HistoryInvalid, NotEnoughData
from tests.orchestrator_worker.jobs import store_candles
from tests.orchestrator_worker.market import BEGAN_AT, random_candles
from zmarty.errors import FieldInvalid
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def candles() -> pl.DataFrame:
    return random_candles(1_200, seed=6)


def invoke(*words: str) -> str:
    result = CliRunner().invoke(app, ["replay", "BTC/USDT", *words], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


def test_a_file_becomes_a_table_and_a_report(candles: pl.DataFrame, tmp_path: Path) -> None:
    file, output = tmp_path / "BTC.parquet", tmp_path / "report.html"
    candles.rename({"opened_at": "ts"}).write_parquet(file)

    said = invoke(
        "--file",
        str(file),
        "--strategy",
        "sma_cross:fast=5,slow=20",
        "--output",
        str(output),
        "--draws",
        "100",
    )

    for words in ("win rate", "return after costs", "against luck", "Sharpe", "equity"):
        assert words in said
    assert any(block in said for block in replay.SPARK)
    page = output.read_text(encoding="utf-8")
    assert page.count("<polyline") == 3
    # One file that needs nothing else, and runs nothing.
    for outward in ("<script", "<link", "src=", "http://", "https://"):
        assert outward not in page


@pytest.mark.parametrize("form", ["milliseconds", "text", "naive", "upper_case"])
def test_files_of_usual_forms_read_alike(candles: pl.DataFrame, tmp_path: Path, form: str) -> None:
    file = tmp_path / "candles.csv"
    match form:
        case "milliseconds":
            candles.select(
                pl.col("opened_at").dt.epoch("ms").alias("open_time"), pl.exclude("opened_at")
            ).write_csv(file)
        case "text":
            candles.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%z")
        case "naive":
            candles.rename({"opened_at": "date"}).write_csv(file, datetime_format="%Y-%m-%d %H:%M:%S")
        case _:
            candles.rename({name: name.upper() for name in candles.columns}).write_csv(file)

    read = replay.read_candles(file, HOUR, now=NOW)

    assert read["opened_at"].to_list() == candles["opened_at"].to_list()
    assert read["close"].to_list() == pytest.approx(candles["close"].to_list())


def test_an_unfinished_candle_is_left_out(candles: pl.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "candles.parquet"
    candles.write_parquet(file)

    read = replay.read_candles(file, HOUR, now=BEGAN_AT + 10.5 * HOUR.delta)

    assert read.height == 10


@pytest.mark.parametrize(
    ("header", "row", "field"),
    [
        ("when,open,high,low,close,volume", "2025-01-06T00:00:00Z,1,1,1,1,1", "opened_at"),
        ("ts,open,high,low,close,volume", "1736121600,1,1,1,1,1", "opened_at"),
        ("ts,open,high,low,close,volume", "1736121600000000,1,1,1,1,1", "opened_at"),
        ("ts,open,high,low,close,volume", "2025-01-06T00:00:00Z,1,1,1,-1,1", "close"),
        ("ts,open,high,low,close", "2025-01-06T00:00:00Z,1,1,1,1", "volume"),
        ("ts,open,high,low,close,volume", "2025-01-06T00:10:00Z,1,1,1,1,1", "opened_at"),
    ],
)
def test_a_bad_file_names_the_column(tmp_path: Path, header: str, row: str, field: str) -> None:
    file = tmp_path / "candles.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([header.split(","), row.split(",")])

    with pytest.raises(HistoryInvalid) as refused:
        replay.read_candles(file, HOUR, now=NOW)

    assert refused.value.details["field"] == field


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryInvalid, match=r"must end in \.parquet or \.csv"):
        replay.read_candles(tmp_path / "candles.xlsx", HOUR, now=NOW)


def test_too_short_a_file_names_both_numbers(candles: pl.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "candles.parquet"
    candles.head(40).write_parquet(file)

    result = CliRunner().invoke(app, ["replay", "BTC", "--file", str(file)])

    assert isinstance(result.exception, NotEnoughData)
    assert "have 40, need 350" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "field"),
    [("moonshot", "strategy"), ("sma_cross:fast", "strategy"), ("sma_cross:fast=60", "strategy.sma_cross")],
)
def test_a_strategy_that_is_none_is_named(text: str, field: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        replay.parse_strategy(text)

    assert refused.value.details["field"] == field


async def test_the_databases_candles_come_with_their_warm_up(
    trading: Pool, trading_dsn: "object", candles: pl.DataFrame
) -> None:
    assert callable(trading_dsn)
    await store_candles(trading, BTC, HOUR, candles)
    since = candles["opened_at"][1_100]

    read = await replay.stored_candles(trading_dsn(), BTC, HOUR, since=since)

    assert read.height == 1_200
    assert read["opened_at"][0] == BEGAN_AT
