"""compute_winrate: judge the signals whose horizon has passed, then count anew how often such signals were right."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.signals.walk import STRATEGY_VERSION
from orchestrator_worker.win_rates import store
from orchestrator_worker.win_rates.baseline import WARM_UP_BARS, entered_everywhere
from orchestrator_worker.win_rates.outcomes import LABEL_VERSION, Horizon, judge
from orchestrator_worker.win_rates.tally import LOOKBACKS_DAYS, WinRate, tally
from zmarty import queue
from zmarty.market import Timeframe
from zmarty.messages import ComputeWinrate
from zmarty.queue import Delivery

# One message judges at most this many signals of a horizon; a further message goes on.
JUDGED_MAX = 20_000
# A year of five-minute candles. Of faster ones the baseline, and with it the count, rests on the newest this many.
CANDLES_MAX = 110_000


@dataclass(frozen=True, slots=True)
class Material:
    """What the stores hold about one pair: candles, and per horizon the unjudged signals and earlier outcomes."""

    candles: pl.DataFrame
    unjudged: Mapping[Horizon, pl.DataFrame]
    earlier: Mapping[Horizon, pl.DataFrame]


async def handle(delivery: Delivery[ComputeWinrate], resources: Resources) -> Ending:
    message = delivery.message
    newest = await candles_store.newest_opened_at(resources.trading, message.symbol, message.timeframe)
    if newest is None:
        return Discard(
            f"not_enough_data: have 0, need 1 closed candle of {message.symbol} {message.timeframe}"
        )
    lookbacks = tuple(sorted({*LOOKBACKS_DAYS, message.lookback_days}))
    material = await _load(resources, message, newest, days=max(lookbacks))
    # In a thread: a year of candles takes a second, in which other messages want to go on.
    judged, win_rates = await asyncio.to_thread(
        _judge_and_tally, material, message.timeframe, newest, lookbacks
    )

    async with delivery.completing(resources.trading) as connection:
        for horizon, outcomes in judged.items():
            await store.save_outcomes(connection, outcomes, horizon=horizon, label_version=LABEL_VERSION)
        await store.save_win_rates(connection, message.symbol, message.timeframe, STRATEGY_VERSION, win_rates)
        if any(outcomes.height == JUDGED_MAX for outcomes in judged.values()):
            await queue.send_once(connection, message)
    return None


async def _load(resources: Resources, message: ComputeWinrate, newest: datetime, *, days: int) -> Material:
    pool, symbol, timeframe = resources.trading, message.symbol, message.timeframe
    unjudged, earlier = {}, {}
    horizons = Horizon.all_of(timeframe)
    since = newest - timedelta(days=days) - max(horizon.delta for horizon in horizons)
    for horizon in horizons:
        unjudged[horizon] = await store.unjudged_signals(
            pool,
            symbol,
            timeframe,
            STRATEGY_VERSION,
            newest - horizon.delta,
            horizon=horizon,
            label_version=LABEL_VERSION,
            signals_max=JUDGED_MAX,
        )
        earlier[horizon] = await store.outcomes_since(
            pool, symbol, timeframe, STRATEGY_VERSION, since, horizon=horizon, label_version=LABEL_VERSION
        )
    oldest = min((signals["opened_at"][0] for signals in unjudged.values() if signals.height), default=since)
    candles = await candles_store.candles_between(
        pool,
        symbol,
        timeframe,
        since=min(oldest, since) - WARM_UP_BARS * timeframe.delta,
        bars_max=CANDLES_MAX,
    )
    return Material(candles=candles, unjudged=unjudged, earlier=earlier)


def _judge_and_tally(
    material: Material, timeframe: Timeframe, newest: datetime, lookbacks: tuple[int, ...]
) -> tuple[dict[Horizon, pl.DataFrame], list[WinRate]]:
    entered = entered_everywhere(material.candles)
    judged: dict[Horizon, pl.DataFrame] = {}
    win_rates: list[WinRate] = []
    for horizon, unjudged in material.unjudged.items():
        # The count covers the same bars as the baseline beside it.
        earlier = material.earlier[horizon].filter(pl.col("opened_at") >= material.candles["opened_at"][0])
        judged[horizon] = judge(unjudged, material.candles, timeframe=timeframe, horizon=horizon)
        # Another worker may have judged some of them between our two reads.
        outcomes = (
            pl.concat([earlier, judged[horizon].select(earlier.columns)])
            .unique("opened_at")
            .sort("opened_at")
        )
        baseline = judge(entered, material.candles, timeframe=timeframe, horizon=horizon)
        for lookback_days in lookbacks:
            win_rates.extend(
                tally(
                    outcomes,
                    baseline,
                    timeframe=timeframe,
                    horizon=horizon,
                    lookback_days=lookback_days,
                    newest_closed_at=timeframe.closed_at(newest),
                )
            )
    return judged, win_rates
