"""The known ways in which such systems fail, each made to happen: the worker notices, recovers and says so."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import structlog

from orchestrator_worker import app
from orchestrator_worker.consumer import Consumer, Work
from orchestrator_worker.ending import Ending
from orchestrator_worker.heartbeat import beat
from orchestrator_worker.relay.relay import Relay
from orchestrator_worker.resources import Resources
from tests.conftest import Dsn
from tests.orchestrator_worker.consuming import (
    INGEST,
    complete,
    consuming,
    send,
    total,
    until,
    until_count,
)
from tests.orchestrator_worker.jobs import resources_of
from tests.support.proxy import Proxy, proxied
from zmarty import postgres, queue
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool, open_pool
from zmarty.queue import Delivery


async def pool_through(proxy: Proxy) -> Pool:
    return await open_pool(proxy.dsn, application_name="through-proxy", size_min=1, size_max=3)


async def test_work_resumes_when_the_database_returns(trading: Pool, trading_dsn: Dsn) -> None:
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        pool = await pool_through(proxy)
        async with consuming(pool, complete) as consumer:
            waking = asyncio.create_task(app.wake_on_notify(proxy.dsn, [consumer]))
            await send(trading)
            await until_count(trading, "a_ingest_indicators", 1)
            proxy.drop()
            await send(trading)
            await asyncio.sleep(2)
            assert await total(trading, "a_ingest_indicators") == 1

            proxy.restore()
            # Sooner than the next look at the queue would be.
            await until_count(trading, "a_ingest_indicators", 2, seconds=25)
            waking.cancel()
        pool.terminate()


async def test_a_half_open_connection_does_not_stop_the_work(
    trading: Pool, trading_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LEASE_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(postgres, "PROBE_SECONDS", 0.3)
    monkeypatch.setattr(postgres, "PROBE_ANSWER_SECONDS", 0.3)
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        pool = await pool_through(proxy)
        async with consuming(pool, complete) as consumer:
            waking = asyncio.create_task(app.wake_on_notify(proxy.dsn, [consumer]))
            await send(trading)
            await until_count(trading, "a_ingest_indicators", 1)

            proxy.go_silent()
            await send(trading)

            await until_count(trading, "a_ingest_indicators", 2, seconds=25)
            waking.cancel()
        pool.terminate()


async def test_without_notifications_the_worker_polls_and_says_so_once(
    trading: Pool, trading_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PROBE_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(postgres, "DEAF_SECONDS", 0.2)
    monkeypatch.setattr(app, "DEAF_POLL_SECONDS", 0.5)
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        proxy.deaf = True
        with structlog.testing.capture_logs() as lines:
            async with consuming(trading, complete) as consumer:
                waking = asyncio.create_task(app.wake_on_notify(proxy.dsn, [consumer]))

                async def polls_often() -> bool:
                    return consumer.poll_seconds == 0.5

                await until(polls_often)
                await send(trading)
                await until_count(trading, "a_ingest_indicators", 1, seconds=9)
                await asyncio.sleep(0.6)
                assert len([line for line in lines if line["event"] == "listen_impossible"]) == 1

                proxy.deaf = False

                async def hears_again() -> bool:
                    return consumer.poll_seconds > 10

                await until(hears_again)
                waking.cancel()


async def test_a_stalled_loop_shows_behind_a_green_heartbeat(
    trading: Pool, trading_worker: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_worker.heartbeat.BEAT_SECONDS", 0.1)
    relay = cast(Relay, type("Idle", (), {"progressed_at": datetime.max.replace(tzinfo=UTC)}))
    ending = asyncio.Event()
    async with consuming(trading_worker, complete) as consumer, trading.acquire() as blocker:
        beating = asyncio.create_task(
            beat(trading_worker, [consumer], relay, ending, worker_id="w", version="v")
        )
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("lock table pgmq.q_ingest_indicators in access exclusive mode")
        consumer.wake()

        async def shows() -> bool:
            row = await trading.fetchrow(
                "select now() - beat_at as beat, now() - progressed_at as progress from worker_heartbeats"
            )
            return bool(
                row and row["beat"] < timedelta(seconds=1) and row["progress"] > timedelta(seconds=1.5)
            )

        await until(shows)
        await transaction.rollback()
        ending.set()
        await beating


async def test_a_dropped_trigger_is_noticed_and_repaired(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute("drop trigger notify_sent on pgmq.q_ingest_indicators")
    stopping = asyncio.Event()
    with structlog.testing.capture_logs() as lines:
        keeping = asyncio.create_task(app.keep_queues_whole(trading_worker, stopping))

        async def noted() -> bool:
            return bool(
                await trading.fetchval("select count(*) from recent_errors where code = 'queues_repaired'")
            )

        await until(noted)
        stopping.set()
        await keeping
    [line] = [line for line in lines if line["event"] == "queues_repaired"]
    assert line["repaired"] == ["trigger notify_sent on q_ingest_indicators"]


async def test_an_idle_consumer_asks_once_a_poll(trading_dsn: Dsn) -> None:
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        pool = await pool_through(proxy)
        async with consuming(pool, complete) as consumer:
            consumer.poll_seconds = 0.2
            consumer.wake()
            await asyncio.sleep(0.3)
            before = proxy.statements
            await asyncio.sleep(2.0)
            # At the real polls of 15 or 30 s this is four or two statements a minute.
            assert 5 <= proxy.statements - before <= 11
        pool.terminate()


async def test_many_wakes_at_once_cost_one_look(trading_dsn: Dsn) -> None:
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        pool = await pool_through(proxy)
        async with consuming(pool, complete) as consumer:
            await asyncio.sleep(0.3)
            before = proxy.statements
            for _ in range(1000):
                consumer.wake()
            await asyncio.sleep(0.3)
            assert proxy.statements - before <= 4
        pool.terminate()


async def test_a_drain_hands_back_what_has_not_begun(trading_worker: Pool) -> None:
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
        begun.set()
        await go_on.wait()
        return await complete(delivery, resources)

    await send(trading_worker, 5)
    consumer = Consumer(
        Work(message=IngestIndicators, handle=slow, concurrency=1),
        resources_of(trading_worker),
    )
    # As after many quick messages: leased well ahead of the one that runs.
    consumer._seconds_each = 0.001
    stopping = asyncio.Event()
    running = asyncio.create_task(consumer.run(stopping))
    await begun.wait()
    assert (
        await trading_worker.fetchval("select count(*) from pgmq.q_ingest_indicators where vt > now()") == 5
    )

    stopping.set()
    await running
    waiting = await trading_worker.fetch("select read_ct from pgmq.q_ingest_indicators where vt <= now()")
    assert [row["read_ct"] for row in waiting] == [1, 1, 1, 1]
    go_on.set()
    await consumer.drain(5)
    assert await total(trading_worker, "a_ingest_indicators") == 1
    assert [
        lease.read_count
        for lease in await queue.lease(trading_worker, "ingest_indicators", quantity=9, lease_seconds=9)
    ] == [2] * 4


async def test_a_drain_ends_within_its_delay(trading_worker: Pool) -> None:
    begun = asyncio.Event()

    async def endless(_: object, __: object) -> Ending:
        begun.set()
        await asyncio.Event().wait()
        return None

    await send(trading_worker)
    async with consuming(trading_worker, endless) as consumer:
        await begun.wait()
        started = time.monotonic()
        await consumer.drain(0.3)
        assert time.monotonic() - started < 15
    assert await total(trading_worker, "q_ingest_indicators") == 1, "its lease brings it back"


async def test_a_lost_lease_stops_its_handler_and_is_counted(trading: Pool, trading_worker: Pool) -> None:
    cut = asyncio.Event()

    async def slow(_: object, __: object) -> Ending:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return None

    await send(trading_worker)
    async with consuming(trading_worker, slow, lease_seconds=0.6) as consumer:
        await until_count(trading, "q_ingest_indicators where read_ct = 1", 1)
        await trading.execute(
            "update pgmq.q_ingest_indicators set read_ct = 7, vt = now() + interval '1 hour'"
        )
        await asyncio.wait_for(cut.wait(), 30)
    assert consumer.tally.leases_lost == 1
    assert consumer.tally.endings == {"abandoned": 1}


async def test_newer_senders_and_older_workers_get_along(trading: Pool, trading_worker: Pool) -> None:
    for body in ({**INGEST.payload(), "mood": "new"}, {**INGEST.payload(), "v": 99}):
        await trading.execute("select pgmq.send('ingest_indicators', $1::jsonb)", body)
    async with consuming(trading_worker, complete):
        await until_count(trading, "a_ingest_indicators", 1)
        await until_count(trading, "q_ingest_indicators_dead", 1)
    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")
    assert (dead["code"], dead["original"]["v"]) == ("version_unknown", 99)


async def test_headers_are_kept_with_the_archive(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute(
        "select pgmq.send('ingest_indicators', $1::jsonb, $2::jsonb)", INGEST.payload(), {"trace": "t"}
    )
    async with consuming(trading_worker, complete):
        await until_count(trading, "a_ingest_indicators", 1)
    assert (
        json.dumps(await trading.fetchval("select headers from pgmq.a_ingest_indicators")) == '{"trace": "t"}'
    )


async def test_a_paused_queue_rests_until_it_is_resumed(
    trading: Pool, trading_worker: Pool, trading_dsn: Dsn
) -> None:
    await trading.execute("select queueing.pause('ingest_indicators', 'ada')")
    async with consuming(trading_worker, complete) as consumer:
        waking = asyncio.create_task(app.wake_on_notify(trading_dsn("zmarty_worker"), [consumer]))
        await send(trading_worker, 3)
        await asyncio.sleep(0.5)
        assert await total(trading, "a_ingest_indicators") == 0

        await trading.execute("select queueing.resume('ingest_indicators')")
        await until_count(trading, "a_ingest_indicators", 3, seconds=9)
        waking.cancel()


async def test_an_ending_waits_for_a_database_that_restarts(trading: Pool, trading_dsn: Dsn) -> None:
    async with proxied(trading_dsn("zmarty_worker")) as proxy:
        pool = await pool_through(proxy)

        async def fail_while_it_is_away(_: object, __: object) -> Ending:
            proxy.drop()
            asyncio.get_running_loop().call_later(1.0, proxy.restore)
            raise ValueError("boom")

        await send(trading)
        async with consuming(pool, fail_while_it_is_away, attempts_max=1):
            # The lease would last a minute; the worker is alive and knows how the message ends.
            await until_count(trading, "q_ingest_indicators_dead", 1)
        pool.terminate()
