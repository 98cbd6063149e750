"""Batches on real pgmq: one transaction for many, and one poison message never fails its neighbours."""

import asyncio
from typing import Any

import structlog

from orchestrator_worker.consumer import Work
from orchestrator_worker.ending import Ending, Postpone
from orchestrator_worker.resources import Resources
from tests.orchestrator_worker.consuming import INGEST, running, send, total, until_count
from tests.support.databases import on_every_pgmq
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Batch

pytestmark = on_every_pgmq


class Recorder:
    """A batch handler that writes one row a message and fails wherever a message of `poison` takes part."""

    def __init__(self, poison: set[int] | None = None, ending: Ending = None) -> None:
        self.poison = poison or set()
        self.ending = ending
        self.sizes: list[int] = []

    async def __call__(self, batch: Batch[IngestIndicators], resources: Resources) -> Ending:
        ids = [delivery.id for delivery in batch.deliveries]
        self.sizes.append(len(ids))
        if self.ending and self.poison & set(ids):
            return self.ending
        async with batch.completing(resources.trading) as connection:
            await connection.execute(
                "insert into recent_errors (service, code, message, msg_id) select 'test', 'done', '', unnest($1::bigint[])",
                ids,
            )
            if self.poison & set(ids):
                await connection.execute("select 1 / 0")
        return None


def work(handle: Recorder, **bounds: Any) -> Work[IngestIndicators]:
    return Work(message=IngestIndicators, handle_batch=handle, batch=50, concurrency=1, **bounds)


async def effects(trading: Pool) -> list[int]:
    rows = await trading.fetch("select msg_id from recent_errors where code = 'done' order by 1")
    return [row["msg_id"] for row in rows]


async def test_a_batch_is_one_transaction(trading: Pool, trading_worker: Pool) -> None:
    handle = Recorder()
    await trading.execute(
        "select pgmq.send_batch('ingest_indicators'::text, array_fill($1::jsonb, array[100]))",
        INGEST.payload(),
    )
    with structlog.testing.capture_logs() as lines:
        async with running(trading_worker, work(handle)) as consumer:
            await until_count(trading, "a_ingest_indicators", 100)

    assert handle.sizes == [50, 50]
    assert await effects(trading) == list(range(1, 101))
    assert (
        await trading.fetchval("select count(distinct xmin::text) from recent_errors where code = 'done'")
        == 2
    )
    assert [line["event"] for line in lines] == ["batch_ended", "batch_ended"]
    assert consumer.tally.report()["endings"] == {"done": 100}
    assert consumer.tally.report()["duration_buckets"]["+Inf"] == 100


async def test_one_poison_message_fails_alone(trading: Pool, trading_worker: Pool) -> None:
    handle = Recorder(poison={13})
    await send(trading_worker, 40)
    async with running(trading_worker, work(handle, attempts_max=2, retry_base_seconds=0.01)) as consumer:
        await until_count(trading, "a_ingest_indicators", 39)
        await until_count(trading, "q_ingest_indicators_dead", 1)

    assert await effects(trading) == [id for id in range(1, 41) if id != 13]
    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")
    assert (dead["attempts"], dead["code"]) == (2, "handler_failed")
    assert "DivisionByZeroError" in dead["error"]
    assert consumer.tally.endings == {"done": 39, "failed": 1, "buried": 1}


async def test_what_makes_no_sense_is_buried_before_the_batch(trading: Pool, trading_worker: Pool) -> None:
    handle = Recorder()
    await send(trading_worker, 3)
    await trading.execute("select pgmq.send('ingest_indicators', '{\"symbol\": 7}'::jsonb)")
    async with running(trading_worker, work(handle)):
        await until_count(trading, "a_ingest_indicators", 3)
        await until_count(trading, "q_ingest_indicators_dead", 1)
    assert await effects(trading) == [1, 2, 3]


async def test_an_ending_counts_for_one_message_only(trading: Pool, trading_worker: Pool) -> None:
    handle = Recorder(poison={2}, ending=Postpone(60, "not yet"))
    await send(trading_worker, 4)
    async with running(trading_worker, work(handle)):
        await until_count(trading, "a_ingest_indicators", 3)
    assert await trading.fetchval("select msg_id from pgmq.q_ingest_indicators where vt > now()") == 2


async def test_a_taken_over_lease_leaves_the_rest_of_the_batch(trading: Pool, trading_worker: Pool) -> None:
    taken_over = asyncio.Event()

    class Slow(Recorder):
        async def __call__(self, batch: Batch[IngestIndicators], resources: Resources) -> Ending:
            if not taken_over.is_set():
                await trading.execute(
                    "update pgmq.q_ingest_indicators set read_ct = 5, vt = now() + interval '1h' where msg_id = 2"
                )
                taken_over.set()
            return await super().__call__(batch, resources)

    handle = Slow()
    await send(trading_worker, 4)
    async with running(trading_worker, work(handle)):
        await until_count(trading, "a_ingest_indicators", 3)
    assert await effects(trading) == [1, 3, 4]
    assert await total(trading, "q_ingest_indicators") == 1
    assert handle.sizes == [4, 3]
