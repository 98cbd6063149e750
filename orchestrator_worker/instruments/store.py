"""The only place where this feature speaks SQL."""

from collections.abc import Collection
from typing import cast

from zmarty import sql
from zmarty.market import Symbol
from zmarty.postgres import Connection, Pool

_SQL = sql.load(__package__)


async def active_symbols(pool: Pool) -> frozenset[Symbol]:
    return frozenset(Symbol(record["symbol"]) for record in await pool.fetch(_SQL["active_symbols"]))


async def list_symbols(connection: Connection, symbols: Collection[Symbol]) -> None:
    await connection.execute(_SQL["list_symbols"], list(symbols))


async def delist_symbols(connection: Connection, symbols: Collection[Symbol]) -> None:
    await connection.execute(_SQL["delist_symbols"], list(symbols))


async def is_active(pool: Pool, symbol: Symbol) -> bool:
    return cast(bool, await pool.fetchval(_SQL["is_active"], symbol))
