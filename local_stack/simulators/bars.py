"""Candles as columns and how they add up to coarser ones. Pure; times are whole epoch seconds, oldest first."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bars: TypeAlias = NDArray[np.void]
Floats: TypeAlias = NDArray[np.float64]

# `volume` counts the base currency, `turnover` the quote; the taker columns are the part bought at the ask.
BAR = np.dtype(
    [
        ("opened_at", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),
        ("turnover", np.float64),
        ("trades", np.int64),
        ("taker_volume", np.float64),
        ("taker_turnover", np.float64),
    ]
)
SUMMED = ("volume", "turnover", "trades", "taker_volume", "taker_turnover")

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
# Weeks open on Monday and three-day bars need a fixed origin too: 2001-01-01 was a Monday.
ORIGIN = 978_307_200

STEPS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
}


def floor(when: float, step: int) -> int:
    seconds = int(when // 1)
    return seconds - (seconds - ORIGIN) % step


def ceiling(when: float, step: int) -> int:
    """The first boundary that is not before `when`."""
    below = floor(when, step)
    return below if below == when else below + step


def empty() -> Bars:
    return np.empty(0, dtype=BAR)


def join(parts: list[Bars]) -> Bars:
    return np.concatenate(parts) if parts else empty()


def between(bars: Bars, start: int, end: int) -> Bars:
    """The bars opened in start ≤ t < end."""
    first, last = np.searchsorted(bars["opened_at"], [start, end])
    return bars[first:last]


def aggregate(bars: Bars, step: int) -> Bars:
    """Bars of `step` seconds from finer ones; a bucket without any fine bar has no bar, as on an exchange."""
    if not len(bars):
        return empty()
    buckets = bars["opened_at"] - (bars["opened_at"] - ORIGIN) % step
    firsts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    lasts = np.append(firsts[1:], len(bars)) - 1
    coarse = np.empty(len(firsts), dtype=BAR)
    coarse["opened_at"] = buckets[firsts]
    coarse["open"], coarse["close"] = bars["open"][firsts], bars["close"][lasts]
    coarse["high"] = np.maximum.reduceat(bars["high"], firsts)
    coarse["low"] = np.minimum.reduceat(bars["low"], firsts)
    for column in SUMMED:
        coarse[column] = np.add.reduceat(bars[column], firsts)
    return coarse


def seen_until(minute: Bars, now: float) -> Bars:
    """What a one-minute bar shows while it runs: open, one extreme, the other, close, in that order."""
    bar = minute.copy()
    opened, closed = float(bar["open"][0]), float(bar["close"][0])
    high, low = float(bar["high"][0]), float(bar["low"][0])
    share = min(max((now - float(bar["opened_at"][0])) / MINUTE, 0.0), 1.0)
    knots = [opened, low, high, closed] if closed >= opened else [opened, high, low, closed]
    passed = knots[: 1 + int(share * 3)]
    # A price of the bar itself and not one in between: a running price keeps the tick of a finished one.
    price = knots[min(3, int(share * 3 + 0.5))]
    bar["close"], bar["high"], bar["low"] = price, max([*passed, price]), min([*passed, price])
    for column in SUMMED:
        bar[column] = bar[column] * share
    return bar
