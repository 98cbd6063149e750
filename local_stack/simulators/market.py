"""The one market behind every simulated vendor: who asks twice gets the same bar, and no one sees the future.

It has a clock, given from outside, and no other state that changes.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from local_stack.simulators.bars import (
    DAY,
    HOUR,
    MINUTE,
    Bars,
    aggregate,
    ceiling,
    empty,
    floor,
    join,
    seen_until,
)
from local_stack.simulators.listing import Pair, listed
from local_stack.simulators.replay import Replay
from local_stack.simulators.synthetic import BEGINNING, Path, Walk, Weather

LOOK_BACK_MAX = 3 * DAY


@dataclass(frozen=True)
class Instrument:
    """A listed pair and where its bars come from."""

    pair: Pair
    path: Path
    replay: Replay | None = None

    @property
    def source(self) -> str:
        return "replay" if self.replay else "synthetic"

    @property
    def decimals(self) -> int:
        return self.path.walk.decimals

    @property
    def begins_at(self) -> int:
        return self.replay.begins_at if self.replay else BEGINNING

    def fine_bars(self, step: int, start: int, end: int) -> Bars:
        """Bars no coarser than `step` that add up to it: recorded ones first, synthetic ones after the file's end."""
        if self.replay is None:
            return self._synthetic(step, start, end)
        whole = step % self.replay.recording.step == 0
        recorded = (self.replay.bars if whole else self.replay.minutes)(start, min(end, self.replay.ends_at))
        if end <= self.replay.ends_at:
            return recorded
        return join([recorded, self._synthetic(step, max(start, self.replay.ends_at), end)])

    def _synthetic(self, step: int, start: int, end: int) -> Bars:
        whole_hours = step % HOUR == start % HOUR == end % HOUR == 0
        return (self.path.hours if whole_hours else self.path.minutes)(start, end)


class Market:
    def __init__(self, *, seed: int, clock: Callable[[], float], replay: Replay | None = None) -> None:
        self.seed = seed
        self.clock = clock
        self.replay = replay
        self.pairs = listed()
        if replay:
            self.pairs[replay.recording.symbol] = self._recorded_pair(replay)
        self._instruments: dict[str, Instrument] = {}

    @cached_property
    def weather(self) -> Weather:
        return Weather(self.seed)

    @cached_property
    def by_compact(self) -> dict[str, Pair]:
        return {pair.compact: pair for pair in self.pairs.values()}

    @cached_property
    def by_dashed(self) -> dict[str, Pair]:
        return {pair.dashed: pair for pair in self.pairs.values()}

    def instrument(self, symbol: str) -> Instrument:
        if symbol not in self._instruments:
            self._instruments[symbol] = self._make(self.pairs[symbol])
        return self._instruments[symbol]

    def closed(self, symbol: str, step: int, start: int, end: int) -> Bars:
        """The bars opened in start ≤ t < end that are over by now, oldest first."""
        until = min(ceiling(end, step), floor(self.clock(), step))
        since = max(ceiling(start, step), floor(self.instrument(symbol).begins_at, step))
        if since >= until:
            return empty()
        return aggregate(self.instrument(symbol).fine_bars(step, since, until), step)

    def running(self, symbol: str, step: int) -> Bars:
        """The one unfinished bar, made only of what has happened; empty where the file has a gap."""
        now = self.clock()
        opened_at, minute = floor(now, step), floor(now, MINUTE)
        instrument = self.instrument(symbol)
        minutes = [instrument.fine_bars(MINUTE, opened_at, minute)]
        current = instrument.fine_bars(MINUTE, minute, minute + MINUTE)
        if len(current):
            minutes.append(seen_until(current, now))
        return aggregate(join(minutes), step)

    def newest(self, symbol: str, step: int, count: int) -> Bars:
        """The last `count` bars, oldest first, the unfinished one included."""
        opened_at = floor(self.clock(), step)
        closed = self.closed(symbol, step, opened_at - (count - 1) * step, opened_at)
        return join([closed, self.running(symbol, step)])

    def price(self, symbol: str) -> float:
        """The last trade's price."""
        latest = self.newest(symbol, MINUTE, 2)
        if not len(latest):
            now = floor(self.clock(), MINUTE)
            latest = self.instrument(symbol).fine_bars(MINUTE, now - LOOK_BACK_MAX, now)
        return float(latest["close"][-1])

    def price_at(self, symbol: str, when: int) -> float | None:
        """The price at a past hour, None before the first trade."""
        hour = floor(when, HOUR)
        bars = self.instrument(symbol).fine_bars(HOUR, hour - 3 * HOUR, hour)
        return float(bars["close"][-1]) if len(bars) else None

    def status(self) -> dict[str, Any]:
        """Where prices come from, in words a person can check against the file."""
        if self.replay is None:
            return {
                "source": "synthetic",
                "file": None,
                "symbol": None,
                "timeframe": None,
                "seed": self.seed,
                "note": "No file given: every price is synthetic.",
            }
        recording, share = self.replay.recording, self.replay.closed_share(self.clock())
        anchor = int(recording.bars["opened_at"][recording.anchor_index])
        over = self.clock() >= self.replay.ends_at
        return {
            "source": "replay",
            "file": str(recording.path),
            "symbol": str(recording.symbol),
            "timeframe": recording.timeframe,
            "seed": self.seed,
            "rows": len(recording.bars),
            "closed_share": round(share, 4),
            "anchor_recorded_at": instant(anchor),
            "anchor_replayed_at": instant(anchor + self.replay.shift),
            "shift_seconds": self.replay.shift,
            "begins_at": instant(self.replay.begins_at),
            "ends_at": instant(self.replay.ends_at),
            "exhausted": over,
            "other_symbols": "synthetic",
            "note": "The file is over; its symbol goes on synthetically from the last close. Others are synthetic."
            if over
            else "Recorded candles, moved in time; finer ones are synthetic inside. Other symbols are synthetic.",
        }

    def _make(self, pair: Pair) -> Instrument:
        walk = Walk(
            name=pair.walk,
            price=pair.price,
            decimals=pair.decimals,
            turnover_daily=pair.turnover_daily,
            beta=pair.beta,
            own=pair.own,
        )
        if self.replay is None or pair.symbol != self.replay.recording.symbol:
            return Instrument(pair, Path(self.weather, walk))
        return Instrument(pair, self._continuation(walk, self.replay), self.replay)

    def _continuation(self, walk: Walk, replay: Replay) -> Path:
        """The synthetic path after the file's end, lifted so that it starts at the last recorded close."""
        unlifted = Path(self.weather, walk).price_before(replay.ends_at)
        lift = float(replay.recording.bars["close"][-1]) / unlifted
        return Path(self.weather, dataclasses.replace(walk, lift=lift))

    def _recorded_pair(self, replay: Replay) -> Pair:
        recording = replay.recording
        known = self.pairs.get(recording.symbol)
        return Pair(
            base=recording.symbol.base,
            quote=recording.symbol.quote,
            name=known.name if known else recording.symbol.base,
            walk=known.walk if known else recording.symbol,
            price=known.price if known else float(np.median(recording.bars["close"])),
            decimals=recording.decimals,
            turnover_daily=float(np.median(recording.bars["turnover"])) * DAY / recording.step,
            beta=known.beta if known else 1.1,
            own=known.own if known else 0.8,
        )


def instant(seconds: float) -> str:
    """An epoch second as ISO 8601 with milliseconds and Z, as JavaScript prints it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
