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

# Cells of one step of the race, each a signal at a bar: they stay within a core's cache.
BLOCK_CELLS = 16_384

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
    """Walk all signals forward in blocks of bars, dropping those that have met a barrier.

    Shorts run on mirrored prices (negated), so that there is one set of rules: the target lies above, the stop below.
    A block is as wide as keeps its cells below BLOCK_CELLS: many signals go bar by bar, few of them far at once.
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

    running, ahead = np.arange(count), 0
    while running.size:
        width = max(BLOCK_CELLS // running.size, 1)
        width = min(width, int((last[running] - first[running]).max()) + 1 - ahead)
        # Beyond its last bar a signal sees that one again and again, which can neither end nor stretch it once more.
        at = np.minimum(first[running] + ahead + np.arange(width)[:, None], last[running])
        long = side[running] > 0
        up = np.where(long, bars.high[at], -bars.low[at])
        down = np.where(long, bars.low[at], -bars.high[at])
        met = (down <= stop[running]) | (up >= target[running])
        ended = met.any(axis=0)
        # The bars before the one that ends it; all of the block where none does.
        lived = np.where(ended, met.argmax(axis=0), width)
        whole = np.arange(width)[:, None] < lived
        best[running] = np.maximum(best[running], np.where(whole, up, -np.inf).max(axis=0))
        worst[running] = np.minimum(worst[running], np.where(whole, down, np.inf).min(axis=0))

        column = np.flatnonzero(ended)
        who, row = running[column], lived[column]
        low, high, bar = down[row, column], up[row, column], at[row, column]
        opened = bars.open[bar] * side[who]
        aim, floor = target[who], stop[who]
        # What opens beyond a barrier has met that barrier first, whatever the rest of the bar holds.
        opened_beyond = opened >= aim
        stopped = (low <= floor) & ~opened_beyond
        fill = np.where(stopped, np.minimum(opened, floor), np.maximum(opened, aim))
        exit_bar[who] = bar
        exit_price[who] = fill
        barrier[who] = np.where(stopped, STOP, TARGET)
        ambiguous[who] = stopped & (high >= aim) & (opened > floor)
        # Within the last bar nobody knows what came before the exit: the adverse side counts, up to the exit's price.
        best[who] = np.maximum(best[who], np.where(stopped, best[who], fill))
        worst[who] = np.minimum(worst[who], np.where(stopped | opened_beyond, fill, low))

        ahead += width
        running = running[~ended]
        running = running[first[running] + ahead <= last[running]]

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
