"""A user's simulations as the worker stored them. Every statement carries the owner."""

from datetime import datetime
from typing import Any
from uuid import UUID

from orchestrator_api.simulation.rows import SimulationRow, TradeRow
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)


async def simulations(
    pool: Pool, user_id: UUID, *, kind: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[SimulationRow]:
    records = await pool.fetch(SQL["simulations"], user_id, kind, *(before or (None, None)), limit)
    return [SimulationRow(**record) for record in records]


async def simulation(pool: Pool, user_id: UUID, simulation_id: UUID) -> dict[str, Any] | None:
    """The whole row; its trades are read apart."""
    record = await pool.fetchrow(SQL["simulation"], simulation_id, user_id)
    return dict(record) if record else None


async def trades(pool: Pool, simulation_id: UUID, *, after: int, limit: int) -> list[TradeRow]:
    records = await pool.fetch(SQL["trades"], simulation_id, after, limit)
    return [TradeRow(**record) for record in records]


async def newest_trades(pool: Pool, simulation_id: UUID, *, limit: int) -> list[TradeRow]:
    records = await pool.fetch(SQL["newest_trades"], simulation_id, limit)
    return [TradeRow(**record) for record in records]
