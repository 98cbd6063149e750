"""Recorded candles meet the clock where CONTRACTS §11 says, and go on from there."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from local_stack.simulators.bars import DAY, HOUR, MINUTE, ORIGIN, STEPS, aggregate, floor
from local_stack.simulators.market import Market
from local_stack.simulators.replay import MarketDataUnreadable, Replay, read_recording, remembered_shift

from .conftest import NOW, Clock, write_recording

SHARED = Path(__file__).parents[4] / "shared" / "data" / "ohlcv"


def replaying(path: Path, clock: Clock) -> Market:
    recording = read_recording(path)
    return Market(seed=7, clock=clock, replay=Replay(recording, recording.shift_to(clock.now), 7))


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h", "4h", "1d", "1w"])
def test_the_bar_at_eighty_percent_has_just_closed(tmp_path: Path, clock: Clock, timeframe: str) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet", timeframe=timeframe), clock)
    recording, step = read_recording(tmp_path / "bars.parquet"), STEPS[timeframe]
    boundary = floor(NOW, step)

    newest = market.closed("BTC/USDT", step, boundary - step, boundary)[-1]

    for column in ("open", "high", "low", "close", "volume"):
        assert newest[column] == recording.bars[column][39]
    assert newest["opened_at"] + step == boundary
    assert (newest["opened_at"] - recording.bars["opened_at"][39]) % step == 0
    assert market.status()["closed_share"] == 0.8


def test_it_goes_on_bar_by_bar(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet"), clock)
    recording = read_recording(tmp_path / "bars.parquet")
    for passed in range(1, 10):
        clock.now = NOW + passed * HOUR
        assert market.newest("BTC/USDT", HOUR, 2)[0]["close"] == recording.bars["close"][39 + passed]


def test_the_running_bar_shows_nothing_of_its_end(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet"), clock)
    whole = read_recording(tmp_path / "bars.parquet").bars[40]
    clock.now = floor(NOW, HOUR) + 1

    running = market.running("BTC/USDT", HOUR)[0]

    assert running["open"] == whole["open"]
    assert running["high"] < whole["high"]
    assert running["low"] > whole["low"]
    assert running["volume"] < whole["volume"] / 20


def test_finer_bars_fill_a_recorded_one_exactly(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet"), clock)
    end = floor(NOW, HOUR)

    minutes = market.closed("BTC/USDT", MINUTE, end - 12 * HOUR, end)
    hours = market.closed("BTC/USDT", HOUR, end - 12 * HOUR, end)

    assert len(minutes) == 12 * 60
    summed = aggregate(minutes, HOUR)
    for column in ("opened_at", "open", "high", "low", "close", "trades"):
        assert np.array_equal(summed[column], hours[column]), column
    assert np.allclose(summed["volume"], hours["volume"])


def test_coarser_bars_are_sums_of_recorded_ones(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet", rows=500), clock)
    end = floor(NOW, DAY)

    days = market.closed("BTC/USDT", DAY, end - 5 * DAY, end)
    hours = market.closed("BTC/USDT", HOUR, end - 5 * DAY, end)

    assert len(days) == 5
    assert np.array_equal(days["high"], hours["high"].reshape(5, 24).max(axis=1))
    assert np.array_equal(days["close"], hours["close"][23::24])


def test_after_the_file_the_market_goes_on_synthetically(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet"), clock)
    assert market.status()["exhausted"] is False
    clock.now = NOW + 40 * HOUR

    bars = market.newest("BTC/USDT", HOUR, 60)

    assert (np.diff(bars["opened_at"]) == HOUR).all()
    assert np.abs(np.diff(np.log(bars["close"]))).max() < 0.2
    status = market.status()
    assert status["exhausted"] is True
    assert "synthetic" in status["note"]
    assert status["closed_share"] == 1.0


def test_other_symbols_are_synthetic(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet"), clock)

    assert market.instrument("BTC/USDT").source == "replay"
    assert market.instrument("ETH/USDT").source == "synthetic"
    assert len(market.newest("ETH/USDT", HOUR, 100)) == 100


def test_an_unlisted_symbol_of_a_file_is_listed(tmp_path: Path, clock: Clock) -> None:
    market = replaying(write_recording(tmp_path / "bars.parquet", symbol="QNT/USDT"), clock)
    clock.now += 30 * HOUR

    assert len(market.newest("QNT/USDT", HOUR, 20)) == 20


def test_a_gap_in_the_file_stays_a_gap(tmp_path: Path, clock: Clock) -> None:
    path = write_recording(tmp_path / "bars.parquet")
    frame = pl.read_parquet(path)
    pl.concat([frame[:20], frame[21:]]).write_parquet(path)
    market = replaying(path, clock)

    bars = market.newest("BTC/USDT", HOUR, 48)

    assert sorted(set(np.diff(bars["opened_at"]).tolist())) == [HOUR, 2 * HOUR]


def test_csv_and_parquet_replay_alike(tmp_path: Path) -> None:
    csv = read_recording(write_recording(tmp_path / "bars.csv"))
    parquet = read_recording(write_recording(tmp_path / "bars.parquet"))

    assert np.array_equal(csv.bars, parquet.bars)


def test_a_restart_in_the_same_home_keeps_the_shift(tmp_path: Path) -> None:
    recording = read_recording(write_recording(tmp_path / "bars.parquet"))

    first = remembered_shift(recording, tmp_path / "home", NOW)

    assert remembered_shift(recording, tmp_path / "home", NOW + 5 * HOUR) == first
    assert remembered_shift(recording, tmp_path / "other", NOW + 5 * HOUR) == first + 5 * HOUR
    assert remembered_shift(recording, None, NOW + 5 * HOUR) == first + 5 * HOUR


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda frame: frame.drop("close"), "lacks the columns close"),
        (lambda frame: frame.reverse(), "order of time"),
        (lambda frame: frame.with_columns(low=pl.col("high") * 2), "impossible candle"),
        (lambda frame: frame.with_columns(ts=pl.col("ts").dt.offset_by("7s")), "off the grid"),
        (lambda frame: frame.with_columns(timeframe=pl.lit("7h")), "unknown timeframe"),
        (lambda frame: frame.with_columns(symbol=pl.lit("BTC-PERP")), "no usable symbol"),
        (lambda frame: frame[:0], "exactly one symbol"),
    ],
)
def test_an_unusable_file_is_refused_with_the_reason(tmp_path: Path, change: object, problem: str) -> None:
    path = write_recording(tmp_path / "bars.parquet")
    change(pl.read_parquet(path)).write_parquet(path)  # type: ignore[operator]

    with pytest.raises(MarketDataUnreadable, match=problem):
        read_recording(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bars.parquet").write_text("nothing")

    with pytest.raises(MarketDataUnreadable, match="cannot be read"):
        read_recording(tmp_path / "bars.parquet")


def test_the_grid_starts_on_a_monday() -> None:
    assert np.datetime64(ORIGIN, "s").astype("datetime64[D]").astype(int) % 7 == 4


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded candles are not on this machine")
@pytest.mark.parametrize(
    "name", ["BTCUSDT_1h_2023-2025", "BTCUSDT_1d_2017-2026", "BTCUSDT_5m_2024", "SOLUSDT_4h_2024"]
)
def test_real_files_replay(clock: Clock, name: str) -> None:
    market = replaying(SHARED / f"{name}.parquet", clock)
    recording = market.replay.recording if market.replay else pytest.fail("no replay")
    step = recording.step

    bars = market.newest(recording.symbol, step, 1_000)

    assert abs(recording.anchor_index / len(recording.bars) - 0.8) < 0.001
    assert bars[-2]["close"] == recording.bars["close"][recording.anchor_index]
    assert (bars["opened_at"][:-1] + step <= clock.now).all()
