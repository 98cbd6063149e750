"""The market's statements: reads of the trading database, newest first, from a cursor on."""

from datetime import UTC, datetime
from typing import Any, cast

import asyncpg

from orchestrator_api.market.filters import CandleQuery, IndicatorQuery, SignalQuery, WinRateQuery
from orchestrator_api.market.rows import CandleRow, IndicatorRow, SignalRow, WinRateRow
from orchestrator_api.market.snapshot_rows import SnapshotQuery, SnapshotRow
from orchestrator_api.paging import count, decode_cursor, moment
from zmarty.market import Symbol
from zmarty.messages import LOOKBACK_DAYS_MAX
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def days(number: Any) -> int:
    return min(count(number), LOOKBACK_DAYS_MAX)


async def is_known_symbol(pool: Pool, symbol: Symbol) -> bool:
    return cast(bool, await pool.fetchval(SQL["is_known_symbol"], symbol))


async def instruments(pool: Pool, beginning: str, *, after: str, limit: int) -> list[asyncpg.Record]:
    return await pool.fetch(SQL["instruments"], beginning, after, limit)


async def candles(pool: Pool, symbol: Symbol, asked: CandleQuery) -> list[CandleRow]:
    before = decode_cursor(asked.cursor, moment, str) or [asked.until or LATEST, ""]
    rows = await pool.fetch(
        SQL["candles"],
        symbol,
        asked.timeframe,
        asked.since or EARLIEST,
        *before,
        asked.exchange,
        asked.limit + 1,
    )
    return [CandleRow(**row) for row in rows]


async def indicators(pool: Pool, symbol: Symbol, asked: IndicatorQuery) -> list[IndicatorRow]:
    before = decode_cursor(asked.cursor, moment, str) or [asked.until or LATEST, ""]
    rows = await pool.fetch(
        SQL["indicators"],
        symbol,
        asked.timeframe,
        asked.since or EARLIEST,
        *before,
        asked.source,
        asked.limit + 1,
    )
    return [IndicatorRow(**row) for row in rows]


async def signals(pool: Pool, symbol: Symbol, asked: SignalQuery) -> list[SignalRow]:
    before = decode_cursor(asked.cursor, moment, str, str) or [asked.until or LATEST, "", ""]
    rows = await pool.fetch(
        SQL["signals"],
        symbol,
        asked.since or EARLIEST,
        *before,
        asked.timeframe,
        asked.direction,
        asked.origin,
        asked.verdict,
        asked.limit + 1,
    )
    return [SignalRow(**row) for row in rows]


async def win_rates(pool: Pool, symbol: Symbol, asked: WinRateQuery) -> list[WinRateRow]:
    after = decode_cursor(asked.cursor, str, str, str, str, days, str) or ["", "", "", "", 0, ""]
    rows = await pool.fetch(
        SQL["win_rates"],
        symbol,
        *after,
        asked.timeframe,
        asked.direction,
        asked.horizon,
        asked.lookback_days,
        asked.origin,
        asked.limit + 1,
    )
    return [WinRateRow(**row) for row in rows]


async def newest_snapshots(pool: Pool, asked: SnapshotQuery) -> list[SnapshotRow]:
    (after,) = decode_cursor(asked.cursor, str) or [""]
    rows = await pool.fetch(SQL["newest_snapshots"], after, asked.limit + 1)
    return [SnapshotRow(**row) for row in rows]


async def snapshots_of(pool: Pool, source: str, asked: SnapshotQuery) -> list[SnapshotRow]:
    (before,) = decode_cursor(asked.cursor, moment) or [LATEST]
    rows = await pool.fetch(SQL["snapshots_of"], source, asked.since or EARLIEST, before, asked.limit + 1)
    return [SnapshotRow(**row) for row in rows]
