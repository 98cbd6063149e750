"""The consumer on real pgmq: every message ends in one named way, and a broken one never stops the others."""

import asyncio
import json

import pytest
import structlog

from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.resources import Resources
from tests.orchestrator_worker.consuming import Handle, complete, consuming, send, total, until_count
from tests.support.databases import on_every_pgmq
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Delivery

pytestmark = on_every_pgmq


async def test_what_is_handled_is_archived(trading_worker: Pool) -> None:
    await send(trading_worker, 25)
    with structlog.testing.capture_logs() as lines:
        async with consuming(trading_worker, complete):
            await until_count(trading_worker, "a_ingest_indicators", 25)

    [line, *others] = [line for line in lines if line["event"] == "message_ended"]
    assert len(others) == 24
    assert {
        "job_name",
        "symbol",
        "timeframe",
        "duration_ms",
        "queue_depth",
        "msg_id",
        "attempt",
        "ending",
    } <= set(line)
    assert (line["job_name"], line["symbol"], line["ending"]) == ("ingest_indicators", "BTC/USDT", "done")


@pytest.mark.parametrize(
    "body", [None, [], "text", 7, {"symbol": "BTC/USDT"}, {"symbol": "BTC/USDT", "timeframe": "2h"}]
)
async def test_what_makes_no_sense_is_buried_with_its_reason(
    trading: Pool, trading_worker: Pool, body: object
) -> None:
    await trading.execute(
        "select pgmq.send('ingest_indicators', $1::text::jsonb)", None if body is None else json.dumps(body)
    )
    await send(trading_worker)

    async with consuming(trading_worker, complete):
        await until_count(trading_worker, "a_ingest_indicators", 1)
        await until_count(trading_worker, "q_ingest_indicators_dead", 1)

    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")
    assert dead["code"] == "message_malformed"
    assert dead["error"]
    assert dead["original"] == body
    assert await trading.fetchval("select count(*) from recent_errors where code = 'message_malformed'") == 1


async def test_a_text_that_no_decoder_takes_is_buried_alone(trading: Pool, trading_worker: Pool) -> None:
    nested = "[" * 3_000 + "]" * 3_000
    await trading.execute("select pgmq.send('ingest_indicators', $1::text::jsonb)", nested)
    await send(trading_worker)

    async with consuming(trading_worker, complete):
        await until_count(trading_worker, "a_ingest_indicators", 1)
        await until_count(trading_worker, "q_ingest_indicators_dead", 1)

    assert (
        await trading.fetchval("select message #>> '{code}' from pgmq.q_ingest_indicators_dead")
        == "message_malformed"
    )


async def test_a_failure_is_tried_again_and_then_buried(trading: Pool, trading_worker: Pool) -> None:
    tries = 0

    async def fail(_: object, __: object) -> Ending:
        nonlocal tries
        tries += 1
        raise ValueError("boom")

    await send(trading_worker)
    async with consuming(trading_worker, fail, attempts_max=3, retry_base_seconds=0.01):
        await until_count(trading_worker, "q_ingest_indicators_dead", 1)

    assert tries == 3
    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")
    assert (dead["attempts"], dead["error"]) == (3, "ValueError: boom")
    assert "raise ValueError" in dead["traceback"]
    assert await trading.fetchval("select count(*) from queueing.failures") == 0


@pytest.mark.parametrize(
    ("ending", "table"),
    [
        (Discard("nobody watches it"), "a_ingest_indicators"),
        (Bury("symbol_unknown", "no such symbol"), "q_ingest_indicators_dead"),
        (Postpone(0.01, "not yet"), "q_ingest_indicators_dead"),
    ],
)
async def test_endings_are_carried_out(trading_worker: Pool, ending: Ending, table: str) -> None:
    async def end(_: object, __: object) -> Ending:
        return ending

    await send(trading_worker)
    async with consuming(trading_worker, end, attempts_max=2):
        await until_count(trading_worker, table, 1)
    assert await total(trading_worker, "q_ingest_indicators") == 0


async def test_a_job_longer_than_its_lease_runs_once(trading_worker: Pool) -> None:
    starts = 0

    async def slow(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
        nonlocal starts
        starts += 1
        await asyncio.sleep(4)
        return await complete(delivery, resources)

    await send(trading_worker)
    async with (
        consuming(trading_worker, slow, lease_seconds=0.8),
        consuming(trading_worker, slow, lease_seconds=0.8),
    ):
        await until_count(trading_worker, "a_ingest_indicators", 1)
    assert starts == 1


async def test_a_stuck_handler_is_timed_out_by_name(trading: Pool, trading_worker: Pool) -> None:
    async def stuck(_: object, __: object) -> Ending:
        await asyncio.Event().wait()
        return None

    await send(trading_worker)
    async with consuming(trading_worker, stuck, timeout_seconds=0.05, attempts_max=1):
        await until_count(trading_worker, "q_ingest_indicators_dead", 1)
    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")
    assert dead["code"] == "handler_timed_out"


async def test_two_consumers_share_the_work(trading_worker: Pool) -> None:
    done = [0, 0]

    def counting(mine: int) -> Handle:
        async def handle(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
            await asyncio.sleep(0.01)
            await complete(delivery, resources)
            done[mine] += 1
            return None

        return handle

    await send(trading_worker, 60)
    async with consuming(trading_worker, counting(0)), consuming(trading_worker, counting(1)):
        await until_count(trading_worker, "a_ingest_indicators", 60)
    assert sum(done) == 60
    assert min(done) > 5


async def test_a_wake_is_noticed_at_once(trading_worker: Pool) -> None:
    async with consuming(trading_worker, complete) as consumer:
        await asyncio.sleep(0.1)
        await send(trading_worker)
        consumer.wake()
        await until_count(trading_worker, "a_ingest_indicators", 1, seconds=9)


async def test_a_drain_lets_running_work_finish(trading_worker: Pool) -> None:
    started = asyncio.Event()

    async def slow(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
        started.set()
        await asyncio.sleep(0.3)
        return await complete(delivery, resources)

    await send(trading_worker)
    async with consuming(trading_worker, slow):
        await asyncio.wait_for(started.wait(), 30)
    assert await total(trading_worker, "a_ingest_indicators") == 1


async def test_lost_connections_do_not_end_the_loop(trading: Pool, trading_worker: Pool) -> None:
    async with consuming(trading_worker, complete) as consumer:
        await trading.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'zmarty_worker'"
        )
        await send(trading)
        consumer.wake()
        # Not by the pool that has just lost its connections.
        await until_count(trading, "a_ingest_indicators", 1)
