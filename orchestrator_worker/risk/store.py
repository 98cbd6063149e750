"""The only place where the risk metric speaks SQL."""

from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import cast

import polars as pl

from orchestrator_worker.risk.curve import Anchor, Curve, curve_of
from zmarty import sql
from zmarty.market import Symbol
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

_CLOSES = pl.Schema({"observed_on": pl.Date(), "close": pl.Float64()})
# Prices were numbers with at most this many digits before they were computed with.
PRICE_DIGITS = 15


async def is_known(pool: Pool, symbol: Symbol) -> bool:
    return cast(bool, await pool.fetchval(SQL["is_known"], symbol))


async def newest_day(pool: Pool, symbol: Symbol) -> date | None:
    return cast("date | None", await pool.fetchval(SQL["newest_day"], symbol))


async def curves(pool: Pool, symbol: Symbol) -> list[Curve]:
    records = await pool.fetch(SQL["anchors"], symbol)
    return [
        curve_of(valid_from, [Anchor(row["risk"], row["price"]) for row in rows])
        for valid_from, rows in groupby(records, key=lambda row: row["valid_from"])
    ]


async def daily_closes(pool: Pool, symbol: Symbol, until: datetime, *, days_max: int) -> pl.DataFrame:
    records = await pool.fetch(SQL["daily_closes"], symbol, until, days_max)
    return pl.DataFrame([tuple(record) for record in records], schema=_CLOSES, orient="row")


async def save_days(connection: Connection, symbol: Symbol, rows: pl.DataFrame) -> None:
    await connection.execute(
        SQL["save_days"],
        symbol,
        rows["observed_on"].to_list(),
        rows["source"].to_list(),
        rows["value"].to_list(),
        rows["band"].to_list(),
        rows["rarity"].to_list(),
        rows["days"].to_list(),
        [Decimal(f"{price:.{PRICE_DIGITS}g}") for price in rows["price"]],
    )
