"""analyze_market: look at a pair's newest closed candle, keep what is new about it, and tell the job that waits for it.

The first message of a pair finds a whole history without patterns and walks it with the live code, so that there is a
record of them at once; later ones look at a window. A pair that nobody watches has its candles fetched first.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from orchestrator_worker.candles.filling import bring
from orchestrator_worker.candles.gaps import newest_bars
from orchestrator_worker.ending import Bury, Discard, Ending
from orchestrator_worker.instruments.known import is_known
from orchestrator_worker.intelligence import store
from orchestrator_worker.intelligence.analysis import BARS_MIN
from orchestrator_worker.intelligence.report import Material, Report, report_on
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable
from orchestrator_worker.win_rates.outcomes import LABEL_VERSION, Horizon
from zmarty import jobs
from zmarty.market import Timeframe
from zmarty.messages import AnalyzeMarket
from zmarty.postgres import TROUBLE, Connection
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 3
BULK_KIND = "bulk_analyze"
# What an unknown pair is fetched: enough for the slowest indicator, two calls of an exchange.
FETCHED_BARS = 2_000
# What a look back needs: the longest shape several times over, and every pattern's horizon.
WINDOW_BARS = 1_000
HISTORY_BARS_MAX = 20_000
PATTERNS_JUDGED_MAX = 5_000
CLUSTERS_MAX = 100
# In candles: a liquidation map that is older is no word on this one.
CLUSTERS_AGE_BARS = 3


class _Stopped(Exception):
    """Nobody waits for the job any more."""


class _NotDone(Exception):
    """It cannot be done, now or later; the text is for whoever waits."""


async def handle(delivery: Delivery[AnalyzeMarket], resources: Resources) -> Ending:
    message, failed = delivery.message, True
    try:
        report = await _report(message, resources)
        failed = False
    except _Stopped:
        return Discard("the job was cancelled or is over")
    except _NotDone as reason:
        return await _give_up(delivery, resources, str(reason))
    finally:
        if failed and message.job_id and delivery.read_count >= ATTEMPTS_MAX:
            # Nobody will try again, and whoever waits is told so; where even that fails, the dead letter tells.
            with suppress(*TROUBLE):
                async with resources.trading.acquire() as telling, telling.transaction():
                    await _tell(telling, message, error="the analysis failed; operators see why")
    async with delivery.completing(resources.trading) as connection:
        await _save(connection, message, report)
        await _tell(connection, message, result=_summary(report))
    return None


async def _report(message: AnalyzeMarket, resources: Resources) -> Report:
    pool, now = resources.trading, utc_now()
    if message.job_id and not await jobs.progress(pool, message.job_id, 0.0):
        raise _Stopped
    if not await is_known(pool, message.symbol):
        raise _NotDone(f"symbol_unknown: {message.symbol} is no instrument that Zmarty knows")
    await _freshen(message, resources, now)
    material = await _load(message, resources)
    if (have := material.candles.height) < BARS_MIN:
        raise _NotDone(
            f"not_enough_data: have {have}, need {BARS_MIN} candles of {message.symbol} {message.timeframe}"
        )
    # In a thread: a history takes a second or two, in which other messages want to go on.
    try:
        return await asyncio.to_thread(report_on, material, now=now)
    except ValueError as error:
        raise _NotDone(f"candles_malformed: {error}") from error


async def _freshen(message: AnalyzeMarket, resources: Resources, now: datetime) -> None:
    """Bring the candles up to date where a vendor can; what is stored is analysed in any case, under its own time."""
    try:
        wanted = newest_bars(message.timeframe, FETCHED_BARS, now=now)
        await bring(resources, message.symbol, message.timeframe, wanted)
    except RequestRefused as error:
        raise _NotDone(f"{error.code}: {error.message}") from error
    except SourceUnavailable as error:
        stored = await store.newest_candles(
            resources.trading, message.symbol, message.timeframe, bars_max=BARS_MIN
        )
        if stored.height < BARS_MIN:
            raise
        log.warning("candles_not_fresh", vendor=error.vendor, reason=error.reason)


async def _load(message: AnalyzeMarket, resources: Resources) -> Material:
    pool, symbol, timeframe = resources.trading, message.symbol, message.timeframe
    known = await store.analysed_until(pool, symbol, timeframe)
    bars = HISTORY_BARS_MAX
    if known is not None:
        missed = await store.count_candles_after(pool, symbol, timeframe, known)
        bars = min(_window(timeframe) + missed, HISTORY_BARS_MAX)
    candles = await store.newest_candles(pool, symbol, timeframe, bars_max=bars)
    closed_at = timeframe.closed_at(candles["opened_at"][-1]) if candles.height else utc_now()
    return Material(
        symbol=symbol,
        timeframe=timeframe,
        candles=candles,
        clusters=await store.newest_clusters(
            pool, symbol, closed_at - CLUSTERS_AGE_BARS * timeframe.delta, clusters_max=CLUSTERS_MAX
        ),
        bitcoin_risk=await store.bitcoin_risk(pool, closed_at),
        analysed_until=known,
        unjudged=await store.unjudged_patterns(
            pool, symbol, timeframe, closed_at - Horizon.of(timeframe).delta, patterns_max=PATTERNS_JUDGED_MAX
        ),
        judged=await store.judged_patterns(
            pool, symbol, timeframe, label_version=LABEL_VERSION, patterns_max=PATTERNS_JUDGED_MAX
        ),
    )


def _window(timeframe: Timeframe) -> int:
    horizon = Horizon.of(timeframe).delta // timeframe.delta
    return max(WINDOW_BARS, 2 * horizon)


async def _save(connection: Connection, message: AnalyzeMarket, report: Report) -> None:
    pair = message.symbol, message.timeframe
    await store.save_analysis(connection, *pair, report.analysis)
    await store.save_patterns(connection, *pair, report.found)
    await store.end_patterns(connection, *pair)
    if report.judged.height:
        await store.save_outcomes(connection, report.judged, label_version=LABEL_VERSION)
        await store.save_effectiveness(connection, *pair, report.effectiveness)


def _summary(report: Report) -> dict[str, Any]:
    return {
        "opened_at": report.analysis.opened_at.isoformat(),
        "trend_direction": report.analysis.trend_direction,
        "trend_strength": report.analysis.trend_strength,
        "regime": report.analysis.regime,
        "patterns": len(report.active),
    }


async def _give_up(delivery: Delivery[AnalyzeMarket], resources: Resources, reason: str) -> Ending:
    message, code = delivery.message, reason.partition(": ")[0]
    if message.job_id is None:
        return Discard(reason) if code == "not_enough_data" else Bury(code, reason)
    async with delivery.completing(resources.trading) as connection:
        await _tell(connection, message, error=reason)
    return None


async def _tell(
    connection: Connection,
    message: AnalyzeMarket,
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """End the job, or report this symbol to a job of several and end that with the last of them."""
    if message.job_id is None:
        return
    pair = {"symbol": message.symbol, "timeframe": message.timeframe}
    job = await jobs.find(connection, message.job_id)
    if job is not None and job.kind == BULK_KIND:
        await _tell_bulk(connection, message, message.job_id, {"error": error} if error else result or {})
    elif error is not None:
        await jobs.fail(connection, message.job_id, error)
    else:
        await jobs.finish(connection, message.job_id, pair | (result or {}))


async def _tell_bulk(
    connection: Connection, message: AnalyzeMarket, job_id: UUID, result: dict[str, Any]
) -> None:
    detail = await store.report_symbol(connection, job_id, message.symbol, result)
    if detail is None or len(detail["results"]) < len(detail["symbols"]):
        return
    # When nothing came of any of them, the job has failed, and nobody pays for it.
    if all("error" in one for one in detail["results"].values()):
        await jobs.fail(connection, job_id, next(iter(detail["results"].values()))["error"])
    else:
        await jobs.finish(connection, job_id, {"timeframe": message.timeframe, "results": detail["results"]})
