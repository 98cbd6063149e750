"""Brings in what lacks in a pair's candles, page by page, and remembers what its exchange does not have.

All candles of one filling come from one exchange, for a series never changes its exchange unseen (decision 0020).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from orchestrator_worker.candles import store
from orchestrator_worker.candles.gaps import Stretch, missing, pages, stretches_of
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import HistorySource, utc_now
from orchestrator_worker.sources.vendor import AnswerTooShort, SourceUnavailable
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.postgres import Connection, Pool

log = structlog.get_logger(__name__)

# A bar that lacks this soon after its close may only be late.
ABSENCE_AGE_MIN = timedelta(hours=1)
# What somebody waits for is a bounded piece: a year of five-minute candles and more. Longer histories are for a backfill.
PAGES_MAX = 120

# Hears which share of what lacked has been asked for.
Report = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of an exchange: the candles it brought of a stretch, and what of the stretch it does not have."""

    stretch: Stretch
    candles: Sequence[Candle]
    absent: Sequence[Stretch]


async def bring(
    resources: Resources,
    symbol: Symbol,
    timeframe: Timeframe,
    wanted: Stretch,
    *,
    report: Report | None = None,
) -> None:
    """Fetch and store what lacks of `wanted`, from the first exchange that answers; nothing is asked when nothing lacks.

    Each page is stored at once, so that a worker that dies costs a page. Raises the first exchange's SourceUnavailable
    when none of them helps.
    """
    failures: list[SourceUnavailable] = []
    exchanges = await exchanges_for(resources, symbol, timeframe)
    # An exchange that has only the newest candles helps with what it has, where no other has them all.
    for may_skip in (False, True):
        for exchange in exchanges:
            gaps = await lacking(resources.trading, symbol, timeframe, exchange.name, wanted)
            try:
                await _bring_from(resources, exchange, symbol, timeframe, gaps, may_skip, report)
            except SourceUnavailable as failure:
                log.warning(
                    "candle_source_failed",
                    vendor=exchange.name,
                    reason=failure.reason,
                    answered=failure.answered,
                )
                failures.append(failure)
            else:
                return
    raise failures[0]


async def _bring_from(
    resources: Resources,
    exchange: HistorySource,
    symbol: Symbol,
    timeframe: Timeframe,
    gaps: Sequence[Stretch],
    may_skip: bool,
    report: Report | None,
) -> None:
    bars = sum(gap.bars(timeframe) for gap in gaps)
    asked = 0
    async with aclosing(fetched_pages(exchange, symbol, timeframe, gaps, may_skip=may_skip)) as fetched:
        count = 0
        async for page in fetched:
            await prepare(resources.trading, page)
            async with resources.trading.acquire() as connection, connection.transaction():
                await keep(connection, symbol, timeframe, exchange.name, page)
            asked += page.stretch.bars(timeframe)
            if report is not None:
                await report(asked / bars)
            count += 1
            if count >= PAGES_MAX:
                return


async def exchanges_for(
    resources: Resources, symbol: Symbol, timeframe: Timeframe, *, named: str | None = None
) -> list[HistorySource]:
    """Whom to ask: who is named, else whoever most of the pair's candles are from, then the others in order."""
    exchanges = resources.vendors.exchanges()
    if named is not None:
        return [exchange for exchange in exchanges if exchange.name == named] or exchanges
    home = await store.home_exchange(resources.trading, symbol, timeframe)
    return sorted(exchanges, key=lambda exchange: exchange.name != home)


async def lacking(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, exchange: str, wanted: Stretch
) -> list[Stretch]:
    """What of `wanted` is neither stored of this exchange nor known to be absent there, oldest first."""
    stored = await store.stored_stretches(pool, symbol, timeframe, exchange, wanted)
    absent = await store.absences(pool, symbol, timeframe, exchange, wanted)
    return missing(wanted, [*stored, *absent], timeframe)


async def fetched_pages(
    exchange: HistorySource,
    symbol: Symbol,
    timeframe: Timeframe,
    gaps: Sequence[Stretch],
    *,
    may_skip: bool,
) -> AsyncGenerator[Page, None]:
    """Ask for page after page of what lacks.

    With `may_skip` from the newest page on, and what the exchange does not reach back to is left. Raises
    SourceUnavailable.
    """
    if not may_skip and (unlisted := await _unlisted(exchange, symbol, timeframe, gaps)):
        yield Page(unlisted, [], [unlisted])
        gaps = [*missing(gaps[0], [unlisted], timeframe), *gaps[1:]]
    # Room for a neighbour on either side: they tell what is absent.
    asked = pages(gaps, timeframe, bars_max=exchange.page_bars - 2, newest_first=may_skip)
    for count, stretch in enumerate(asked):
        try:
            candles = await exchange.candles(
                symbol,
                timeframe,
                since=stretch.first - timeframe.delta,
                until=stretch.last + timeframe.delta,
                limit=stretch.bars(timeframe) + 2,
            )
        except AnswerTooShort:
            if not may_skip or not count:
                raise
            return
        inside = [candle for candle in candles if stretch.first <= candle.opened_at <= stretch.last]
        yield Page(stretch, inside, _absent(timeframe, stretch, candles))


async def prepare(pool: Pool, page: Page) -> None:
    """Make room for a page, outside the transaction that keeps it."""
    if page.candles:
        await store.ensure_partitions(pool, page.candles[0].opened_at, page.candles[-1].opened_at)


async def keep(
    connection: Connection, symbol: Symbol, timeframe: Timeframe, exchange: str, page: Page
) -> None:
    """Keep a page and what it lacks, in the caller's transaction."""
    if page.candles:
        await store.save_candles(connection, symbol, timeframe, exchange, page.candles)
    for stretch in page.absent:
        await store.save_absence(connection, symbol, timeframe, exchange, stretch)


async def _unlisted(
    exchange: HistorySource, symbol: Symbol, timeframe: Timeframe, gaps: Sequence[Stretch]
) -> Stretch | None:
    """Know in one question what page after page would say: before its listing a symbol has no candles."""
    if not gaps or gaps[0].bars(timeframe) <= exchange.page_bars:
        return None
    begins_at = await exchange.begins_at(symbol, timeframe)
    oldest = gaps[0]
    if begins_at is None or begins_at <= oldest.first:
        return None
    return Stretch(oldest.first, min(oldest.last, begins_at - timeframe.delta))


def _absent(timeframe: Timeframe, page: Stretch, candles: Sequence[Candle]) -> list[Stretch]:
    """What of the page the exchange has no candles for: what it passes over before a candle that it has.

    An answer without a later candle may be an answer to another question, or come from an exchange that lags behind.
    """
    if not candles:
        return []
    settled = timeframe.newest_closed(utc_now() - ABSENCE_AGE_MIN)
    last = min(page.last, settled, candles[-1].opened_at)
    if last < page.first:
        return []
    present = stretches_of([candle.opened_at for candle in candles], timeframe)
    return missing(Stretch(page.first, last), present, timeframe)
