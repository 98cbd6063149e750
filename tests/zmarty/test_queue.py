"""Leases and endings on real pgmq: fenced, atomic with their effects, and coalesced only where we sent it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.databases import on_every_pgmq
from zmarty import queue
from zmarty.errors import LeaseLost
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, IngestIndicators
from zmarty.postgres import Pool

pytestmark = on_every_pgmq

INGEST = IngestIndicators(symbol=Symbol("BTC/USDT"), timeframe=Timeframe.HOUR_1)
QUEUE = IngestIndicators.queue


async def take(pool: Pool, *, quantity: int = 10, lease_seconds: float = 30) -> list[queue.Lease]:
    return await queue.lease(pool, QUEUE, quantity=quantity, lease_seconds=lease_seconds)


async def only(pool: Pool, *, lease_seconds: float = 30) -> queue.Lease:
    [taken] = await take(pool, lease_seconds=lease_seconds)
    return taken


async def count(pool: Pool, table: str) -> int:
    return int(await pool.fetchval(f"select count(*) from {table}"))


async def test_effects_follow_ups_and_the_archive_commit_together(
    trading_worker: Pool, trading: Pool
) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
    delivery = queue.Delivery(INGEST, await only(trading_worker))

    async with delivery.completing(trading_worker) as connection:
        await queue.send(connection, ComputeSignals(symbol=INGEST.symbol, timeframe=INGEST.timeframe))
        assert await count(trading, "pgmq.q_compute_signals") == 0, "nothing shows before the commit"

    assert delivery.completed
    assert await count(trading, "pgmq.q_ingest_indicators") == 0
    assert await count(trading, "pgmq.a_ingest_indicators") == 1
    assert await count(trading, "pgmq.q_compute_signals") == 1


async def test_a_failing_effect_takes_the_archive_with_it(trading_worker: Pool, trading: Pool) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
    delivery = queue.Delivery(INGEST, await only(trading_worker))

    with pytest.raises(ZeroDivisionError):
        async with delivery.completing(trading_worker):
            raise ZeroDivisionError

    assert not delivery.completed
    assert await count(trading, "pgmq.q_ingest_indicators") == 1
    assert await count(trading, "pgmq.a_ingest_indicators") == 0


async def test_a_late_completion_writes_nothing(trading_worker: Pool, trading: Pool) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
    slow = queue.Delivery(INGEST, await only(trading_worker, lease_seconds=0))
    quick = queue.Delivery(INGEST, await only(trading_worker))

    with pytest.raises(LeaseLost):
        async with slow.completing(trading_worker) as connection:
            await queue.send(connection, INGEST)
    for late in (
        slow.lease.renew(trading_worker, seconds=9),
        slow.lease.bury(trading_worker, code="x", error="x"),
    ):
        with pytest.raises(LeaseLost):
            await late
    async with quick.completing(trading_worker):
        pass

    assert await count(trading, "pgmq.a_ingest_indicators") == 1
    assert await count(trading, "pgmq.q_ingest_indicators") == 0


async def test_two_workers_never_share_a_message(trading_worker: Pool) -> None:
    async with trading_worker.acquire() as connection:
        sent = {await queue.send(connection, INGEST) for _ in range(40)}

    taken = await asyncio.gather(*(take(trading_worker, quantity=5) for _ in range(10)))

    assert sorted(lease.id for leases in taken for lease in leases) == sorted(sent)


async def test_a_postponed_message_comes_back_when_due(trading_worker: Pool) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
    lease = await only(trading_worker)

    await lease.postpone(trading_worker, seconds=60)

    assert await take(trading_worker) == []
    due_at = await queue.next_due(trading_worker, QUEUE)
    assert due_at is not None
    assert timedelta(seconds=55) < due_at - datetime.now(UTC) < timedelta(seconds=65)
    # The fence is still ours: nobody has read it since.
    await lease.postpone(trading_worker, seconds=0)
    assert (await only(trading_worker)).read_count == 2


async def test_a_handed_back_message_counts_no_attempt(trading_worker: Pool) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
    first = await only(trading_worker)
    await queue.hand_back(trading_worker, [first])
    second = await only(trading_worker)
    await queue.hand_back(trading_worker, [second])

    assert (await only(trading_worker)).read_count == 2, "never below 1, so that it does not look unread"


async def test_a_buried_message_keeps_its_story(trading_worker: Pool, trading: Pool) -> None:
    body: dict[str, Any] = {"symbol": "BTC/USDT", "timeframe": "1h", "note": "mine"}
    await trading.fetchval("select pgmq.send('ingest_indicators', $1::jsonb)", body)
    await (await only(trading_worker)).fail(trading_worker, retry_seconds=0, code="first", error="no answer")
    await (await only(trading_worker)).bury(
        trading_worker, code="handler_failed", error="boom", traceback="line 1"
    )

    dead = await trading.fetchval("select message from pgmq.q_ingest_indicators_dead")

    assert (dead["code"], dead["error"], dead["traceback"], dead["attempts"]) == (
        "handler_failed",
        "boom",
        "line 1",
        2,
    )
    assert dead["original"] == body
    assert dead["first_failed_at"] < dead["last_failed_at"]
    assert await count(trading, "queueing.failures") == 0
    assert await count(trading, "pgmq.q_ingest_indicators") == 0


async def test_equal_unread_work_of_ours_is_coalesced(trading_worker: Pool, trading: Pool) -> None:
    async with trading_worker.acquire() as connection:
        first = await queue.send_once(connection, INGEST)
        again = await queue.send_once(connection, INGEST)
        by_hand = [await queue.send(connection, INGEST) for _ in range(2)]
    assert first is not None
    assert again is None
    assert len(await take(trading_worker)) == 3, "messages sent by hand are never merged away"

    async with trading_worker.acquire() as connection:
        assert await queue.send_once(connection, INGEST) is not None, "a running job absorbs nothing"
    assert by_hand


async def test_coalescing_leaves_the_callers_transaction_usable(trading_worker: Pool, trading: Pool) -> None:
    async with trading_worker.acquire() as connection, connection.transaction():
        await queue.send_once(connection, INGEST)
        assert await queue.send_once(connection, INGEST) is None
        await queue.send(connection, ComputeSignals(symbol=INGEST.symbol, timeframe=INGEST.timeframe))
    assert await count(trading, "pgmq.q_compute_signals") == 1


async def test_sending_wakes_listeners_once_a_statement(trading: Pool, trading_worker: Pool) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with trading.acquire() as connection:
        await connection.add_listener(queue.CHANNEL, lambda *notice: heard.put_nowait(str(notice[3])))
        await trading_worker.fetch(
            "select pgmq.send_batch('ingest_indicators'::text, array_fill($1::jsonb, array[20]))",
            INGEST.payload(),
        )
        assert await asyncio.wait_for(heard.get(), 30) == QUEUE
        await connection.execute("select 1")
        assert heard.empty()
        await connection.reset()


async def test_a_postponed_crowd_does_not_slow_the_head(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute(
        "insert into pgmq.q_ingest_indicators (vt, message) "
        "select now() + interval '1 hour', '{}' from generate_series(1, 20000)"
    )
    async with trading_worker.acquire() as connection:
        sent = await queue.send(connection, INGEST)
    await trading.execute("analyze pgmq.q_ingest_indicators")

    assert (await only(trading_worker)).id == sent
    async with trading_worker.acquire() as connection:
        plan = await connection.fetch(
            "explain "
            + queue.statements(QUEUE)["lease"]
            .replace("$1::integer", "1")
            .replace("$2::double precision", "30")
        )
    assert "q_ingest_indicators_vt_idx" in "\n".join(row[0] for row in plan)


async def test_metrics_are_pgmqs_own(trading_worker: Pool) -> None:
    async with trading_worker.acquire() as connection:
        await queue.send(connection, INGEST)
        counted = await queue.metrics(connection, QUEUE)
    assert (counted.queue_name, counted.queue_length, counted.total_messages) == (QUEUE, 1, 1)
    assert await queue.depth(trading_worker, QUEUE) == 1


@pytest.mark.parametrize("name", ["lease", "complete", "complete_all", "renew_all", "move_due", "next_due"])
async def test_an_empty_queue_is_planned_for_its_backlog(
    trading: Pool, trading_worker: Pool, name: str
) -> None:
    await trading.execute("analyze pgmq.q_ingest_indicators")
    text = queue.statements(QUEUE)[name]
    for place, value in {
        "$1::bigint[]": "'{1}'::bigint[]",
        "$2::integer[]": "'{1}'::integer[]",
        "$1::integer": "1",
        "$1::bigint": "1",
        "$2::integer": "1",
        "$2::double precision": "30",
        "$3::double precision": "30",
    }.items():
        text = text.replace(place, value)
    async with trading_worker.acquire() as connection:
        plan = "\n".join(row[0] for row in await connection.fetch("explain " + text))
    assert "Index" in plan
    assert "Seq Scan on q_ingest_indicators" not in plan
    assert "Sort" not in plan
