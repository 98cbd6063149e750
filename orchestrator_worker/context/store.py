"""The only place where context speaks SQL: what is watched, what was asked, what was answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator_worker.context.questions import Pair, Question
from orchestrator_worker.sources.market_readings import MarketReading
from orchestrator_worker.sources.readings import Reading
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

_SQL = sql.load(__package__)


@dataclass(frozen=True, slots=True)
class LastReading:
    """The last good answer to a question about a symbol; an empty timeframe: the same for all."""

    source: str
    timeframe: str
    observed_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A snapshot, or of a table the row of the symbol that was asked for; null when it has none."""

    source: str
    vendor: str
    observed_at: datetime
    told: Any


async def watched_pairs(pool: Pool, *, limit: int) -> list[Pair]:
    records = await pool.fetch(_SQL["watched_pairs"], limit)
    return [Pair(Symbol.parse(record["symbol"]), Timeframe(record["timeframe"])) for record in records]


async def due_times(pool: Pool, symbols: Collection[Symbol]) -> dict[tuple[str, str, str], datetime]:
    """When each question that was ever asked is due again: those about the market and about these symbols."""
    records = await pool.fetch(_SQL["due_times"], list(symbols))
    return {(row["source"], row["symbol"], row["timeframe"]): row["due_at"] for row in records}


async def claim(pool: Pool, question: Question, *, now: datetime, due_at: datetime) -> bool:
    """Take the right to ask; False when it is not due or another one has just taken it."""
    return bool(await pool.fetchval(_SQL["claim"], *question.key, now, due_at))


async def keep_answer(pool: Pool, question: Question, reading: Reading) -> None:
    await pool.execute(_SQL["keep_answer"], *question.key, reading.observed_at, reading.data)


async def keep_snapshot(pool: Pool, question: Question, reading: MarketReading) -> None:
    """Keep what was told of the whole market, and that it was answered."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            _SQL["save_snapshot"], question.source.name, reading.vendor, reading.observed_at, reading.data
        )
        await connection.execute(_SQL["keep_answer"], *question.key, reading.observed_at, None)


async def keep_failure(pool: Pool, question: Question, *, due_at: datetime, failure: str) -> None:
    await pool.execute(_SQL["keep_failure"], *question.key, due_at, failure)


async def last_readings(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> list[LastReading]:
    records = await pool.fetch(_SQL["last_readings"], symbol, timeframe)
    return [LastReading(**record) for record in records]


async def newest_parts(pool: Pool, symbol: Symbol, sources: Sequence[str], *, oldest: datetime) -> list[Part]:
    records = await pool.fetch(_SQL["newest_parts"], list(sources), oldest, symbol.path, symbol.base)
    return [Part(**record) for record in records]


async def told_until(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, sources: Collection[str]
) -> Mapping[str, datetime]:
    """The time of observation of what each source has told this pair last."""
    records = await pool.fetch(_SQL["told_until"], symbol, timeframe, list(sources))
    return {record["source"]: record["observed_at"] for record in records}
