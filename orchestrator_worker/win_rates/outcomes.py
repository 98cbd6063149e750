"""How a signal ended: the triple barrier of target, stop and expiry on the candles after it, pessimistic and net. Pure.

The rules, which LABEL_VERSION names: enter at the open of the next bar; a bar that opens beyond a barrier fills at its
open; a bar that holds both barriers counts as stop and is marked ambiguous; expiry exits at the close of the last bar
within the horizon; fees and slippage are taken from every return. Only signals whose whole horizon has passed are
judged: judging early hits at once would count quick endings before slow ones.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.signals.costs import ROUND_TRIP
from zmarty.market import Timeframe

LABEL_VERSION = "barrier-1"

BARRIERS = ("expiry", "target", "stop")
EXPIRY, TARGET, STOP = range(3)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class Horizon(StrEnum):
    """How long a signal has to reach a barrier."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def delta(self) -> timedelta:
        return {Horizon.DAY: timedelta(days=1), Horizon.WEEK: timedelta(days=7)}.get(self, timedelta(days=30))

    @classmethod
    def of(cls, timeframe: Timeframe) -> Self:
        """The horizon after which signals of this timeframe themselves expire."""
        if timeframe.delta <= timedelta(hours=1):
            return cls("24h")
        return cls("7d") if timeframe.delta <= timedelta(hours=4) else cls("30d")

    @classmethod
    def all_of(cls, timeframe: Timeframe) -> tuple[Self, ...]:
        """The horizons that hold at least one bar of this timeframe."""
        return tuple(horizon for horizon in cls if horizon.delta >= timeframe.delta)


@dataclass(frozen=True, slots=True)
class _Bars:
    opened: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats


def judge(
    signals: pl.DataFrame, candles: pl.DataFrame, *, timeframe: Timeframe, horizon: Horizon
) -> pl.DataFrame:
    """Return the matured long and short rows of `signals` with the columns of their outcomes.

    `signals` has opened_at, direction, entry_price, stop_price and target_price; other columns pass through. `candles`
    (opened_at, open, high, low, close; sorted) must reach from the first signal on without leaving out stored bars.
    A signal is mature when a candle is known that closes at or after its horizon's end. Adds `barrier`, `ambiguous`,
    `return_net`, `r_multiple`, `mfe`, `mae` (fractions of the price paid, both ≥ 0) and `closed_at` of the exit bar.
    """
    assert candles.height, "outcomes need candles"
    bars = _bars(candles)
    step = timeframe.seconds * 1_000_000
    span = int(horizon.delta.total_seconds()) * 1_000_000
    directed = signals.filter(pl.col("direction").is_in(["long", "short"]))
    known_at = directed["opened_at"].dt.epoch("us").to_numpy() + step
    # Both by time and not by counting bars: an exchange that halted leaves holes.
    first = np.searchsorted(bars.opened, known_at, side="left")
    last = np.searchsorted(bars.opened + step, known_at + span, side="right") - 1
    # A signal from before the first candle would otherwise be entered at that candle, however much later it opened.
    covered = (known_at >= bars.opened[0]) & (known_at + span <= bars.opened[-1] + step)
    mature = covered & (first <= last)
    matured = directed.filter(pl.Series(mature))
    outcome = _race(matured, bars, first[mature].astype(np.int64), last[mature].astype(np.int64))
    closed_at = pl.Series(bars.opened[outcome.pop("exit")] + step).cast(pl.Datetime("us", "UTC"))
    barrier = pl.Series(np.array(BARRIERS, dtype=np.str_)[outcome.pop("barrier")], dtype=pl.String)
    return matured.with_columns(
        barrier=barrier, closed_at=closed_at, **{name: pl.Series(values) for name, values in outcome.items()}
    )


def _bars(candles: pl.DataFrame) -> _Bars:
    prices = {name: candles[name].cast(pl.Float64).to_numpy() for name in ("open", "high", "low", "close")}
    return _Bars(opened=candles["opened_at"].dt.epoch("us").to_numpy().astype(np.int64), **prices)


def _race(
    signals: pl.DataFrame, bars: _Bars, first: Integers, last: Integers
) -> dict[str, npt.NDArray[np.generic]]:
    """Walk all signals forward one bar at a time, dropping those that have met a barrier.

    Shorts run on mirrored prices (negated), so that there is one set of rules: the target lies above, the stop below.
    """
    count = signals.height
    side = np.where((signals["direction"] == "long").to_numpy(), 1.0, -1.0)
    target = signals["target_price"].cast(pl.Float64).to_numpy() * side
    stop = signals["stop_price"].cast(pl.Float64).to_numpy() * side
    planned = signals["entry_price"].cast(pl.Float64).to_numpy()
    paid = bars.open[first] if count else np.empty(0)

    exit_bar = last.copy()
    exit_price = (bars.close[last] if count else np.empty(0)) * side
    barrier = np.full(count, EXPIRY, dtype=np.int64)
    ambiguous = np.zeros(count, dtype=np.bool_)
    best = paid * side
    worst = paid * side

    running = np.arange(count)
    for ahead in range(int((last - first).max()) + 1 if count else 0):
        running = running[first[running] + ahead <= last[running]]
        if not running.size:
            break
        at = first[running] + ahead
        opened = bars.open[at] * side[running]
        up = np.where(side[running] > 0, bars.high[at], -bars.low[at])
        down = np.where(side[running] > 0, bars.low[at], -bars.high[at])
        aim, floor = target[running], stop[running]

        stopped = down <= floor
        reached = up >= aim
        # What opens beyond a barrier has met that barrier first, whatever the rest of the bar holds.
        opened_beyond = opened >= aim
        stopped &= ~opened_beyond
        both = stopped & reached & (opened > floor)
        hit = reached & ~stopped
        fill = np.where(stopped, np.minimum(opened, floor), np.maximum(opened, aim))

        ended = stopped | hit
        who = running[ended]
        exit_bar[who] = at[ended]
        exit_price[who] = fill[ended]
        barrier[who] = np.where(stopped[ended], STOP, TARGET)
        ambiguous[who] = both[ended]
        # Within the last bar nobody knows what came before the exit: the adverse side counts, up to the exit's price.
        best[who] = np.maximum(best[who], np.where(stopped, best[running], fill)[ended])
        left_at_once = stopped | opened_beyond
        worst[who] = np.minimum(worst[who], np.where(left_at_once, fill, down)[ended])

        running, up, down = running[~ended], up[~ended], down[~ended]
        best[running] = np.maximum(best[running], up)
        worst[running] = np.minimum(worst[running], down)

    # An entry that opens beyond its target has missed the move: there was no fill to win with.
    missed = (barrier == TARGET) & (exit_bar == first) & (paid * side >= target)
    barrier[missed] = EXPIRY
    returned = (exit_price - paid * side) / paid - ROUND_TRIP
    risk = np.abs(planned - stop * side) / planned
    return {
        "barrier": barrier,
        "exit": exit_bar,
        "ambiguous": ambiguous,
        "return_net": returned,
        "r_multiple": returned / risk,
        "mfe": np.maximum(best - paid * side, 0.0) / paid,
        "mae": np.maximum(paid * side - worst, 0.0) / paid,
    }
