"""backfill_candles: fetch what lacks in a pair's history, page by page, and remember what its exchange does not have.

One message does a bounded piece and sends itself on in the transaction that archives it. Each page is kept at once, so a
worker that dies costs a page: whoever takes the message sees what is there. All candles of a backfill come from one
exchange, for a series never changes its exchange unseen (decision 0020).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator_worker.candles import store
from orchestrator_worker.candles.gaps import Stretch, missing, pages, stretches_of, wanted_since
from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.instruments.known import is_known
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import HistorySource, utc_now
from orchestrator_worker.sources.vendor import (
    AnswerTooShort,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
)
from zmarty import jobs, queue
from zmarty.errors import FieldInvalid
from zmarty.jobs import Job
from zmarty.market import Candle, Timeframe
from zmarty.messages import BackfillCandles, ComputeSignals, ComputeWinrate
from zmarty.queue import Delivery

ATTEMPTS_MAX = 8
# What one message does at most: a drain need not wait for it, and other pairs get their turn.
PIECE_SECONDS = 15.0
PIECE_PAGES_MAX = 100
POSTPONE_SECONDS_MIN = 1.0
POSTPONE_SECONDS_MAX = 3_600.0
# A bar that lacks this soon after its close may only be late.
ABSENCE_AGE_MIN = timedelta(hours=1)


class JobOver(Exception):
    """Somebody cancelled the job, or it ended otherwise. What was filled until then stays."""


@dataclass(slots=True, kw_only=True)
class Piece:
    """What one message works on: the candles that lack in one exchange's series, and what became of them."""

    message: BackfillCandles
    exchange: HistorySource
    gaps: Sequence[Stretch]
    # As counted by the job, over all its pieces.
    bars_missing: int
    bars_saved: int
    bars_absent: int
    # Neither brought nor known to be absent: too old for the exchange, too young to be sure, or not answered.
    bars_unreachable: int = 0
    bars_left: int = 0
    has_saved: bool = False
    has_advanced: bool = False

    def share(self) -> float:
        return 1.0 - self.bars_left / max(self.bars_missing, 1)

    def told(self) -> dict[str, object]:
        return {
            "exchange": self.exchange.name,
            "bars_missing": self.bars_missing,
            "bars_saved": self.bars_saved,
            "bars_absent": self.bars_absent,
            "bars_unreachable": self.bars_unreachable,
        }


async def handle(delivery: Delivery[BackfillCandles], resources: Resources) -> Ending:
    message, trading = delivery.message, resources.trading
    try:
        piece, is_whole = await _work(resources, message)
    except JobOver:
        return Discard("the job was cancelled or is over")
    except (FieldInvalid, RequestRefused, AnswerTooShort) as refused:
        return await _give_up(resources, message, refused.code, refused.message)
    except SourceUnavailable as error:
        if isinstance(error, SourceLimited) and error.retry_after_seconds is not None:
            seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
            return Postpone(seconds, error.message, code=error.code, counts=False)
        if delivery.read_count >= ATTEMPTS_MAX:
            return await _give_up(resources, message, error.code, error.message)
        raise

    has_saved = message.has_saved or piece.has_saved
    async with delivery.completing(trading) as connection:
        if not is_whole:
            await queue.send(
                connection,
                message.model_copy(update={"exchange": piece.exchange.name, "has_saved": has_saved}),
            )
            return None
        if message.job_id:
            await jobs.finish(connection, message.job_id, piece.told())
        # A worker that died after its last page leaves no other trace of it than its attempt.
        if has_saved or delivery.read_count > 1:
            symbol, timeframe = message.symbol, message.timeframe
            await queue.send_once(connection, ComputeSignals(symbol=symbol, timeframe=timeframe))
            await queue.send_once(connection, ComputeWinrate(symbol=symbol, timeframe=timeframe))
    return None


async def _work(resources: Resources, message: BackfillCandles) -> tuple[Piece, bool]:
    """Fill a piece from the first exchange that can; says whether nothing is left. Raises what the last one refused with."""
    job = await jobs.find(resources.trading, message.job_id) if message.job_id else None
    if job is not None and job.ended_at is not None:
        raise JobOver
    wanted = wanted_since(message.since, message.timeframe, now=utc_now())
    if not await is_known(resources.trading, message.symbol):
        raise FieldInvalid("symbol", f"{message.symbol} is no instrument that Zmarty knows")
    refusals: list[SourceUnavailable] = []
    candidates = await _exchanges(resources, message)
    # An exchange that has only the newest candles helps with what it has, where no other has them all.
    for may_skip in (False, True):
        for exchange in candidates:
            piece = await _begin(resources, message, job, exchange, wanted)
            try:
                return piece, await _fill(resources, piece, may_skip=may_skip)
            except (RequestRefused, AnswerTooShort) as refused:
                refusals.append(refused)
    raise refusals[0]


async def _exchanges(resources: Resources, message: BackfillCandles) -> list[HistorySource]:
    """Whom to ask: who was asked before, else whoever most of the pair's candles are from, then the others in order."""
    exchanges = resources.vendors.exchanges()
    if message.exchange is not None:
        return [exchange for exchange in exchanges if exchange.name == message.exchange] or exchanges
    home = await store.home_exchange(resources.trading, message.symbol, message.timeframe)
    return sorted(exchanges, key=lambda exchange: exchange.name != home)


async def _begin(
    resources: Resources,
    message: BackfillCandles,
    job: Job | None,
    exchange: HistorySource,
    wanted: Stretch | None,
) -> Piece:
    """Find what lacks and tell the job of it."""
    trading, pair = resources.trading, (message.symbol, message.timeframe, exchange.name)
    gaps: list[Stretch] = []
    if wanted is not None:
        stored = await store.stored_stretches(trading, *pair, wanted)
        absent = await store.absences(trading, *pair, wanted)
        gaps = missing(wanted, [*stored, *absent], message.timeframe)
    left = sum(gap.bars(message.timeframe) for gap in gaps)
    told = job.detail if job else {}
    piece = Piece(
        message=message,
        exchange=exchange,
        gaps=gaps,
        bars_missing=max(left, told.get("bars_missing", 0)),
        bars_saved=told.get("bars_saved", 0),
        bars_absent=told.get("bars_absent", 0),
        bars_left=left,
    )
    if message.job_id and not await jobs.progress(
        trading, message.job_id, piece.share(), detail=piece.told()
    ):
        raise JobOver
    return piece


async def _fill(resources: Resources, piece: Piece, *, may_skip: bool) -> bool:
    """Fetch and keep page after page; says whether all that lacks was asked for.

    With `may_skip` from the newest page on, and what the exchange does not reach back to is left.
    """
    symbol, timeframe = piece.message.symbol, piece.message.timeframe
    if not may_skip:
        await _skip_beginning(resources, piece)
    ends = time.monotonic() + PIECE_SECONDS
    # Room for a neighbour on either side: see below.
    asked = pages(piece.gaps, timeframe, bars_max=piece.exchange.page_bars - 2, newest_first=may_skip)
    for count, page in enumerate(asked):
        if count >= PIECE_PAGES_MAX or time.monotonic() >= ends:
            # What brings nothing at all would bring nothing again.
            return not piece.has_advanced
        try:
            candles = await piece.exchange.candles(
                symbol,
                timeframe,
                since=page.first - timeframe.delta,
                until=page.last + timeframe.delta,
                limit=page.bars(timeframe) + 2,
            )
        except AnswerTooShort:
            if not may_skip or not count:
                raise
            piece.bars_unreachable += piece.bars_left
            return True
        lacking = [candle for candle in candles if page.first <= candle.opened_at <= page.last]
        # An answer without any candle may be an answer to another question; one with a neighbour speaks of this page.
        absent = _absent(timeframe, page, lacking) if candles else []
        await _keep(resources, piece, page, lacking, absent)
    return True


async def _skip_beginning(resources: Resources, piece: Piece) -> None:
    """Know in one question what page after page would say: before its listing a symbol has no candles."""
    timeframe = piece.message.timeframe
    if not piece.gaps or piece.gaps[0].bars(timeframe) <= piece.exchange.page_bars:
        return
    begins_at = await piece.exchange.begins_at(piece.message.symbol, timeframe)
    oldest = piece.gaps[0]
    if begins_at is None or begins_at <= oldest.first:
        return
    unlisted = Stretch(oldest.first, min(oldest.last, begins_at - timeframe.delta))
    await _keep(resources, piece, unlisted, [], [unlisted])
    piece.gaps = [*missing(oldest, [unlisted], timeframe), *piece.gaps[1:]]


async def _keep(
    resources: Resources,
    piece: Piece,
    page: Stretch,
    candles: Sequence[Candle],
    absent: Sequence[Stretch],
) -> None:
    """Keep a page, what it lacks and how far the job is, in one transaction. Raises JobOver."""
    message, exchange = piece.message, piece.exchange.name
    bars, bars_absent = page.bars(message.timeframe), sum(lack.bars(message.timeframe) for lack in absent)
    piece.bars_left -= bars
    piece.bars_saved += len(candles)
    piece.bars_absent += bars_absent
    piece.bars_unreachable += bars - len(candles) - bars_absent
    piece.has_saved = piece.has_saved or bool(candles)
    piece.has_advanced = piece.has_advanced or bool(candles or absent)
    may_go_on = True
    if candles:
        await store.ensure_partitions(resources.trading, candles[0].opened_at, candles[-1].opened_at)
    async with resources.trading.acquire() as connection, connection.transaction():
        if candles:
            await store.save_candles(connection, message.symbol, message.timeframe, exchange, candles)
        for stretch in absent:
            await store.save_absence(connection, message.symbol, message.timeframe, exchange, stretch)
        if message.job_id:
            told = {**piece.told(), "reached": page.last.isoformat()}
            may_go_on = await jobs.progress(connection, message.job_id, piece.share(), detail=told)
    if not may_go_on:
        raise JobOver


def _absent(timeframe: Timeframe, page: Stretch, candles: Sequence[Candle]) -> list[Stretch]:
    """What the exchange has no candles for, as far as it cannot be late any more."""
    settled = timeframe.newest_closed(utc_now() - ABSENCE_AGE_MIN)
    if settled < page.first:
        return []
    asked = Stretch(page.first, min(page.last, settled))
    return missing(asked, stretches_of([candle.opened_at for candle in candles], timeframe), timeframe)


async def _give_up(resources: Resources, message: BackfillCandles, code: str, reason: str) -> Ending:
    """Say why it cannot be done: to whoever waits for the job, else in the dead letters."""
    if message.job_id is None:
        return Bury(code, reason)
    await jobs.fail(resources.trading, message.job_id, reason)
    return Discard(reason)
