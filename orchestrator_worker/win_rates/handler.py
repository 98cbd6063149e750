"""compute_winrate: judge the signals whose horizon has passed, then count anew how often such signals were right."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from orchestrator_worker.calibration.report import Calibration, calibrations
from orchestrator_worker.candles import store as candles_store
from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.signals.walk import STRATEGY_VERSION
from orchestrator_worker.win_rates import store
from orchestrator_worker.win_rates.baseline import WARM_UP_BARS, entered_everywhere, geometry_of
from orchestrator_worker.win_rates.outcomes import LABEL_VERSION, Horizon, judge
from orchestrator_worker.win_rates.tally import LOOKBACKS_DAYS, WinRate, tally
from zmarty import queue
from zmarty.market import Timeframe
from zmarty.messages import ComputeWinrate
from zmarty.postgres import Pool
from zmarty.queue import Delivery

# One message judges at most this many signals of a horizon; a further message goes on.
JUDGED_MAX = 20_000
# A year of five-minute candles. Of faster ones the baseline, and with it the count, rests on the newest this many.
CANDLES_MAX = 110_000


# Calibration rests on at most this many outcomes of a strategy, the newest ones.
CLAIMS_MAX = 20_000
# Our own, earlier versions of it, and those that relayed signals name: of more, the others wait for nothing.
STRATEGIES_MAX = 20


@dataclass(frozen=True, slots=True)
class Material:
    """What is kept of one strategy: per horizon the unjudged signals and earlier outcomes, and its claims."""

    unjudged: Mapping[Horizon, pl.DataFrame]
    earlier: Mapping[Horizon, pl.DataFrame]
    claims: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became known of one strategy."""

    judged: Mapping[Horizon, pl.DataFrame]
    win_rates: list[WinRate]
    calibrations: list[Calibration]


async def handle(delivery: Delivery[ComputeWinrate], resources: Resources) -> Ending:
    message, pool = delivery.message, resources.trading
    symbol, timeframe = message.symbol, message.timeframe
    newest = await candles_store.newest_opened_at(pool, symbol, timeframe)
    if newest is None:
        return Discard(f"not_enough_data: have 0, need 1 closed candle of {symbol} {timeframe}")
    lookbacks = tuple(sorted({*LOOKBACKS_DAYS, message.lookback_days}))
    horizons = Horizon.all_of(timeframe)
    since = newest - timedelta(days=max(lookbacks)) - max(horizon.delta for horizon in horizons)
    materials = await _load(resources, message, newest, since)
    candles = await _load_candles(resources, message, materials, since)
    # In a thread: a year of candles takes a second, in which other messages want to go on.
    verdicts = await asyncio.to_thread(_judge_and_tally, materials, candles, timeframe, newest, lookbacks)

    async with delivery.completing(pool) as connection:
        for strategy, verdict in verdicts.items():
            for horizon, outcomes in verdict.judged.items():
                await store.save_outcomes(connection, outcomes, horizon=horizon, label_version=LABEL_VERSION)
            await store.save_win_rates(connection, symbol, timeframe, strategy, verdict.win_rates)
            await store.save_calibrations(connection, symbol, timeframe, strategy, verdict.calibrations)
        if any(
            outcomes.height == JUDGED_MAX for told in verdicts.values() for outcomes in told.judged.values()
        ):
            await queue.send_once(connection, message)
    return None


async def _load(
    resources: Resources, message: ComputeWinrate, newest: datetime, since: datetime
) -> dict[str, Material]:
    """The material of every strategy that has said something about this pair since then; always of our own."""
    pool, symbol, timeframe = resources.trading, message.symbol, message.timeframe
    heard = await store.strategies_since(pool, symbol, timeframe, since, strategies_max=STRATEGIES_MAX)
    return {
        strategy: await _material(pool, message, strategy, newest, since)
        for strategy in dict.fromkeys((STRATEGY_VERSION, *heard))
    }


async def _material(
    pool: Pool, message: ComputeWinrate, strategy: str, newest: datetime, since: datetime
) -> Material:
    symbol, timeframe = message.symbol, message.timeframe
    unjudged, earlier = {}, {}
    for horizon in Horizon.all_of(timeframe):
        unjudged[horizon] = await store.unjudged_signals(
            pool,
            symbol,
            timeframe,
            strategy,
            newest - horizon.delta,
            horizon=horizon,
            label_version=LABEL_VERSION,
            signals_max=JUDGED_MAX,
        )
        earlier[horizon] = await store.outcomes_since(
            pool, symbol, timeframe, strategy, since, horizon=horizon, label_version=LABEL_VERSION
        )
    claims = await store.judged_claims(
        pool,
        symbol,
        timeframe,
        strategy,
        horizon=Horizon.of(timeframe),
        label_version=LABEL_VERSION,
        claims_max=CLAIMS_MAX,
    )
    return Material(unjudged, earlier, claims)


async def _load_candles(
    resources: Resources, message: ComputeWinrate, materials: Mapping[str, Material], since: datetime
) -> pl.DataFrame:
    waiting = (
        signals["opened_at"][0]
        for material in materials.values()
        for signals in material.unjudged.values()
        if signals.height
    )
    timeframe = message.timeframe
    return await candles_store.candles_between(
        resources.trading,
        message.symbol,
        timeframe,
        since=min((since, *waiting)) - WARM_UP_BARS * timeframe.delta,
        bars_max=CANDLES_MAX,
    )


def _judge_and_tally(
    materials: Mapping[str, Material],
    candles: pl.DataFrame,
    timeframe: Timeframe,
    newest: datetime,
    lookbacks: tuple[int, ...],
) -> dict[str, Verdict]:
    return {
        strategy: _verdict(
            material,
            candles,
            _entered(strategy, material, candles),
            timeframe=timeframe,
            newest_closed_at=timeframe.closed_at(newest),
            lookbacks=lookbacks,
        )
        for strategy, material in materials.items()
    }


def _entered(strategy: str, material: Material, candles: pl.DataFrame) -> pl.DataFrame:
    """The random entries that a strategy is held against: with its own distances of stop and target."""
    if strategy == STRATEGY_VERSION:
        return entered_everywhere(candles)
    levels = ("opened_at", "entry_price", "stop_price", "target_price")
    said = [material.claims, *material.unjudged.values()]
    geometry = geometry_of(
        pl.concat([signals.select(levels) for signals in said]).unique("opened_at"), candles
    )
    return entered_everywhere(candles, geometry=geometry)


def _verdict(
    material: Material,
    candles: pl.DataFrame,
    entered: pl.DataFrame,
    *,
    timeframe: Timeframe,
    newest_closed_at: datetime,
    lookbacks: tuple[int, ...],
) -> Verdict:
    judged: dict[Horizon, pl.DataFrame] = {}
    win_rates: list[WinRate] = []
    for horizon, unjudged in material.unjudged.items():
        # The count covers the same bars as the baseline beside it.
        earlier = material.earlier[horizon].filter(pl.col("opened_at") >= candles["opened_at"][0])
        judged[horizon] = judge(unjudged, candles, timeframe=timeframe, horizon=horizon)
        outcomes = _joined(earlier, judged[horizon])
        baseline = judge(entered, candles, timeframe=timeframe, horizon=horizon)
        for lookback_days in lookbacks:
            win_rates.extend(
                tally(
                    outcomes,
                    baseline,
                    timeframe=timeframe,
                    horizon=horizon,
                    lookback_days=lookback_days,
                    newest_closed_at=newest_closed_at,
                )
            )
    own = Horizon.of(timeframe)
    claims = _joined(material.claims, judged[own]).tail(CLAIMS_MAX)
    return Verdict(judged, win_rates, list(calibrations(claims, timeframe=timeframe, horizon=own)))


def _joined(kept: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    # Another worker may have judged some of them between our two reads.
    return pl.concat([kept, judged.select(kept.columns)]).unique("opened_at").sort("opened_at")
