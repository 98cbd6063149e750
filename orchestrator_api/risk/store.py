"""The only place where the API's risk speaks SQL."""

from datetime import date
from typing import Any, cast

from orchestrator_api.paging import decode_cursor
from orchestrator_api.risk.rows import RiskDay, RiskQuery
from zmarty.market import Symbol
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)

EARLIEST = date(1970, 1, 1)
LATEST = date(9999, 1, 1)


async def newest_day(pool: Pool, symbol: Symbol) -> RiskDay | None:
    record = await pool.fetchrow(SQL["newest_day"], symbol)
    return RiskDay(**record) if record else None


async def days(pool: Pool, symbol: Symbol, asked: RiskQuery) -> list[RiskDay]:
    before = decode_cursor(asked.cursor, day, str) or [asked.until or LATEST, ""]
    records = await pool.fetch(SQL["days"], symbol, asked.since or EARLIEST, *before, asked.limit + 1)
    return [RiskDay(**record) for record in records]


async def count_closes(pool: Pool, symbol: Symbol) -> int:
    return cast(int, await pool.fetchval(SQL["count_closes"], symbol))


def day(text: Any) -> date:
    """Converter for a day in a cursor."""
    return date.fromisoformat(text)
