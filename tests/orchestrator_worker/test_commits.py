"""Deliveries that share a transaction: together when all goes well, and each by itself when a neighbour fails."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from orchestrator_worker.commits import Commits, Unshared
from orchestrator_worker.ending import Ending
from orchestrator_worker.resources import Resources
from tests.orchestrator_worker.consuming import complete, consuming, send, total, until_count
from zmarty import queue
from zmarty.errors import LeaseLost
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import Delivery, Lease

INSERT = "insert into recent_errors (service, code, message, msg_id) values ('test', 'done', '', $1)"


async def leased(pool: Pool, count: int) -> Sequence[Lease]:
    await send(pool, count)
    return await queue.lease(pool, "ingest_indicators", quantity=count, lease_seconds=30)


def sharing(pool: Pool) -> Commits:
    commits = Commits(pool, lambda _: None)
    # As after a few short blocks.
    commits._block_seconds = 0.0
    return commits


async def write(commits: Commits, lease: Lease, *, fails: bool = False) -> None:
    async with commits.completing(lease) as connection:
        await connection.execute(INSERT, lease.id)
        if fails:
            raise ZeroDivisionError


async def transactions(trading: Pool) -> int:
    return int(
        await trading.fetchval("select count(distinct xmin::text) from recent_errors where code = 'done'")
    )


async def slow_commits(trading: Pool, *, seconds: float) -> None:
    await trading.execute(
        f"""
        create function slow() returns trigger language plpgsql as 'begin perform pg_sleep({seconds}); return null; end';
        create constraint trigger slow after insert on pgmq.a_ingest_indicators deferrable initially deferred
          for each row execute function slow();
        """
    )


async def test_those_who_complete_together_share_a_commit(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 10)

    await asyncio.gather(*(write(commits, lease) for lease in leases))

    assert await total(trading, "a_ingest_indicators") == 10
    assert await transactions(trading) <= 2


async def test_a_failing_neighbour_leaves_nothing_half_done(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 5)

    ended = await asyncio.gather(
        *(write(commits, lease, fails=lease.id == 3) for lease in leases), return_exceptions=True
    )

    assert [type(end) for end in ended] == [Unshared, Unshared, ZeroDivisionError, type(None), type(None)]
    rows = await trading.fetch("select msg_id from recent_errors where code = 'done' order by 1")
    assert [row["msg_id"] for row in rows] == [4, 5]
    assert await total(trading, "a_ingest_indicators") == 2
    assert await total(trading, "q_ingest_indicators") == 3


async def test_a_crowd_passes_through_slow_commits(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 60)
    await slow_commits(trading, seconds=0.02)
    rest = iter(leases)

    async def write_on() -> None:
        for lease in rest:
            await write(commits, lease)

    await asyncio.gather(*(write_on() for _ in range(10)))

    assert await total(trading, "a_ingest_indicators") == 60


async def test_the_next_is_written_while_one_commits(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 4)
    await slow_commits(trading, seconds=0.3)
    first = asyncio.create_task(write(commits, leases[0]))
    while leases[0].id not in {lease.id for lease in leases if lease.ending}:
        await asyncio.sleep(0.01)

    await asyncio.gather(*(write(commits, lease) for lease in leases[1:]))

    await first
    spans = await trading.fetch("select min(occurred_at) as begun from recent_errors group by xmin::text")
    assert len(spans) == 2
    assert abs(spans[0]["begun"] - spans[1]["begun"]) < timedelta(seconds=0.25)


async def test_a_lost_lease_is_refused_alone(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 3)
    await trading.execute("update pgmq.q_ingest_indicators set read_ct = 9 where msg_id = 2")

    ended = await asyncio.gather(*(write(commits, lease) for lease in leases), return_exceptions=True)

    assert [type(end) for end in ended] == [type(None), LeaseLost, type(None)]
    assert await total(trading, "a_ingest_indicators") == 2


async def test_who_is_cancelled_while_waiting_is_not_archived(trading: Pool, trading_worker: Pool) -> None:
    commits = sharing(trading_worker)
    leases = await leased(trading_worker, 3)
    first_writes, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with commits.completing(leases[0]) as connection:
            await connection.execute(INSERT, leases[0].id)
            first_writes.set()
            await go_on.wait()

    first = asyncio.create_task(slowly())
    second, third = (asyncio.create_task(write(commits, lease)) for lease in leases[1:])
    await first_writes.wait()
    second.cancel()
    go_on.set()

    with pytest.raises(Unshared):
        await first
    with pytest.raises(asyncio.CancelledError):
        await second
    await third
    rows = await trading.fetch("select msg_id from pgmq.q_ingest_indicators order by 1")
    assert [row["msg_id"] for row in rows] == [1, 2]


async def test_long_blocks_do_not_share(trading: Pool, trading_worker: Pool) -> None:
    commits = Commits(trading_worker, lambda _: None)
    leases = await leased(trading_worker, 4)

    async def slowly(lease: Lease) -> None:
        async with commits.completing(lease) as connection:
            await connection.execute(INSERT, lease.id)
            await asyncio.sleep(0.1)

    await asyncio.gather(*(slowly(lease) for lease in leases))
    assert await transactions(trading) == 4


async def test_everything_is_done_once_beside_a_failing_neighbour(
    trading: Pool, trading_worker: Pool
) -> None:
    async def handle(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
        async with delivery.completing(resources.trading) as connection:
            await connection.execute(INSERT, delivery.id)
            if delivery.id % 20 == 0 and delivery.read_count == 1:
                await connection.execute("select 1 / 0")
        return None

    await send(trading_worker, 200)
    async with consuming(trading_worker, handle, concurrency=10, retry_base_seconds=0.01) as consumer:
        await until_count(trading, "a_ingest_indicators", 200, seconds=50)

    rows = await trading.fetch("select msg_id from recent_errors where code = 'done' order by 1")
    assert [row["msg_id"] for row in rows] == list(range(1, 201))
    assert (
        await trading.fetchval("select max(read_ct) from pgmq.a_ingest_indicators where msg_id % 20 <> 0")
        == 1
    )
    assert consumer.tally.endings == {"done": 200, "failed": 10}


async def test_one_at_a_time_is_one_after_another(trading: Pool, trading_worker: Pool) -> None:
    open_now = 0

    async def handle(delivery: Delivery[IngestIndicators], resources: Resources) -> Ending:
        nonlocal open_now
        open_now += 1
        assert open_now == 1
        await complete(delivery, resources)
        assert await trading.fetchval("select count(*) from pgmq.a_ingest_indicators") == delivery.id
        open_now -= 1
        return None

    await send(trading_worker, 20)
    async with consuming(trading_worker, handle, concurrency=1):
        await until_count(trading, "a_ingest_indicators", 20)
    assert await total(trading, "q_ingest_indicators") == 0
