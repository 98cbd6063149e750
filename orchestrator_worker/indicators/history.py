"""The candles of one pair: what is new among those fetched, what follows from all of them, when the next is due. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from orchestrator_worker.indicators.technical import BAR_COLUMNS
from zmarty.market import Candle, Timeframe

# Vendors need a moment to close a bar of their own.
CLOSE_MARGIN = timedelta(seconds=10)
# A symbol that its exchange no longer lists is looked at again: it may come back.
DELISTED_PAUSE = timedelta(days=1)
BACKOFF_BASE = timedelta(seconds=10)
BACKOFF_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pair is ingested. `failures` counts the ingests in a row that found no candle where one was due."""

    last_opened_at: datetime | None
    failures: int
    next_due_at: datetime
    last_error: str | None


def news_in(fetched: Sequence[Candle], stored: Sequence[Candle]) -> list[Candle]:
    """Those of `fetched` that are not stored yet, or that their own vendor has corrected since.

    Another vendor's other figures for a stored candle are its rounding, not a correction.
    """
    known = {candle.opened_at: candle for candle in stored}
    return [
        candle
        for candle in fetched
        if (old := known.get(candle.opened_at)) is None or (old.source == candle.source and old != candle)
    ]


def merged(stored: Sequence[Candle], news: Sequence[Candle], *, limit: int) -> list[Candle]:
    """The newest `limit` candles after `news` is stored, oldest first."""
    by_opening = {candle.opened_at: candle for candle in (*stored, *news)}
    return [by_opening[opened_at] for opened_at in sorted(by_opening)[-limit:]]


def frame_of(candles: Sequence[Candle]) -> pl.DataFrame:
    """The candles as `indicators_of` takes them."""
    opened_at = pl.Series("opened_at", [candle.opened_at for candle in candles], pl.Datetime("us", "UTC"))
    figures = (
        pl.Series(name, [float(getattr(candle, name)) for candle in candles], pl.Float64)
        for name in BAR_COLUMNS
    )
    return pl.DataFrame([opened_at, *figures])


def progress_after(
    timeframe: Timeframe, before: Sequence[Candle], after: Sequence[Candle], *, failures: int, now: datetime
) -> Progress:
    """Where a pair stands when its history grew from `before` to `after`; `failures` as counted until then.

    Up to date: due when the next candle has closed. Still behind, but advancing: due at once. Behind, with nothing
    new: due after a pause that doubles up to one timeframe, so that a pair that is traded no more costs little.
    """
    newest = after[-1].opened_at if after else None
    if newest is not None:
        due_at = timeframe.closed_at(newest) + timeframe.delta + CLOSE_MARGIN
        advanced = not before or newest > before[-1].opened_at
        if due_at > now or advanced:
            return Progress(last_opened_at=newest, failures=0, next_due_at=max(due_at, now), last_error=None)
    pause = min(timeframe.delta, BACKOFF_BASE * 2 ** min(failures, BACKOFF_DOUBLINGS_MAX))
    return Progress(
        last_opened_at=newest,
        failures=failures + 1,
        next_due_at=now + pause,
        last_error="no new candle was found",
    )


def delisted(failures: int, *, now: datetime) -> Progress:
    """Where a pair stands whose symbol is not traded any more."""
    return Progress(
        last_opened_at=None,
        failures=failures,
        next_due_at=now + DELISTED_PAUSE,
        last_error="the symbol is not traded any more",
    )
