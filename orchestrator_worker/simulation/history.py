"""The history a simulation runs over: what is stored, and before it what a candle source still remembers."""

from datetime import datetime, timedelta

import structlog

from orchestrator_worker.candles.filling import Report, bring
from orchestrator_worker.candles.gaps import Stretch, newest_bars
from orchestrator_worker.candles.store import candles_between
from orchestrator_worker.resources import Resources
from orchestrator_worker.signals.readings import AGE_BARS_MAX, RISK_AGE_DAYS_MAX, SOURCES
from orchestrator_worker.signals.store import readings_between, risk_between
from orchestrator_worker.simulation.soundness import sound
from orchestrator_worker.simulation.strategies import History
from orchestrator_worker.sources.vendor import SourceUnavailable
from zmarty.market import Symbol, Timeframe

log = structlog.get_logger(__name__)


async def load_history(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    since: datetime,
    now: datetime,
    bars_max: int,
    report: Report,
) -> History:
    """Return the newest `bars_max` candles from `since` on and the readings beside them.

    What is not stored is fetched and stored page by page, so that a worker that dies loses one page; `report` hears of
    each page. A source that is away leaves what there is. Raises HistoryInvalid when stored candles cannot be true.
    """
    newest = newest_bars(timeframe, bars_max, now=now)
    wanted = Stretch(max(timeframe.floor(since), newest.first), newest.last)
    if wanted.first <= wanted.last:
        try:
            await bring(resources, symbol, timeframe, wanted, report=report)
        except SourceUnavailable as error:
            log.warning("history_not_reached", symbol=symbol, timeframe=timeframe, reason=error.reason)
    candles = sound(
        await candles_between(resources.trading, symbol, timeframe, since=since, bars_max=bars_max), timeframe
    )
    if candles.is_empty():
        return History(candles, timeframe)
    first, last = candles["opened_at"][0], candles["opened_at"][-1]
    readings = await readings_between(
        resources.trading, symbol, timeframe, SOURCES, first - AGE_BARS_MAX * timeframe.delta, last
    )
    oldest = timeframe.closed_at(first) - timedelta(days=RISK_AGE_DAYS_MAX)
    risk = await risk_between(resources.trading, symbol, timeframe, oldest, timeframe.closed_at(last))
    return History(candles, timeframe, [*readings, *risk])
