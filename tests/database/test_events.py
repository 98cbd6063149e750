"""Event rows: one for each statement and pair, in the transaction of the change, bounded, and cheap."""

import json
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from zmarty import jobs
from zmarty.postgres import Pool

SAVE_CANDLES = """
insert into candles (symbol, timeframe, opened_at, exchange, open, high, low, close, volume, source)
select symbol, '1h', date_trunc('hour', now()) - n * interval '1 minute', 'binance', 1, 1, 1, 1, $2, 'exchange'
from unnest($1::text[]) as symbol, generate_series(1, 50) as n
on conflict (symbol, timeframe, opened_at, exchange) do update set volume = excluded.volume
  where candles.volume <> excluded.volume
"""


async def told(trading: Pool) -> list[dict[str, Any]]:
    rows = await trading.fetch("select type, user_id, symbol, timeframe, data from events order by xid, id")
    return [dict(row) for row in rows]


async def test_one_event_for_each_statement_and_pair(trading: Pool, trading_worker: Pool) -> None:
    await trading_worker.execute(SAVE_CANDLES, ["BTC/USDT", "ETH/USDT"], 1)
    assert sorted(event["symbol"] for event in await told(trading)) == ["BTC/USDT", "ETH/USDT"]
    assert [event["data"]["count"] for event in await told(trading)] == [50, 50]

    await trading_worker.execute(SAVE_CANDLES, ["BTC/USDT"], 1)
    assert len(await told(trading)) == 2, "nothing changed, so nothing is told"

    await trading_worker.execute(SAVE_CANDLES, ["BTC/USDT"], 2)
    assert len(await told(trading)) == 3


async def test_events_are_written_with_the_change_or_not_at_all(trading: Pool) -> None:
    async with trading.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(SAVE_CANDLES, ["BTC/USDT"], 1)
        assert await connection.fetchval("select count(*) from events") == 1
        await transaction.rollback()
    assert await told(trading) == []


async def test_a_job_tells_of_full_hundredths(trading: Pool) -> None:
    job_id = await jobs.create(trading, kind="sync", user_id=uuid4())
    for step in range(1, 1001):
        await jobs.progress(trading, job_id, step / 2000)
    await jobs.cancel(trading, job_id)

    events = await told(trading)
    assert len(events) == 1 + 51 + 1
    assert events[-1]["data"] == {
        "id": str(job_id),
        "kind": "sync",
        "state": "running",
        "progress": 0.5,
        "cancel_requested": True,
    }


async def test_notifications_are_short_hints(trading: Pool) -> None:
    heard: list[str] = []
    listening = await trading.acquire()
    await listening.add_listener("zmarty_changed", lambda *told: heard.append(str(told[-1])))
    await trading.execute(SAVE_CANDLES, ["BTC/USDT"], 1)
    job_id = await jobs.create(trading, kind="sync", user_id=None)
    user_id = uuid4()
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'BTC/USDT', '1h', true, 1)",
        user_id,
    )
    await listening.fetchval("select true")

    assert heard == ["candles:BTC/USDT 1h", f"jobs:{job_id}", f"watchers:{user_id}"]
    assert max(map(len, heard)) <= 200
    await listening.reset()


async def test_the_ledger_never_notifies(chat: Pool) -> None:
    channels = await chat.fetchval(
        """
        select count(*) from pg_trigger join pg_proc on pg_proc.oid = tgfoid
        where tgrelid in ('credits_ledger'::regclass, 'credit_accounts'::regclass, 'credit_holds'::regclass)
          and prosrc like '%pg_notify%'
        """
    )
    assert channels == 0


async def test_queues_write_no_events(trading: Pool) -> None:
    await trading.execute("select pgmq.send('compute_signals', $1)", json.dumps({"symbol": "BTC/USDT"}))
    await trading.execute("select pgmq.archive('compute_signals', 1::bigint)")
    assert await told(trading) == []


async def test_old_events_are_trimmed_and_the_place_is_marked(trading: Pool) -> None:
    await trading.execute(
        """
        insert into events (type, symbol, timeframe, created_at)
        select 'candle', 'BTC/USDT', '1h', now() - n * interval '1 hour' from generate_series(20, 1, -1) as n
        """
    )
    assert await trading.fetchval("select private.trim_events()") == 9
    assert await trading.fetchval("select private.trim_events()") == 0

    first = await trading.fetchrow("select xid, id from events order by xid, id limit 1")
    mark = await trading.fetchrow("select xid, id from private.trimmed_events")
    assert first is not None
    assert mark is not None
    assert (mark["xid"], mark["id"] + 1) == (first["xid"], first["id"])


async def test_many_events_are_trimmed_to_a_bound(trading: Pool) -> None:
    await trading.execute(
        "insert into events (type, symbol, timeframe) select 'candle', 'BTC/USDT', '1h' from generate_series(1, 100050)"
    )
    assert await trading.fetchval("select private.trim_events()") == 50
    assert await trading.fetchval("select count(*) from events") == 100_000


async def test_a_restored_dump_heals(trading: Pool) -> None:
    """Its transactions lie in another cluster's future: nobody would ever get to read what they wrote."""
    await trading.execute("insert into events (xid, type) values ('99999999999', 'job')")
    await trading.execute("update private.trimmed_events set xid = '99999999998'")

    await trading.execute("select private.trim_events()")

    assert await told(trading) == []
    assert await trading.fetchval(
        "select xid <= pg_snapshot_xmin(pg_current_snapshot()) from private.trimmed_events"
    )


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_browsers_reach_no_event(trading: Pool, role: str) -> None:
    async with trading.acquire() as connection, connection.transaction():
        await connection.execute(f"set local role {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select from events")
