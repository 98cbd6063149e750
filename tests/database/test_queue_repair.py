"""The operators' functions of the trading database: retry, discard, purge and the looks, as the API's own role."""

import asyncio
from typing import Any

import asyncpg
import pytest

from zmarty.postgres import Pool

QUEUE = "compute_signals"
ORIGINAL = {"symbol": "BTC/USDT", "timeframe": "1h"}


async def bury(trading: Pool, letter: Any) -> int:
    sent: int = await trading.fetchval(f"select pgmq.send('{QUEUE}_dead', $1::jsonb)", letter)
    return sent


async def waiting(trading: Pool) -> list[Any]:
    rows = await trading.fetch(f"select message, read_ct from pgmq.q_{QUEUE} order by msg_id")
    assert all(row["read_ct"] == 0 for row in rows)
    return [row["message"] for row in rows]


async def letters_left(trading: Pool) -> list[int]:
    return [
        row["msg_id"] for row in await trading.fetch(f"select msg_id from pgmq.q_{QUEUE}_dead order by 1")
    ]


async def retry(pool: Pool, *ids: int) -> int:
    retried: int = await pool.fetchval("select queueing.retry_dead($1, $2)", QUEUE, list(ids))
    return retried


async def test_a_retried_letter_is_a_new_message_and_an_archived_letter(
    trading: Pool, trading_api: Pool
) -> None:
    letter = await bury(trading, {"code": "x", "original": ORIGINAL})

    assert await retry(trading_api, letter) == 1
    assert await retry(trading_api, letter) == 0

    assert await waiting(trading) == [ORIGINAL]
    assert await letters_left(trading) == []
    assert await trading.fetchval(f"select msg_id from pgmq.a_{QUEUE}_dead") == letter


async def test_two_operators_retry_a_letter_once(trading: Pool, trading_api: Pool) -> None:
    letters = [
        await bury(trading, {"original": ORIGINAL | {"opened_at": f"2026-01-{day:02}T00:00:00Z"}})
        for day in range(1, 29)
    ]

    counts = await asyncio.gather(*(retry(trading_api, *letters) for _ in range(8)))

    assert sum(counts) == len(letters)
    assert len(await waiting(trading)) == len(letters)


async def test_coalesced_work_stays_coalesced(trading: Pool, trading_api: Pool) -> None:
    await trading.execute("select queueing.send_once($1, $2)", QUEUE, ORIGINAL)
    (message,) = await waiting(trading)
    letters = [await bury(trading, {"original": message}) for _ in range(2)]

    assert await retry(trading_api, *letters) == 2

    assert await waiting(trading) == [message]
    assert await letters_left(trading) == []


@pytest.mark.parametrize("letter", ['"text"', "[1]", '{"code": "no original"}', "null"])
async def test_a_letter_without_an_original_stays(trading: Pool, trading_api: Pool, letter: str) -> None:
    # Text passes to jsonb as it is.
    sent = await bury(trading, letter)

    assert await retry(trading_api, sent) == 0
    assert await letters_left(trading) == [sent]


async def test_an_original_null_goes_back_as_it_was(trading: Pool, trading_api: Pool) -> None:
    letter = await bury(trading, {"original": None})

    assert await retry(trading_api, letter) == 1
    assert await waiting(trading) == [None]


async def test_a_discarded_letter_is_kept_in_the_archive(trading: Pool, trading_api: Pool) -> None:
    letters = [await bury(trading, {"original": ORIGINAL}) for _ in range(3)]

    assert await trading_api.fetchval("select queueing.discard_dead($1, $2)", QUEUE, letters[:2]) == 2

    assert await letters_left(trading) == letters[2:]
    assert await waiting(trading) == []
    assert await trading.fetchval(f"select count(*) from pgmq.a_{QUEUE}_dead") == 2


@pytest.mark.parametrize("queue", ["nothing", "compute_signals_dead", "q; drop table candles", None])
@pytest.mark.parametrize(
    "call",
    ["retry_dead($1, '{1}')", "discard_dead($1, '{1}')", "purge($1, 1)", "peek($1, null, null, 1)"],
)
async def test_an_unknown_queue_is_refused_and_the_known_are_named(
    trading_api: Pool, call: str, queue: str | None
) -> None:
    with pytest.raises(asyncpg.UndefinedObjectError, match="compute_signals, compute_winrate"):
        await trading_api.execute(f"select queueing.{call}", queue)


async def test_lists_are_bounded(trading_api: Pool) -> None:
    for call in (f"retry_dead('{QUEUE}', $1)", f"discard_dead('{QUEUE}', $1)"):
        for ids in ([1] * 1001, [1, None], None):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                await trading_api.fetchval(f"select queueing.{call}", ids)
    for quantity in (0, 10001, None):
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await trading_api.fetchval(f"select queueing.purge('{QUEUE}', $1)", quantity)


async def test_peek_says_how_a_message_stands(trading: Pool, trading_api: Pool) -> None:
    due, leased, postponed, failed = [
        await trading.fetchval(f"select pgmq.send('{QUEUE}', $1::jsonb)", ORIGINAL | {"number": number})
        for number in range(4)
    ]
    table = f"pgmq.q_{QUEUE}"
    await trading.execute(
        f"update {table} set read_ct = 1, vt = now() + interval '1 min' where msg_id = any ($1)",
        [leased, failed],
    )
    await trading.execute(f"update {table} set vt = now() + interval '1 hour' where msg_id = $1", postponed)
    await trading.execute(
        f"insert into queueing.failures (queue, msg_id, code, error, due_at) "
        f"select '{QUEUE}', msg_id, 'vendor_unavailable', 'status 503', vt from {table} where msg_id = $1",
        failed,
    )

    rows = await trading_api.fetch("select * from queueing.peek($1, null, null, 10)", QUEUE)
    following = await trading_api.fetch(
        "select * from queueing.peek($1, $2, $3, 10)", QUEUE, rows[0]["due_at"], rows[0]["msg_id"]
    )
    (stats,) = await trading_api.fetch("select * from queueing.stats() where queue = $1", QUEUE)

    assert {row["msg_id"]: row["state"] for row in rows} == {
        due: "due",
        leased: "in_flight",
        postponed: "postponed",
        failed: "postponed",
    }
    assert [row["msg_id"] for row in following] == [row["msg_id"] for row in rows[1:]]
    assert [row["failure"] for row in rows if row["msg_id"] == failed] == ["status 503"]
    assert (stats["due"], stats["in_flight"], stats["postponed"]) == (1, 1, 2)


async def test_a_purge_takes_steps_and_leaves_no_memory(trading: Pool, trading_api: Pool) -> None:
    await trading.execute(f"select pgmq.send('{QUEUE}', '{{}}'::jsonb) from generate_series(1, 5)")
    await trading.execute(
        f"insert into queueing.failures (queue, msg_id, code, error) select '{QUEUE}', msg_id, 'x', 'x' from pgmq.q_{QUEUE}"
    )
    await bury(trading, {"original": ORIGINAL})

    purged = [await trading_api.fetchval("select queueing.purge($1, 3)", QUEUE) for _ in range(3)]

    assert purged == [3, 2, 0]
    assert await trading.fetchval("select count(*) from queueing.failures") == 0
    assert len(await letters_left(trading)) == 1


async def test_dead_letters_of_all_queues_come_newest_first(trading: Pool, trading_api: Pool) -> None:
    for number, queue in enumerate(["compute_signals", "ingest_indicators", "compute_signals"]):
        await trading.execute(f"select pgmq.send('{queue}_dead', $1::jsonb)", {"number": number})

    call = "select * from queueing.dead_letters($1, $2, $3, $4, 2)"
    first = await trading_api.fetch(call, None, None, None, None)
    last = first[-1]
    rest = await trading_api.fetch(call, None, last["buried_at"], last["queue_name"], last["msg_id"])
    one = await trading_api.fetch(call, "ingest_indicators", None, None, None)

    assert [row["message"]["number"] for row in (*first, *rest)] == [2, 1, 0]
    assert [row["message"]["number"] for row in one] == [1]


async def test_a_parked_change_is_given_to_the_relay_again(chat: Pool, chat_api: Pool) -> None:
    parked, delivered, pending = [
        await chat.fetchval(
            "insert into outbox (user_id, payload, parked_at, delivered_at, attempts) "
            f"values (gen_random_uuid(), '{{}}', {parked_at}, {delivered_at}, 7) returning id"
        )
        for parked_at, delivered_at in (("now()", "null"), ("null", "now()"), ("null", "null"))
    ]

    call = "select private.retry_outbox($1)"
    assert await chat_api.fetchval(call, [parked, delivered, pending, 99]) == [parked]
    assert await chat_api.fetchval(call, [parked]) == []
    row = await chat.fetchrow("select parked_at, attempts from outbox where id = $1", parked)
    assert row is not None
    assert tuple(row) == (None, 0)
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await chat_api.fetchval(call, [1] * 1001)
