"""Real candles from a file, moved to today: the bar at 80 % of the file closes at the latest boundary of its timeframe.

The shift is a whole number of timeframes and is chosen once; a home that remembers it keeps a restarted
simulator from serving other candles than those already stored.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath

import numpy as np
import polars as pl

from local_stack.simulators.bars import BAR, MINUTE, ORIGIN, STEPS, Bars, between, empty, floor, join
from local_stack.simulators.synthetic import fill_volumes, generator
from zmarty.errors import ZmartyError
from zmarty.market import Symbol

COLUMNS = ("symbol", "timeframe", "ts", "open", "high", "low", "close", "volume")
DECIMALS_MAX = 8
BARS_SPLIT_KEPT = 2_048


class MarketDataUnreadable(Exception):
    """The file given with --market-data cannot be replayed; the message says why."""


@dataclass(frozen=True)
class Recording:
    """A file's candles at the times they really had."""

    path: FilePath
    symbol: Symbol
    timeframe: str
    decimals: int
    bars: Bars

    @property
    def step(self) -> int:
        return STEPS[self.timeframe]

    @property
    def anchor_index(self) -> int:
        """The bar with which four fifths of the file are over."""
        return max(0, len(self.bars) * 4 // 5 - 1)

    def shift_to(self, now: float) -> int:
        """Seconds to add to the file's times so that the anchor closes at the latest boundary before `now`."""
        return floor(now, self.step) - self.step - int(self.bars["opened_at"][self.anchor_index])


def read_recording(path: FilePath) -> Recording:
    """Raises MarketDataUnreadable for anything but the candles of one symbol and timeframe, in order."""
    frame = _read_frame(path)
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise MarketDataUnreadable(f"{path.name} lacks the columns {', '.join(missing)}")
    if not frame.height or frame["symbol"].n_unique() > 1 or frame["timeframe"].n_unique() > 1:
        raise MarketDataUnreadable(f"{path.name} must hold the candles of exactly one symbol and timeframe")
    timeframe = str(frame["timeframe"][0])
    if timeframe not in STEPS:
        raise MarketDataUnreadable(f"{path.name} has the unknown timeframe {timeframe}")
    try:
        symbol = Symbol.parse(frame["symbol"][0])
    except ZmartyError as error:
        raise MarketDataUnreadable(f"{path.name} has no usable symbol: {error.message}") from error
    decimals = _decimals(frame)
    bars = _bars(frame, decimals)
    _refuse_impossible(path, bars, STEPS[timeframe])
    return Recording(path=path, symbol=symbol, timeframe=timeframe, decimals=decimals, bars=bars)


def remembered_shift(recording: Recording, home: FilePath | None, now: float) -> int:
    """The shift of an earlier start with this home and file, or one made now and remembered."""
    if home is None:
        return recording.shift_to(now)
    memory = home / "simulators" / "replay.json"
    key = f"{recording.path.resolve()}:{len(recording.bars)}:{int(recording.bars['opened_at'][0])}"
    known: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
    if key not in known:
        known[key] = recording.shift_to(now)
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(known, indent=2) + "\n")
    return known[key]


class Replay:
    """A recording moved in time, with the inside of each bar filled in at minute resolution."""

    def __init__(self, recording: Recording, shift: int, seed: int) -> None:
        self.recording = recording
        self.shift = shift
        self.seed = seed
        self._opened_at = recording.bars["opened_at"] + shift
        self.begins_at = int(self._opened_at[0])
        self.ends_at = int(self._opened_at[-1]) + recording.step
        self._inside: Callable[[int], Bars] = lru_cache(maxsize=BARS_SPLIT_KEPT)(self._split)

    def bars(self, start: int, end: int) -> Bars:
        first, last = np.searchsorted(self._opened_at, [start, end])
        moved = self.recording.bars[first:last].copy()
        moved["opened_at"] += self.shift
        return moved

    def minutes(self, start: int, end: int) -> Bars:
        first = int(np.searchsorted(self._opened_at, start - self.recording.step, side="right"))
        last = int(np.searchsorted(self._opened_at, end))
        return between(join([self._inside(row) for row in range(first, last)]), start, end)

    def closed_share(self, now: float) -> float:
        """How much of the file is over: 0.8 at first, 1.0 at its end."""
        closed = int(np.searchsorted(self._opened_at, now - self.recording.step, side="right"))
        return closed / len(self._opened_at)

    def _split(self, row: int) -> Bars:
        """A walk inside one real bar: it starts, ends, peaks and bottoms exactly where the bar did."""
        bar = self.recording.bars[row]
        count = self.recording.step // MINUTE
        random = generator(self.seed, "inside", str(self.recording.symbol), int(bar["opened_at"]))
        low, high, room = float(bar["low"]), float(bar["high"]), float(bar["high"] - bar["low"])
        done = np.arange(1, count + 1) / count
        walk = np.cumsum(random.standard_normal(count))
        bridge = walk - done * walk[-1]
        line = bar["open"] + (bar["close"] - bar["open"]) * done
        closes = np.clip(line + bridge * 0.7 * room / (np.ptp(bridge) or 1.0), low, high)
        decimals = self.recording.decimals

        minutes = np.zeros(count, dtype=BAR)
        minutes["opened_at"] = int(bar["opened_at"]) + self.shift + MINUTE * np.arange(count)
        minutes["close"] = np.round(closes, decimals)
        minutes["close"][-1] = bar["close"]
        minutes["open"] = np.concatenate([[bar["open"]], minutes["close"][:-1]])
        reach = np.abs(random.standard_normal((2, count))) * room * 0.3 / np.sqrt(count)
        top, bottom = (
            np.maximum(minutes["open"], minutes["close"]),
            np.minimum(minutes["open"], minutes["close"]),
        )
        minutes["high"] = np.maximum(top, np.minimum(high, np.round(top + reach[0], decimals)))
        minutes["low"] = np.minimum(bottom, np.maximum(low, np.round(bottom - reach[1], decimals)))
        minutes["high"][np.argmax(minutes["high"])] = high
        minutes["low"][np.argmin(minutes["low"])] = low

        weights = np.cumsum(random.random(count) + 0.3)
        shares = np.diff(weights / weights[-1], prepend=0.0)
        for column in ("volume", "turnover", "taker_volume", "taker_turnover"):
            minutes[column] = bar[column] * shares
        # Whole trades: differences of a rounded running count add up to the bar's own.
        minutes["trades"] = np.diff(np.round(np.cumsum(shares) * bar["trades"]).astype(np.int64), prepend=0)
        return minutes


def _read_frame(path: FilePath) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise MarketDataUnreadable(f"{path} cannot be read: {error}") from error
    if "ts" in frame.columns and frame["ts"].dtype == pl.String:
        try:
            frame = frame.with_columns(_parsed_times(frame["ts"]))
        except pl.exceptions.PolarsError as error:
            raise MarketDataUnreadable(f"{path.name} has times that are not ISO 8601: {error}") from error
    return frame


def _parsed_times(times: pl.Series) -> pl.Series:
    # An explicit offset or none at all: files of both kinds exist, and both mean UTC.
    written = times.str.replace(r"(Z|[+-]00:?00)$", "").str.replace(" ", "T", literal=True)
    return written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us")


def _decimals(frame: pl.DataFrame) -> int:
    closes = frame["close"].cast(pl.Float64).to_numpy()
    for decimals in range(2, DECIMALS_MAX):
        if np.array_equal(np.round(closes, decimals), closes):
            return decimals
    return DECIMALS_MAX


def _bars(frame: pl.DataFrame, decimals: int) -> Bars:
    bars = np.zeros(frame.height, dtype=BAR) if frame.height else empty()
    bars["opened_at"] = frame["ts"].dt.epoch("s").to_numpy()
    for name in ("open", "high", "low", "close"):
        bars[name] = np.round(frame[name].cast(pl.Float64).to_numpy(), decimals)
    volume = frame["volume"].cast(pl.Float64).to_numpy()
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3
    room = np.where(bars["high"] > bars["low"], bars["high"] - bars["low"], 1.0)
    # Where the file does not know the taker's side, the bar's direction stands for it.
    fill_volumes(
        bars, volume * typical, np.clip(0.5 + 0.2 * (bars["close"] - bars["open"]) / room, 0.05, 0.95)
    )
    known = {
        "volume": "volume",
        "turnover": "quote_volume",
        "trades": "trades",
        "taker_volume": "taker_buy_base",
        "taker_turnover": "taker_buy_quote",
    }
    for column, name in known.items():
        if name in frame.columns and not frame[name].has_nulls():
            bars[column] = frame[name].to_numpy()
    return bars


def _refuse_impossible(path: FilePath, bars: Bars, step: int) -> None:
    opened_at = bars["opened_at"]
    if (np.diff(opened_at) <= 0).any():
        raise MarketDataUnreadable(f"{path.name} is not in order of time, or has a time twice")
    if ((opened_at - ORIGIN) % step).any():
        raise MarketDataUnreadable(f"{path.name} has times off the grid of its timeframe")
    body_low, body_high = np.minimum(bars["open"], bars["close"]), np.maximum(bars["open"], bars["close"])
    possible = (
        (bars["low"] > 0) & (bars["low"] <= body_low) & (body_high <= bars["high"]) & (bars["volume"] >= 0)
    )
    if not possible.all():
        raise MarketDataUnreadable(f"{path.name} has an impossible candle in row {int(np.argmin(possible))}")
