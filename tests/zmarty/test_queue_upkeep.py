"""What keeps the queues fit: pauses, figures, repair after an upgrade of pgmq, and archives that stay bounded."""

import asyncio

import asyncpg
import pytest

from tests.support.databases import on_every_pgmq
from zmarty import queue
from zmarty.market import Symbol, Timeframe
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool

pytestmark = on_every_pgmq

INGEST = IngestIndicators(symbol=Symbol("BTC/USDT"), timeframe=Timeframe.HOUR_1)
QUEUE = IngestIndicators.queue


async def send(pool: Pool, count: int = 1) -> None:
    async with pool.acquire() as connection:
        for _ in range(count):
            await queue.send(connection, INGEST)


async def take(pool: Pool, quantity: int = 10) -> list[queue.Lease]:
    return await queue.lease(pool, QUEUE, quantity=quantity, lease_seconds=30)


async def stats(pool: Pool) -> asyncpg.Record:
    row = await pool.fetchrow("select * from queueing.stats() where queue = $1", QUEUE)
    assert row is not None
    return row


async def archive(trading: Pool, count: int, *, days_ago: int) -> None:
    await trading.execute(
        "insert into pgmq.a_ingest_indicators (msg_id, vt, message, archived_at) "
        "select coalesce((select max(msg_id) from pgmq.a_ingest_indicators), 0) + n, now(), '{}', "
        "  now() - make_interval(days => $2) - make_interval(secs => n) "
        "from generate_series(1, $1) as n",
        count,
        days_ago,
    )


async def test_a_paused_queue_hands_nothing_out(trading_api: Pool, trading_worker: Pool) -> None:
    await send(trading_worker)
    assert await trading_api.fetchval("select queueing.pause($1, 'ada')", QUEUE) is True
    assert await trading_api.fetchval("select queueing.pause($1, 'bob')", QUEUE) is False

    assert await take(trading_worker) == []
    assert await queue.next_due(trading_worker, QUEUE) is None, "nobody spins on what may not be taken"
    assert (await stats(trading_api))["paused_by"] == "ada"

    assert await trading_api.fetchval("select queueing.resume($1)", QUEUE) is True
    assert await trading_api.fetchval("select queueing.resume($1)", QUEUE) is False
    assert len(await take(trading_worker)) == 1


async def test_resuming_wakes_the_workers(trading: Pool) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await trading.fetchval("select queueing.pause($1, 'ada')", QUEUE)
    async with trading.acquire() as connection:
        await connection.add_listener(queue.CHANNEL, lambda *notice: heard.put_nowait(str(notice[3])))
        await trading.fetchval("select queueing.resume($1)", QUEUE)
        assert await asyncio.wait_for(heard.get(), 30) == QUEUE
        await connection.reset()


async def test_only_queues_that_exist_are_paused(trading_api: Pool) -> None:
    with pytest.raises(asyncpg.UndefinedObjectError):
        await trading_api.fetchval("select queueing.pause('nonsense', 'ada')")


async def test_the_oldest_age_ignores_what_was_postponed(trading: Pool, trading_worker: Pool) -> None:
    await send(trading_worker, 4)
    await trading.execute("update pgmq.q_ingest_indicators set enqueued_at = now() - interval '1 day'")
    failed, worked_on = await take(trading_worker, 2)
    await failed.fail(trading_worker, retry_seconds=3600, code="x", error="x")
    await trading.execute(
        "update pgmq.q_ingest_indicators set vt = now() + interval '1 hour' where msg_id = 4"
    )
    await trading.execute(
        "update pgmq.q_ingest_indicators set vt = now() - interval '7 seconds' where msg_id = 3"
    )

    found = await stats(trading_worker)

    assert (found["depth"], found["due"], found["postponed"], found["in_flight"]) == (4, 1, 2, 1)
    assert 7 <= found["oldest_due_seconds"] < 60
    assert found["total"] == 4
    assert found["table_bytes"] > 0
    assert worked_on.read_count == 1


async def test_what_pins_the_horizon_is_shown(trading: Pool, trading_api: Pool, trading_worker: Pool) -> None:
    async with trading_worker.acquire() as forgotten:
        transaction = forgotten.transaction()
        await transaction.start()
        await queue.send(forgotten, INGEST)
        found = await trading_api.fetchrow("select * from queueing.horizon()")
        await transaction.rollback()
    assert found is not None
    assert (found["application_name"], found["state"]) == ("test-zmarty_worker", "idle in transaction")
    assert found["age_seconds"] >= 0
    assert await trading.fetchval("select count(*) from queueing.horizon()") == 0


async def test_a_complete_queue_needs_no_repair(trading_worker: Pool) -> None:
    assert await queue.repair(trading_worker) == []


@pytest.mark.parametrize(
    ("damage", "missed"),
    [
        (
            "drop trigger notify_sent on pgmq.q_ingest_indicators",
            "trigger notify_sent on q_ingest_indicators",
        ),
        (
            "alter table pgmq.q_ingest_indicators disable trigger notify_sent",
            "trigger notify_sent on q_ingest_indicators",
        ),
        ("drop index pgmq.q_ingest_indicators_unread_once", "index q_ingest_indicators_unread_once"),
        ("drop index pgmq.q_ingest_indicators_vt_idx", "index q_ingest_indicators_vt_idx"),
        (
            "alter table pgmq.q_ingest_indicators reset (autovacuum_vacuum_threshold)",
            "autovacuum of q_ingest_indicators",
        ),
        (
            "alter table pgmq.a_ingest_indicators disable row level security",
            "row level security of a_ingest_indicators",
        ),
        ("drop policy services_keep on pgmq.q_ingest_indicators_dead", "policy of q_ingest_indicators_dead"),
        (
            "revoke delete on pgmq.q_ingest_indicators from zmarty_worker",
            "rights of zmarty_worker on q_ingest_indicators",
        ),
    ],
)
async def test_what_an_upgrade_took_away_is_made_again(
    trading: Pool, trading_worker: Pool, damage: str, missed: str
) -> None:
    await trading.execute(damage)

    assert await queue.repair(trading_worker) == [missed]
    assert await queue.repair(trading_worker) == []


async def test_equal_work_sent_meanwhile_is_not_lost(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute("drop index pgmq.q_ingest_indicators_unread_once")
    async with trading_worker.acquire() as connection:
        for _ in range(3):
            await queue.send_once(connection, INGEST)

        assert await queue.repair(trading_worker) == ["index q_ingest_indicators_unread_once"]

        assert await queue.send_once(connection, INGEST) is None
    assert len(await take(trading_worker)) == 3


async def test_a_busy_queue_is_repaired_another_time(trading: Pool, trading_worker: Pool) -> None:
    await trading.execute("drop trigger notify_sent on pgmq.q_ingest_indicators")
    async with trading.acquire() as holder, holder.transaction():
        await holder.execute("lock table pgmq.q_ingest_indicators in row exclusive mode")
        assert await queue.repair(trading_worker) == []
    assert await queue.repair(trading_worker) != []


async def test_archives_are_pruned_by_age(trading: Pool) -> None:
    await archive(trading, 12000, days_ago=15)
    await archive(trading, 3, days_ago=1)
    async with trading.acquire() as connection:
        await connection.execute("call queueing.keep_up()")
    assert await trading.fetchval("select count(*) from pgmq.a_ingest_indicators") == 3


async def test_archives_are_pruned_by_size(trading: Pool) -> None:
    await archive(trading, 50, days_ago=1)
    await trading.execute("insert into queueing.retentions (queue, rows_max) values ($1, 20)", QUEUE)
    newest = "select array_agg(msg_id) from (select msg_id from pgmq.a_ingest_indicators order by archived_at desc limit 20) as kept"
    kept = await trading.fetchval(newest)

    async with trading.acquire() as connection:
        await connection.execute("call queueing.keep_up()")

    assert await trading.fetchval(newest) == kept
    assert await trading.fetchval("select count(*) from pgmq.a_ingest_indicators") == 20


async def test_upkeep_repairs_too(trading: Pool) -> None:
    await trading.execute("drop trigger notify_sent on pgmq.q_ingest_indicators")
    async with trading.acquire() as connection:
        await connection.execute("call queueing.keep_up()")
    assert await trading.fetchval("select count(*) from queueing.repair_queues()") == 0


async def test_looking_at_a_long_queue_costs_what_a_short_one_does(
    trading: Pool, trading_api: Pool, trading_worker: Pool
) -> None:
    await trading.execute(
        "insert into pgmq.q_ingest_indicators (vt, message) "
        "select now() + make_interval(days => n % 2) - interval '9 seconds', '{}' from generate_series(1, 60000) as n"
    )
    leased = await take(trading_worker, 10)
    await leased[0].fail(trading_worker, retry_seconds=60, code="x", error="x")
    await trading.execute("analyze pgmq.q_ingest_indicators")

    found = await stats(trading_api)

    assert found["in_flight"] == 9
    assert found["depth"] == found["due"] + found["postponed"] + found["in_flight"]
    assert 55_000 <= found["depth"] <= 65_000
    assert found["due"] >= 10_000
    assert found["postponed"] >= 10_000 - 10
    assert 9 <= found["oldest_due_seconds"] < 60


@pytest.mark.parametrize("later", ["0 seconds", "1 day"])
async def test_where_one_kind_is_long_the_others_stay_exact(
    trading: Pool, trading_api: Pool, later: str
) -> None:
    await trading.execute(
        "insert into pgmq.q_ingest_indicators (vt, message) "
        "select now() + $1::text::interval, '{}' from generate_series(1, 20000)",
        later,
    )
    await trading.execute(
        "insert into pgmq.q_ingest_indicators (vt, read_ct, message) values "
        "(now() - interval '1 second', 0, '{}'), (now() + interval '30 seconds', 1, '{}')"
    )
    await trading.execute("analyze pgmq.q_ingest_indicators")

    found = await stats(trading_api)

    waiting = (20_001, 0) if later == "0 seconds" else (1, 20_000)
    assert (found["due"], found["postponed"], found["in_flight"]) == (*waiting, 1)
