"""`zmarty report …`: tables that never show a rate without its n, pictures that are whole documents, refusals that say why."""

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from console import report_commands
from console.candle_file import CandlesUnreadable, read_candle_file
from console.history import record_of, telling_signal, told_of
from console.history_report import as_markdown, calibration_row, history_rows
from console.migrations import SQL
from console.pictures.candles import signal_svg
from console.pictures.drawing import Scale, page
from console.pictures.reliability import reliability_svg, reliability_text, span_of
from console.report_commands import (
    ReportRefused,
    summary_table,
    write_pictures,
)
from tests.orchestrator_worker.market import random_candles
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
SVG = "{http://www.w3.org/2000/svg}"


def bin_of(start: float, share: float, n: int) -> dict[str, Any]:
    return {
        "start": start,
        "end": start + 0.05,
        "confidence": start + 0.02,
        "share": share,
        "low": max(0.0, share - 0.1),
        "high": min(1.0, share + 0.1),
        "n": n,
        "n_effective": n / 4,
    }


ROW = {
    "symbol": "BTC/USDT",
    "timeframe": "1h",
    "strategy_version": "blend-2",
    "direction": "all",
    "n": 300,
    "n_effective": 75.0,
    "mean_confidence": 0.38,
    "mean_share": 0.4,
    "brier": 0.2345,
    "brier_base": 0.2401,
    "skill": 0.0233,
    "drift": "none",
    "reliability": [bin_of(0.30, 0.31, 100), bin_of(0.35, 0.45, 150), bin_of(0.45, 0.42, 50)],
}


def test_the_diagram_has_a_dot_for_each_range_and_its_count() -> None:
    drawn = reliability_svg(ROW)
    tree = ET.fromstring(drawn)

    dots = list(tree.iter(f"{SVG}circle"))
    assert len(dots) == 3
    assert dots[0][0].text == "said 32.0 %, happened 31.0 %, n 100, about 25 independent"
    words = " ".join(mark.text or "" for mark in tree.iter(f"{SVG}text"))
    for number in ("n 300", "Brier 0.2345", "0.2401", "+2.3 %", "150"):
        assert number in words
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r'(href|src)="', drawn)


def test_dots_on_the_diagonal_lie_on_the_line() -> None:
    honest = ROW | {"reliability": [bin_of(0.30, 0.32, 10), bin_of(0.60, 0.62, 10)]}
    tree = ET.fromstring(reliability_svg(honest))

    line = next(mark for mark in tree.iter(f"{SVG}line") if mark.get("class") == "faint")
    x1, y1, x2, y2 = (float(line.get(name, "nan")) for name in ("x1", "y1", "x2", "y2"))
    for dot in tree.iter(f"{SVG}circle"):
        across, up = float(dot.get("cx", "nan")), float(dot.get("cy", "nan"))
        assert up == pytest.approx(y1 + (across - x1) / (x2 - x1) * (y2 - y1), abs=0.2)


def test_without_outcomes_the_picture_says_so() -> None:
    nothing = ROW | {
        "n": 0,
        "mean_share": None,
        "brier": None,
        "brier_base": None,
        "skill": None,
        "reliability": [],
    }

    assert "No signal has been judged yet (n 0)." in reliability_svg(nothing)
    assert span_of([]) == (0.0, 1.0)


def test_a_terminal_sees_the_same_numbers() -> None:
    rows = reliability_text(ROW)

    assert rows[1][:3] == ("0.35–0.40", "37.0 %", "45.0 %")
    assert rows[1][4] == "150 (~38)"
    assert rows[1][5][int(0.45 * 40)] == "●"
    screen = Console(width=180, record=True, file=io.StringIO())
    screen.print(summary_table([ROW]))
    assert "+2.3 %" in screen.export_text()


def test_words_of_others_cannot_break_the_picture() -> None:
    assert ET.fromstring(reliability_svg(ROW | {"strategy_version": "relay:<fox>&co"})) is not None


def test_one_picture_fills_an_svg_and_several_a_page(tmp_path: Path) -> None:
    write_pictures(tmp_path / "one.svg", "Title", ["<svg/>"])
    write_pictures(tmp_path / "all.html", "Title", ["<svg/>", "<svg/>"])

    assert (tmp_path / "one.svg").read_text() == "<svg/>"
    assert (tmp_path / "all.html").read_text() == page("Title", ["<svg/>", "<svg/>"])
    with pytest.raises(ReportRefused, match="do not fit into one SVG"):
        write_pictures(tmp_path / "two.svg", "Title", ["<svg/>", "<svg/>"])


def test_a_scale_is_straight() -> None:
    assert [Scale(0, 10, 100, 200)(value) for value in (0, 5, 10)] == [100, 150, 200]


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return random_candles(2_500, seed=31)


def test_a_history_is_told_with_its_counts(candles: pl.DataFrame) -> None:
    record = record_of(candles, BTC, Timeframe.HOUR_1)

    headings, rows = history_rows({"made-up": record})

    assert [row[1] for row in rows] == ["long", "short", "all"]
    counts = [int(row[2].replace(",", "")) for row in rows]
    assert counts[0] + counts[1] == counts[2] == record.judged.height > 500
    assert as_markdown(headings, rows).count("\n") == 4
    assert calibration_row(record, record.calibrations["all"])["n"] == counts[2]


@pytest.mark.parametrize("barrier", ["target", "stop", "expiry"])
def test_a_signal_is_drawn_with_what_was_known_and_what_came(candles: pl.DataFrame, barrier: str) -> None:
    record = record_of(candles, BTC, Timeframe.HOUR_1)
    row = telling_signal(record, "long", barrier)
    assert row is not None

    told = told_of(record, row)
    tree = ET.fromstring(signal_svg(told))

    assert told.candles[0]["opened_at"] < told.signal_at < told.exit_at < told.candles[-1]["opened_at"]
    words = " ".join(mark.text or "" for mark in tree.iter(f"{SVG}text"))
    assert f"ended by its {barrier}" in words
    assert f"target {told.targets[0]:,.6g}" in words


def test_candle_files_are_read_or_refused_with_a_reason(tmp_path: Path, candles: pl.DataFrame) -> None:
    whole = candles.with_columns(symbol=pl.lit("BTCUSDT"), timeframe=pl.lit("1h")).rename({"opened_at": "ts"})
    whole.write_parquet(tmp_path / "good.parquet")
    read, symbol, timeframe = read_candle_file(tmp_path / "good.parquet")
    assert (read.equals(candles), symbol, timeframe) == (True, BTC, Timeframe.HOUR_1)

    bad = {
        "no file": None,
        "lacks the columns volume": whole.drop("volume"),
        "several symbols": whole.with_columns(
            symbol=pl.concat([pl.Series(["ETHUSDT"]), whole["symbol"][1:]])
        ),
        "occurs twice": pl.concat([whole, whole.tail(1)]),
        "must be times": whole.with_columns(ts=pl.col("ts").dt.epoch("s")),
        "no positive numbers": whole.with_columns(
            low=pl.when(pl.int_range(pl.len()) == 5).then(-1.0).otherwise("low")
        ),
        "has 0 rows": whole.head(0),
    }
    for number, (reason, frame) in enumerate(bad.items()):
        path = tmp_path / f"bad-{number}.parquet"
        if frame is not None:
            frame.write_parquet(path)
        with pytest.raises(CandlesUnreadable, match=reason):
            read_candle_file(path)


async def test_the_stored_calibration_is_what_is_drawn(trading: Pool) -> None:
    await trading.execute(
        """
        insert into calibration (symbol, timeframe, strategy_version, direction, n, n_effective, expired, mean_confidence,
          mean_share, brier, brier_base, skill, drift, reliability)
        values ('BTC/USDT', '1h', 'blend-2', 'all', 300, 75, 3, 0.38, 0.4, 0.2345, 0.2401, 0.0233, 'none', $1)
        """,
        ROW["reliability"],
    )

    [row] = await trading.fetch(
        SQL["calibrations"], "BTC/USDT", None, "blend-2", "all", report_commands.ROWS_MAX
    )

    assert reliability_svg(dict(row)) == reliability_svg(ROW)
