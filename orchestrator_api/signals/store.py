"""Single signals: read whole, and taken from elsewhere. The only place where this feature speaks SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from orchestrator_api.signals.rows import WholeSignal
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A relayed signal as it is kept."""

    id: str
    opened_at: datetime
    strategy_version: str
    origin: str
    request_sha256: bytes


async def whole_signal(pool: Pool, signal_id: UUID) -> WholeSignal | None:
    record = await pool.fetchrow(SQL["whole_signal"], signal_id)
    return WholeSignal(**record) if record else None


async def last_close(pool: Pool, symbol: Symbol, timeframe: Timeframe) -> Decimal | None:
    return cast("Decimal | None", await pool.fetchval(SQL["last_close"], symbol, timeframe))


async def save_relayed(pool: Pool, row: Mapping[str, Any], request_sha256: bytes) -> Kept | None:
    """None when its source has said this or something else of the same candle before."""
    record = await pool.fetchrow(
        SQL["save_relayed"],
        *(
            row[name]
            for name in (
                "symbol",
                "timeframe",
                "opened_at",
                "strategy_version",
                "origin",
                "direction",
                "score",
                "strength",
                "confidence",
                "entry_price",
                "targets",
                "stop_price",
                "risk_reward",
                "verdict",
                "reasons",
                "expires_at",
                "source",
                "external_id",
            )
        ),
        request_sha256,
    )
    return Kept(**record) if record else None


async def find_relayed(pool: Pool, source: str, external_id: str) -> Kept | None:
    record = await pool.fetchrow(SQL["find_relayed"], source, external_id)
    return Kept(**record) if record else None
