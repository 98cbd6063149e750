"""What judging costs: a million signals by the triple barrier, and their win rates with effective numbers and baseline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import polars as pl

from benchmarks.effort import Contestant, Effort
from benchmarks.figures import Figure, Incorrect, figure, ratio_at_most, value_at_most
from benchmarks.machine import describe_machine
from benchmarks.markets import candles_of
from orchestrator_worker.win_rates.baseline import entered_everywhere
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from orchestrator_worker.win_rates.tally import tally
from zmarty.market import Timeframe

SIGNALS = 1_000_000
BARS_MIN = 2_000
TIMEFRAME = Timeframe.MINUTES_15
LOOKBACK_DAYS = 100_000
JUDGED_SECONDS_MAX = 10.0
# Ten times the signals may take a little more than ten times as long: their columns leave the processor's caches.
LINEAR_MAX = 13.0


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    candles = candles_of(max(BARS_MIN, effort.of(SIGNALS) // 2), seed=3, timeframe=TIMEFRAME)
    signals = entered_everywhere(candles)
    tenth_candles = candles.head(max(BARS_MIN // 2, candles.height // 10))
    tenth = entered_everywhere(tenth_candles)
    outcomes = judged(signals, candles).with_columns(origin=pl.lit("backfill"))
    if outcomes.height < 0.9 * signals.height:
        raise Incorrect(f"of {signals.height:,} signals only {outcomes.height:,} were judged")
    seconds = await effort.rounds(
        {
            "whole": timed(lambda: judged(signals, candles)),
            "tenth": timed(lambda: judged(tenth, tenth_candles)),
            "rates": timed(lambda: rated(outcomes, candles)),
        }
    )
    return [
        figure(
            f"{signals.height:,} signals judged",
            seconds["whole"],
            "s",
            machine=machine,
            target=value_at_most(JUDGED_SECONDS_MAX, "s"),
        ),
        figure(
            "ten times the signals",
            seconds["whole"],
            "s",
            machine=machine,
            against=f"{tenth.height:,} signals",
            against_values=seconds["tenth"],
            target=ratio_at_most(LINEAR_MAX),
        ),
        figure(f"win rates of {outcomes.height:,} outcomes", seconds["rates"], "s", machine=machine),
    ]


def timed(work: Callable[[], object]) -> Contestant:
    async def once() -> float:
        started = time.perf_counter()
        await asyncio.to_thread(work)
        return time.perf_counter() - started

    return once


def judged(signals: pl.DataFrame, candles: pl.DataFrame) -> pl.DataFrame:
    return judge(signals, candles, timeframe=TIMEFRAME, horizon=Horizon.DAY)


def rated(outcomes: pl.DataFrame, candles: pl.DataFrame) -> list[object]:
    return list(
        tally(
            outcomes,
            outcomes,
            timeframe=TIMEFRAME,
            horizon=Horizon.DAY,
            lookback_days=LOOKBACK_DAYS,
            newest_closed_at=TIMEFRAME.closed_at(candles["opened_at"][-1]),
        )
    )
