"""Backfills as an operator asks for them: a job and its message in the trading database; the worker does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from console.migrations import SQL
from orchestrator_worker.candles.gaps import wanted_since
from zmarty import jobs, queue
from zmarty.errors import FieldInvalid
from zmarty.jobs import Job
from zmarty.market import Symbol, Timeframe
from zmarty.messages import BackfillCandles
from zmarty.postgres import Connection

LOOK_SECONDS = 0.5
# Seconds, milliseconds and microseconds since 1970 by their number of digits.
UNITS = {10: "seconds", 13: "milliseconds", 16: "microseconds"}


class BackfillUnknown(Exception):
    """No backfill of this pair is under way."""


def since_from(text: str) -> datetime:
    """Read `2024-01-01` or an ISO 8601 time; without a zone it is UTC. Raises FieldInvalid."""
    written = text.strip()
    if written.isdigit() and len(written) != 8:
        unit = UNITS.get(len(written), "a count")
        raise FieldInvalid("since", f"must be a date like 2024-01-01; {written} looks like {unit} since 1970")
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(
            "since", "must be a date like 2024-01-01 or a time like 2024-01-01T06:00:00Z"
        ) from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


async def start(trading: Connection, symbol: Symbol, timeframe: Timeframe, since: datetime) -> UUID:
    """Make the job and send its message in one transaction. Raises FieldInvalid for what the worker would refuse."""
    if wanted_since(since, timeframe, now=datetime.now(UTC)) is None:
        raise FieldInvalid("since", f"no candle of {timeframe} has closed since then")
    if not await trading.fetchval(SQL["is_instrument"], symbol):
        raise FieldInvalid("symbol", f"{symbol} is no instrument that Zmarty knows")
    told = {"symbol": symbol, "timeframe": timeframe, "since": since.isoformat()}
    async with trading.transaction():
        job_id = await jobs.create(trading, kind=BackfillCandles.queue, user_id=None, detail=told)
        await queue.send(
            trading, BackfillCandles(symbol=symbol, timeframe=timeframe, since=since, job_id=job_id)
        )
    return job_id


async def under_way(trading: Connection, symbol: Symbol, timeframe: Timeframe) -> UUID | None:
    """The newest backfill of the pair that has not ended."""
    found = await trading.fetchval(SQL["open_backfill"], BackfillCandles.queue, symbol, timeframe)
    return cast("UUID | None", found)


async def cancel(trading: Connection, symbol: Symbol, timeframe: Timeframe) -> Job:
    """Raises BackfillUnknown."""
    job_id = await under_way(trading, symbol, timeframe)
    job = await jobs.cancel(trading, job_id) if job_id else None
    if job is None:
        raise BackfillUnknown(f"no backfill of {symbol} {timeframe} is under way")
    return job


async def follow(trading: Connection, job_id: UUID) -> AsyncIterator[Job]:
    """The job as it is now and then, until it has ended."""
    while True:
        job = await jobs.find(trading, job_id)
        if job is None:
            raise BackfillUnknown(f"job {job_id} is gone")
        yield job
        if job.ended_at is not None:
            return
        await asyncio.sleep(LOOK_SECONDS)
