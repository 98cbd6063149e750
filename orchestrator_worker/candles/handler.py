"""backfill_candles: fill what lacks in a pair's history, however long, and tell the job how far it is.

One message does a bounded piece and sends itself on in the transaction that archives it. Each page is kept at once, so a
worker that dies costs a page: whoever takes the message sees what is there.
"""

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from orchestrator_worker.candles.filling import Page, exchanges_for, fetched_pages, keep, lacking, prepare
from orchestrator_worker.candles.gaps import Stretch, wanted_since
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
from zmarty.messages import BackfillCandles, ComputeSignals, ComputeWinrate
from zmarty.queue import Delivery

ATTEMPTS_MAX = 8
# What one message does at most: a drain need not wait for it, and other pairs get their turn.
PIECE_SECONDS = 15.0
PIECE_PAGES_MAX = 100
POSTPONE_SECONDS_MIN = 1.0
POSTPONE_SECONDS_MAX = 3_600.0


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
    candidates = await exchanges_for(resources, message.symbol, message.timeframe, named=message.exchange)
    # An exchange that has only the newest candles helps with what it has, where no other has them all.
    for may_skip in (False, True):
        for exchange in candidates:
            piece = await _begin(resources, message, job, exchange, wanted)
            try:
                return piece, await _fill(resources, piece, may_skip=may_skip)
            except (RequestRefused, AnswerTooShort) as refused:
                refusals.append(refused)
    raise refusals[0]


async def _begin(
    resources: Resources,
    message: BackfillCandles,
    job: Job | None,
    exchange: HistorySource,
    wanted: Stretch | None,
) -> Piece:
    """Find what lacks and tell the job of it."""
    trading, pair = resources.trading, (message.symbol, message.timeframe, exchange.name)
    gaps = await lacking(trading, *pair, wanted) if wanted is not None else []
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
    """Fetch and keep page after page; says whether all that lacks was asked for."""
    pair = (piece.message.symbol, piece.message.timeframe)
    ends, count = time.monotonic() + PIECE_SECONDS, 0
    async with aclosing(fetched_pages(piece.exchange, *pair, piece.gaps, may_skip=may_skip)) as fetched:
        async for page in fetched:
            await _keep(resources, piece, page)
            count += 1
            if piece.bars_left and (count >= PIECE_PAGES_MAX or time.monotonic() >= ends):
                # What brings nothing at all would bring nothing again.
                return not piece.has_advanced
    piece.bars_unreachable += piece.bars_left
    return True


async def _keep(resources: Resources, piece: Piece, page: Page) -> None:
    """Keep a page, what it lacks and how far the job is, in one transaction. Raises JobOver."""
    message, timeframe = piece.message, piece.message.timeframe
    bars, bars_absent = page.stretch.bars(timeframe), sum(lack.bars(timeframe) for lack in page.absent)
    piece.bars_left -= bars
    piece.bars_saved += len(page.candles)
    piece.bars_absent += bars_absent
    piece.bars_unreachable += bars - len(page.candles) - bars_absent
    piece.has_saved = piece.has_saved or bool(page.candles)
    piece.has_advanced = piece.has_advanced or bool(page.candles or page.absent)
    may_go_on = True
    await prepare(resources.trading, page)
    async with resources.trading.acquire() as connection, connection.transaction():
        await keep(connection, message.symbol, timeframe, piece.exchange.name, page)
        if message.job_id:
            told = {**piece.told(), "reached": page.stretch.last.isoformat()}
            may_go_on = await jobs.progress(connection, message.job_id, piece.share(), detail=told)
    if not may_go_on:
        raise JobOver


async def _give_up(resources: Resources, message: BackfillCandles, code: str, reason: str) -> Ending:
    """Say why it cannot be done: to whoever waits for the job, else in the dead letters."""
    if message.job_id is None:
        return Bury(code, reason)
    await jobs.fail(resources.trading, message.job_id, reason)
    return Discard(reason)
