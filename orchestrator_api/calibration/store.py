"""Calibration as the worker keeps it."""

from orchestrator_api.calibration.rows import CalibrationQuery, CalibrationRow
from orchestrator_api.paging import decode_cursor
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


async def calibrations(pool: Pool, asked: CalibrationQuery) -> list[CalibrationRow]:
    after = decode_cursor(asked.cursor, str, str, str, str) or ["", "", "", ""]
    rows = await pool.fetch(
        SQL["calibrations"],
        *after,
        asked.symbol,
        asked.timeframe,
        asked.direction,
        asked.strategy_version,
        asked.drift,
        asked.limit + 1,
    )
    return [CalibrationRow(**row) for row in rows]
