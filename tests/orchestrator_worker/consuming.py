"""A consumer that runs for the length of a block, and what its tests ask the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from orchestrator_worker.budget import Budget
from orchestrator_worker.consumer import Consumer, Work
from orchestrator_worker.ending import Ending
from orchestrator_worker.resources import Resources
from tests.orchestrator_worker.jobs import resources_of
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Delivery

INGEST = IngestIndicators(symbol=Symbol("BTC/USDT"), timeframe=Timeframe.HOUR_1)
Handle = Callable[[Delivery[IngestIndicators], Resources], Awaitable[Ending]]


@asynccontextmanager
async def running(pool: Pool, work: Work[Any], budget: Budget | None = None) -> AsyncIterator[Consumer]:
    consumer = Consumer(work, resources_of(pool), budget)
    stopping = asyncio.Event()
    loop = asyncio.create_task(consumer.run(stopping))
    try:
        yield consumer
    finally:
        stopping.set()
        await loop
        await consumer.drain(5)


@asynccontextmanager
async def consuming(pool: Pool, handle: Handle, **bounds: Any) -> AsyncIterator[Consumer]:
    async with running(pool, Work(message=IngestIndicators, handle=handle, **bounds)) as consumer:
        yield consumer


async def send(pool: Pool, count: int = 1) -> None:
    async with pool.acquire() as connection:
        for _ in range(count):
            await queue.send(connection, INGEST)


async def until(found: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await found():
            await asyncio.sleep(0.02)


async def total(pool: Pool, table: str) -> int:
    return int(await pool.fetchval(f"select count(*) from pgmq.{table}"))


async def until_count(pool: Pool, table: str, count: int, seconds: float = 30) -> None:
    async def reached() -> bool:
        return await total(pool, table) == count

    await until(reached, seconds)


async def complete(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
    async with delivery.completing(resources.trading):
        return None
