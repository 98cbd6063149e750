"""compute_signals: judge the candle of a message, and any before it that nobody has judged yet.

The first message of a pair finds a whole history unjudged and walks it with the live code; after a pause of the
worker the few missed candles are walked the same way. Only what is said within one candle of its close is `live`.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.indicators.technical import BARS_NEEDED
from orchestrator_worker.resources import Resources
from orchestrator_worker.signals import store
from orchestrator_worker.signals.confidence import track_of
from orchestrator_worker.signals.readings import AGE_BARS_MAX, RISK_AGE_DAYS_MAX, SOURCES, Reading
from orchestrator_worker.signals.walk import BARS_MIN, STRATEGY_VERSION, Signal, signal_from, walk
from orchestrator_worker.win_rates.outcomes import LABEL_VERSION, Horizon, judge
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, ComputeWinrate
from zmarty.queue import Delivery

# One message walks at most this many candles; older ones stay without a signal.
WALK_BARS_MAX = 20_000
# The record learns from at most this many judged signals, the newest ones.
RECORD_SIGNALS_MAX = 20_000


async def handle(delivery: Delivery[ComputeSignals], resources: Resources) -> Ending:
    message, now = delivery.message, datetime.now(UTC)
    symbol, timeframe, pool = message.symbol, message.timeframe, resources.trading
    wanted = message.opened_at or timeframe.newest_closed(now)
    if wanted > now - timeframe.delta:
        return Discard(f"candle_open: the {timeframe} candle of {wanted.isoformat()} has not closed yet")
    newest = await candles_store.newest_opened_at(pool, symbol, timeframe, until=wanted)
    if newest is None:
        return Discard(f"not_enough_data: have 0, need {BARS_MIN} candles of {symbol} {timeframe}")
    if message.opened_at is not None and newest != wanted:
        return Discard(f"candle_unknown: no {timeframe} candle of {symbol} opened at {wanted.isoformat()}")

    judged_until = await store.newest_signal_opened_at(pool, symbol, timeframe, STRATEGY_VERSION)
    candles = await _load_candles(resources, symbol, timeframe, newest, judged_until)
    if candles.height < BARS_MIN:
        return Discard(
            f"not_enough_data: have {candles.height}, need {BARS_MIN} candles of {symbol} {timeframe}"
        )
    readings = await _load_readings(resources, symbol, timeframe, candles)
    # A pair without signals has no record yet: the walk then makes its own, bar by bar.
    track = await _load_track(resources, symbol, timeframe, candles, newest) if judged_until else None
    unjudged = _unjudged(newest, judged_until)
    # In a thread: twenty thousand bars take a second, in which other messages want to go on.
    signals = await asyncio.to_thread(
        signals_from, candles, readings, message, track, judged_until, unjudged, now
    )
    if not signals:
        return Discard(f"not_enough_data: the indicators of {symbol} {timeframe} still warm up")

    async with delivery.completing(pool) as connection:
        await store.save_signals(connection, signals)
        await queue.send_once(connection, ComputeWinrate(symbol=symbol, timeframe=timeframe))
    return None


def signals_from(
    candles: pl.DataFrame,
    readings: Sequence[Reading],
    message: ComputeSignals,
    track: pl.DataFrame | None,
    said_until: datetime | None,
    unjudged: pl.Expr,
    now: datetime,
) -> list[Signal]:
    """Walk the candles and make the signals of those that `unjudged` selects."""
    timeframe = message.timeframe
    rows = walk(candles, readings, timeframe=timeframe, track=track, said_until=said_until, wanted=unjudged)
    return [
        signal_from(
            row,
            symbol=message.symbol,
            timeframe=timeframe,
            # Said later than one candle after its close, a signal could not have been acted on.
            origin="live" if now - timeframe.closed_at(row["opened_at"]) < timeframe.delta else "backfill",
        )
        for row in rows.iter_rows(named=True)
    ]


def _unjudged(newest: datetime, judged_until: datetime | None) -> pl.Expr:
    """Which candles lack a signal: all of a new pair, those since the last signal, or an old one asked for by itself."""
    if judged_until is None:
        return pl.lit(True)
    if newest <= judged_until:
        return pl.col("opened_at") == newest
    return pl.col("opened_at") > judged_until


async def _load_candles(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    newest: datetime,
    judged_until: datetime | None,
) -> pl.DataFrame:
    """Load the candles to walk and, before them, those that the slowest indicator must have seen."""
    pool = resources.trading
    bars = WALK_BARS_MAX
    if judged_until is not None:
        missed = await candles_store.count_between(pool, symbol, timeframe, after=judged_until, until=newest)
        bars = min(WALK_BARS_MAX, BARS_NEEDED + missed)
    return await candles_store.candles_between(pool, symbol, timeframe, until=newest, bars_max=bars)


async def _load_readings(
    resources: Resources, symbol: Symbol, timeframe: Timeframe, candles: pl.DataFrame
) -> list[Reading]:
    pool, first, last = resources.trading, candles["opened_at"][0], candles["opened_at"][-1]
    said = await store.readings_between(
        pool, symbol, timeframe, SOURCES, first - AGE_BARS_MAX * timeframe.delta, last
    )
    oldest = timeframe.closed_at(first) - timedelta(days=RISK_AGE_DAYS_MAX)
    risk = await store.risk_between(pool, symbol, timeframe, oldest, timeframe.closed_at(last))
    return [*said, *risk]


async def _load_track(
    resources: Resources, symbol: Symbol, timeframe: Timeframe, candles: pl.DataFrame, until: datetime
) -> pl.DataFrame:
    """The record of what was said before: outcomes as they were kept, and those nobody has judged yet, judged here.

    A signal must not learn less because win rates are counted a moment later.
    """
    horizon = Horizon.of(timeframe)
    kept = await store.judged_signals(
        resources.trading,
        symbol,
        timeframe,
        STRATEGY_VERSION,
        until,
        horizon=horizon,
        label_version=LABEL_VERSION,
        signals_max=RECORD_SIGNALS_MAX,
    )
    waiting = await store.unjudged_signals(
        resources.trading,
        symbol,
        timeframe,
        STRATEGY_VERSION,
        candles["opened_at"][0],
        until,
        horizon=horizon,
        label_version=LABEL_VERSION,
        signals_max=candles.height,
    )
    judged = judge(waiting, candles, timeframe=timeframe, horizon=horizon).select(kept.columns)
    return track_of(pl.concat([kept, judged]), timeframe=timeframe, horizon=horizon)
