"""The loop by itself: order, claims, retries, parking and the end of a worker, against a function that follows a script."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from orchestrator_worker.relay import store
from orchestrator_worker.relay.batch import Event
from orchestrator_worker.relay.relay import Bounds
from tests.conftest import logged_in
from tests.orchestrator_worker.relay.conftest import QUICK, Relaying
from tests.orchestrator_worker.relay.functions import ScriptedFunction, batch_answer, scripted, until
from tests.support.databases import Database
from zmarty.postgres import Connection, Pool

APPLIED = (200, {"result": "applied"})


async def write(chat: Pool | Connection, user: UUID, count: int = 1) -> list[int]:
    """Outbox rows as the trigger writes them, one transaction each unless the caller holds one."""
    payload = {"type": "INSERT", "record": {"user_id": str(user)}, "old_record": None}
    insert = "insert into outbox (user_id, payload) values ($1, $2) returning id"
    return [await chat.fetchval(insert, user, payload) for _ in range(count)]


async def open_rows(chat: Pool) -> int:
    rows: int = await chat.fetchval(
        "select count(*) from outbox where delivered_at is null and parked_at is null"
    )
    return rows


async def all_ended(chat: Pool) -> bool:
    return await open_rows(chat) == 0


async def claim(
    chat: Pool, claim_id: str, *, rows_max: int = 8, rows_of_user_max: int = 1, lease_seconds: float = 5
) -> list[Event]:
    async with chat.acquire() as connection, connection.transaction():
        await store.take_turn(connection)
        events = await store.claim(
            connection,
            claim_id=claim_id,
            lease_seconds=lease_seconds,
            rows_max=rows_max,
            rows_of_user_max=rows_of_user_max,
        )
    return sorted(events, key=lambda event: event.id)


async def test_two_relays_keep_each_users_order(chat: Pool, relaying: Relaying) -> None:
    users = [uuid4() for _ in range(6)]
    written = {user: await write(chat, user, 10) for user in users}

    async with scripted(seconds=0.005) as function, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(relaying(function.url))
        for user in users:
            written[user] += await write(chat, user, 10)
        await until(lambda: all_ended(chat))

    assert function.attempts.total() == 120
    for user, ids in written.items():
        assert [event_id for event_id in function.ids if event_id in ids] == ids
        assert function.in_flight_max[str(user)] == 1
    assert function.requests_at_once_max > 1


async def test_failing_rows_keep_their_order_with_two_relays(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    ids = await write(chat, user, 12)
    script = lambda event_id, attempt: (503, {}) if attempt < 3 else APPLIED  # noqa: E731

    async with scripted(script=script) as function, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(relaying(function.url))
        await until(lambda: all_ended(chat))

    # A batch fails with any of its rows, so that some are tried more often; none arrives before those ahead of it.
    assert function.delivered == ids
    assert min(function.attempts.values()) == 3
    assert function.in_flight_max[str(user)] == 1


async def test_a_row_committed_late_is_not_passed_over(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    async with scripted(seconds=0.05) as function, relaying(function.url):
        async with chat.acquire() as connection:
            late = connection.transaction()
            await late.start()
            [first] = await write(connection, user)
            [second] = await write(chat, user)
            await until(lambda: in_flight(function, user))
            await late.commit()
        await until(lambda: all_ended(chat))

    assert function.ids == [second, first]
    assert function.in_flight_max[str(user)] == 1


async def in_flight(function: ScriptedFunction, user: UUID) -> bool:
    return function.in_flight[str(user)] == 1


async def test_claims_that_race_take_one_row_of_a_user(chat: Pool) -> None:
    user = uuid4()
    await write(chat, user, 3)

    claimed = await asyncio.gather(*(claim(chat, f"relay {number}") for number in range(8)))

    assert sum(len(events) for events in claimed) == 1


async def test_a_claim_sees_every_earlier_claim(chat: Pool) -> None:
    user = uuid4()
    async with chat.acquire() as late, chat.acquire() as early:
        writing, claiming = late.transaction(), early.transaction()
        await writing.start()
        await write(late, user)
        [second] = await write(chat, user)
        await claiming.start()
        await store.take_turn(early)
        [claimed] = await store.claim(
            early, claim_id="early", lease_seconds=5, rows_max=8, rows_of_user_max=8
        )
        await writing.commit()

        other = asyncio.create_task(claim(chat, "other"))
        await until(lambda: chat.fetchval("select count(*) > 0 from pg_locks where not granted"))
        await claiming.commit()

    assert claimed.id == second
    assert await other == []


async def test_a_backlog_the_planner_does_not_know_is_claimed_at_once(chat: Pool) -> None:
    backlog = """
        insert into outbox (user_id, payload)
        select md5((number % 2000)::text)::uuid, '{}' from generate_series(1, 20000) as number"""
    await chat.execute(backlog)

    started = time.monotonic()
    claimed = await claim(chat, "relay", rows_max=400, rows_of_user_max=50)

    assert {event.id for event in claimed} == {
        user + 2000 * row for user in range(1, 41) for row in range(10)
    }
    assert time.monotonic() - started < 5


async def test_a_parked_row_holds_nobody_else_up(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    [first, bad, last] = await write(chat, user, 3)
    refusal = {"error": "field_invalid", "message": "record.symbol: must be canonical"}
    script = lambda event_id, attempt: (422, refusal) if event_id == bad else APPLIED  # noqa: E731

    async with scripted(script=script) as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert function.batches == [[first, bad, last]]
    parked = await chat.fetchrow("select id, attempts, last_error from outbox where parked_at is not null")
    assert parked is not None
    assert (parked["id"], parked["attempts"]) == (bad, 1)
    assert parked["last_error"].startswith("422 ")
    error = await chat.fetchrow("select service, code, message from recent_errors")
    assert error is not None
    assert (error["service"], error["code"]) == ("worker", "outbox_parked")
    assert error["message"].startswith(f"outbox row {bad}: 422 ")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_refused_for_good_is_parked_at_once(
    chat: Pool, relaying: Relaying, status: int
) -> None:
    await write(chat, uuid4())

    async with scripted(script=lambda *_: (status, {})) as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert len(function.ids) == 1


@pytest.mark.parametrize(
    "failure", [(500, {}), (503, {}), (401, {}), (404, b"no function"), (200, b"<html>"), (200, {})]
)
async def test_what_may_succeed_later_is_tried_again(
    chat: Pool, relaying: Relaying, failure: tuple[int, object]
) -> None:
    await write(chat, uuid4())
    script = lambda _, attempt: failure if attempt < 3 else APPLIED  # noqa: E731

    async with scripted(script=script) as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    row = await chat.fetchrow("select attempts, delivered_at, parked_at, last_error from outbox")
    assert row is not None
    assert (row["attempts"], row["parked_at"], row["last_error"]) == (3, None, None)
    assert len(function.ids) == 3


async def test_a_row_that_never_succeeds_is_parked_in_the_end(chat: Pool, relaying: Relaying) -> None:
    await write(chat, uuid4())

    bounds = replace(QUICK, attempts_max=3)

    async with scripted(script=lambda *_: (503, {})) as function, relaying(function.url, bounds=bounds):
        await until(lambda: all_ended(chat))

    assert len(function.ids) == 3
    assert "gave up after 3 attempts: 503" in await chat.fetchval("select message from recent_errors")


async def test_a_function_that_hangs_is_not_waited_for(chat: Pool, relaying: Relaying) -> None:
    await write(chat, uuid4())

    bounds = replace(QUICK, request_seconds=0.2)

    async with scripted(seconds=30) as function, relaying(function.url, bounds=bounds):
        await until(lambda: chat.fetchval("select last_error like '%Timeout%' from outbox"), 15)


async def test_a_dead_relays_claim_runs_out(chat: Pool, relaying: Relaying) -> None:
    [row_id] = await write(chat, uuid4())
    started = time.monotonic()
    claimed = "update outbox set claimed_by = 'dead', attempts = 1, claimed_until = now() + interval '300 ms'"
    await chat.execute(claimed)

    async with scripted() as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert function.ids == [row_id]
    assert time.monotonic() - started >= 0.3, "taken while the claim still held"


async def test_a_row_that_fell_due_since_the_claim_is_not_slept_through(chat: Pool) -> None:
    user = uuid4()
    await write(chat, user, 2)
    waiting = "update outbox set due_at = clock_timestamp() + $1 where id = (select min(id) from outbox)"

    await chat.execute(waiting, timedelta(seconds=30))
    assert 29 < (await store.seconds_until_due(chat) or 0) <= 30

    await chat.execute(waiting, timedelta(milliseconds=-1))
    seconds = await store.seconds_until_due(chat)
    assert seconds is not None
    assert seconds <= 0

    await chat.execute("update outbox set delivered_at = now()")
    assert await store.seconds_until_due(chat) is None


async def test_rows_behind_one_that_waits_wait_too(chat: Pool) -> None:
    [first, second, _] = await write(chat, uuid4(), 3)
    await chat.execute(
        "update outbox set due_at = clock_timestamp() + interval '1 minute' where id = $1", second
    )

    assert await claim(chat, "relay", rows_of_user_max=50) == []
    await chat.execute("update outbox set due_at = now()")

    assert [event.id for event in await claim(chat, "relay", rows_of_user_max=2)] == [first, second]
    assert await claim(chat, "other", rows_of_user_max=50) == []


async def test_rows_behind_a_locked_one_are_not_taken(chat: Pool) -> None:
    [first, second, third] = await write(chat, uuid4(), 3)
    async with chat.acquire() as connection, connection.transaction():
        await connection.execute("select from outbox where id = $1 for update", second)
        taken = await claim(chat, "relay", rows_of_user_max=50)

    assert [event.id for event in taken] == [first]
    assert await chat.fetchval("select claimed_by is null from outbox where id = $1", third)


async def test_a_long_row_of_one_user_arrives_in_order_in_batches(chat: Pool, relaying: Relaying) -> None:
    ids = await write(chat, uuid4(), 120)

    async with scripted() as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert function.ids == ids
    assert [len(sent) for sent in function.batches] == [50, 50, 20]


async def test_one_change_alone_is_no_batch(chat: Pool, relaying: Relaying) -> None:
    [row_id] = await write(chat, uuid4())

    async with scripted() as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    [(_, body, headers)] = function.requests
    assert headers["webhook-id"] == str(row_id)
    assert "events" not in json.loads(body)


async def test_bodies_stay_within_the_bound(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    payload = {"record": {"user_id": str(user), "note": "x" * 9_000}}
    for _ in range(20):
        await chat.execute("insert into outbox (user_id, payload) values ($1, $2)", user, payload)

    async with scripted() as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert function.ids == sorted(function.ids)
    assert max(len(body) for _, body, _ in function.requests) <= 65_536
    assert len(function.batches) == 4
    attempts = await chat.fetch("select distinct attempts from outbox")
    assert [row["attempts"] for row in attempts] == [1]


async def test_a_batch_refused_as_a_whole_is_taken_apart(chat: Pool, relaying: Relaying) -> None:
    ids = await write(chat, uuid4(), 6)
    poison = ids[2]
    script = lambda number, _: (422, {}) if number == poison else APPLIED  # noqa: E731
    whole = lambda *_: (413, {"error": "body_too_large"})  # noqa: E731

    async with scripted(script=script, batch=whole) as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert [sent for sent in function.batches if len(sent) == 1] == [[number] for number in ids]
    assert await chat.fetchval("select array_agg(id) from outbox where parked_at is not null") == [poison]


async def test_batches_shrink_while_they_fail_and_grow_again(chat: Pool, relaying: Relaying) -> None:
    """A function that needs too long for many events at once still gets through all of them."""
    await write(chat, uuid4(), 60)
    too_many = lambda events, answers: (  # noqa: E731
        (503, {}) if len(events) > 10 else batch_answer(events, answers)
    )

    async with scripted(batch=too_many) as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    assert len(function.batches[0]) == 50
    assert function.in_flight_max.most_common(1)[0][1] == 1


async def test_snapshots_go_to_the_function_next_door(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    for table in ("user_symbols", "user_references", "user_symbols"):
        payload = {"table": table, "record": {"user_id": str(user)}}
        await chat.execute("insert into outbox (user_id, payload) values ($1, $2)", user, payload)

    async with scripted() as function, relaying(f"{function.url}watchers-upsert"):
        await until(lambda: all_ended(chat))

    assert function.ids == [1, 2, 3]
    assert function.paths == ["/watchers-upsert", "/user-references-upsert", "/watchers-upsert"]


async def test_a_claim_taken_over_is_not_ended_by_the_first(chat: Pool) -> None:
    await write(chat, uuid4())
    first = await claim(chat, "one", lease_seconds=0)
    second = await claim(chat, "two")

    assert await store.mark_delivered(chat, first, claim_id="one") == 0
    assert await store.postpone(chat, first, claim_id="one", seconds=1, error="late") == 0
    assert not await store.park(chat, first[0], claim_id="one", error="late")
    async with chat.acquire() as connection:
        assert await store.hand_back(connection, first, claim_id="one") == 0
    assert await store.mark_delivered(chat, second, claim_id="two") == 1
    assert await chat.fetchval("select count(*) from recent_errors") == 0


async def test_a_relay_that_stops_finishes_what_is_in_flight(chat: Pool, relaying: Relaying) -> None:
    user = uuid4()
    await write(chat, user, 80)

    async with scripted(seconds=0.3) as function, relaying(function.url):
        await until(lambda: in_flight(function, user))

    assert len(function.ids) == 50
    assert await open_rows(chat) == 30
    assert await chat.fetchval("select count(*) from outbox where claimed_by is not null") == 0


async def test_everything_works_without_notifications(chat: Pool, relaying: Relaying) -> None:
    async with scripted() as function:
        nowhere = "postgresql://nobody@127.0.0.1:9/none"
        async with relaying(function.url, listen_dsn=nowhere, bounds=replace(QUICK, poll_seconds=0.1)):
            await asyncio.sleep(0.15)
            await write(chat, uuid4())
            await until(lambda: all_ended(chat))


async def test_a_lost_database_is_waited_for(chat: Pool, chat_database: Database, relaying: Relaying) -> None:
    async with scripted() as function, relaying(function.url):
        await write(chat, uuid4())
        await until(lambda: all_ended(chat))
        async with logged_in(chat_database, "supabase_admin") as admin:
            ended = await admin.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                "where datname = current_database() and usename = 'zmarty_worker'"
            )
        await write(chat, uuid4())
        await until(lambda: all_ended(chat))

    assert ended >= 2
    assert len(function.ids) == 2


async def test_a_mark_waits_for_a_database_that_restarts(
    chat: Pool, relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, losses = (
        store.mark_delivered,
        iter([asyncpg.ConnectionDoesNotExistError(), ConnectionRefusedError()]),
    )

    async def lose_twice(pool: Pool, events: Sequence[Event], *, claim_id: str) -> int:
        for loss in losses:
            raise loss
        return await mark(pool, events, claim_id=claim_id)

    monkeypatch.setattr(store, "mark_delivered", lose_twice)
    async with scripted() as function, relaying(function.url, bounds=replace(QUICK, lease_seconds=30.0)):
        await write(chat, uuid4())
        await until(lambda: all_ended(chat), 15)

    assert len(function.ids) == 1, "what was answered is not sent again"


async def test_an_idle_relay_asks_rarely(
    chat: Pool, chat_worker: Pool, relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    async def counted(connection: Connection) -> None:
        turns.append(time.monotonic())
        await take_turn(connection)

    take_turn = store.take_turn
    monkeypatch.setattr(store, "take_turn", counted)
    async with scripted() as function, relaying(function.url, bounds=Bounds()):
        await asyncio.sleep(1)

    # Once at the start and once when LISTEN stands.
    assert len(turns) <= 2


async def test_many_users_travel_at_once_within_the_bound(chat: Pool, relaying: Relaying) -> None:
    for _ in range(20):
        await write(chat, uuid4())

    bounds = replace(QUICK, requests_at_once=4)

    async with scripted(seconds=0.02) as function, relaying(function.url, bounds=bounds):
        await until(lambda: all_ended(chat))

    assert function.requests_at_once_max == 4
    assert [len(sent) for sent in function.batches] == [5] * 4


async def test_what_arrives_is_what_was_written(chat: Pool, relaying: Relaying) -> None:
    payload = {"record": {"user_id": "u", "note": 'Ü "日本" \\ 🚀', "n": 1.50, "none": None}}
    await chat.execute("insert into outbox (user_id, payload) values ($1, $2)", uuid4(), payload)

    async with scripted() as function, relaying(function.url):
        await until(lambda: all_ended(chat))

    [(_, body, headers)] = function.requests
    assert json.loads(body) == payload
    assert headers["content-type"] == "application/json"
