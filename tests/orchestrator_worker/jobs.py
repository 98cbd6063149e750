"""Deliveries as the consumer hands them to handlers, and candles in the database, for tests on real Postgres."""

from typing import TypeVar, cast

import polars as pl

from orchestrator_worker.resources import Resources
from tests.orchestrator_worker.vendors import Quiet, vendors_with
from zmarty import messages, queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import JobMessage
from zmarty.postgres import Pool
from zmarty.queue import Delivery

Message = TypeVar("Message", bound=JobMessage)

LEASE_SECONDS = 30.0


def resources_of(pool: Pool) -> Resources:
    """Resources for handlers that touch only the trading database: no vendor has more than is stored."""
    return Resources(chat=pool, trading=pool, vendors=vendors_with(Quiet()))


async def delivered(pool: Pool, message: Message) -> Delivery[Message]:
    """Send a message and lease it again, with whatever else of its kind was waiting left behind."""
    async with pool.acquire() as connection:
        sent = await queue.send(connection, message)
    leased = await queue.lease(pool, message.queue, quantity=100, lease_seconds=LEASE_SECONDS)
    [lease] = [lease for lease in leased if lease.id == sent]
    return Delivery(cast(Message, messages.parse(type(message), lease.text)), lease)


async def store_candles(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, candles: pl.DataFrame, *, exchange: str = "binance"
) -> None:
    """Store candles as text, as `numeric` takes them exactly."""
    first, last = candles["opened_at"][0], candles["opened_at"][-1]
    prices = candles.select(pl.col("open", "high", "low", "close", "volume").cast(pl.String))
    columns = [candles["opened_at"].to_list(), *(prices[name].to_list() for name in prices.columns)]
    async with pool.acquire() as connection:
        await connection.execute("select partitions.ensure_candle_partitions($1, $2)", first, last)
        await connection.execute(
            """
            insert into candles (symbol, timeframe, exchange, source, opened_at, open, high, low, close, volume)
            select $1, $2, $3, 'test', bar.opened_at, bar.open::numeric, bar.high::numeric, bar.low::numeric,
              bar.close::numeric, bar.volume::numeric
            from unnest($4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
              as bar (opened_at, open, high, low, close, volume)
            on conflict do nothing
            """,
            symbol,
            timeframe,
            exchange,
            *columns,
        )
