"""Who is marked for the mirror, by whom, and that the ledger neither waits for it nor pays more than a mark."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.databases import Database
from zmarty.postgres import Pool

SNAPSHOTS = "select payload from outbox where payload ->> 'table' = 'user_references' order by id"


@pytest.fixture
async def user(chat: Pool) -> UUID:
    """A user who is not marked: the welcome has been mirrored, long enough ago for the next snapshot."""
    user_id = uuid4()
    await chat.execute("insert into auth.users (id, email) values ($1, 'ada@example.com')", user_id)
    await mirror(chat)
    await forget_pause(chat)
    return user_id


async def marked(chat: Pool) -> list[UUID]:
    return [
        row["user_id"] for row in await chat.fetch("select user_id from private.reference_marks order by 1")
    ]


async def mirror(chat: Pool) -> int:
    return int(await chat.fetchval("select private.mirror_references()"))


async def forget_pause(chat: Pool) -> None:
    await chat.execute("update outbox set created_at = created_at - interval '1 minute'")


async def test_a_signup_is_mirrored_whole(chat: Pool) -> None:
    user_id = uuid4()
    await chat.execute("insert into auth.users (id, email) values ($1, 'ada@example.com')", user_id)

    assert await marked(chat) == [user_id]
    assert await mirror(chat) == 1
    assert await marked(chat) == []
    [row] = await chat.fetch(SNAPSHOTS)
    assert row["payload"] == {
        "type": "UPDATE",
        "table": "user_references",
        "schema": "public",
        "old_record": None,
        "record": {
            "user_id": str(user_id),
            "email": "ada@example.com",
            "tier": "free",
            "credits_balance": 100,
            "is_active": True,
        },
    }


@pytest.mark.parametrize(
    ("change", "marks"),
    [
        ("select private.grant_credits($1, 5, 'key', 'test')", True),
        ("update profiles set tier = 'pro' where user_id = $1", True),
        ("update auth.users set email = 'eve@example.com' where id = $1", True),
        ("update auth.users set banned_until = 'infinity' where id = $1", True),
        ("delete from auth.users where id = $1", True),
        ("select private.hold_credits($1, 5, 60)", False),
        ("update profiles set bio = 'trader' where user_id = $1", False),
        ("update auth.users set last_sign_in_at = now() where id = $1", False),
        ("insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC', '1h')", False),
    ],
)
async def test_what_the_mirror_shows_marks_and_nothing_else(
    chat: Pool, user: UUID, change: str, marks: bool
) -> None:
    await chat.execute(change, user)

    assert await marked(chat) == ([user] if marks else [])


async def test_who_left_is_told_of_by_the_id_alone(chat: Pool, user: UUID) -> None:
    await chat.execute("delete from auth.users where id = $1", user)
    await mirror(chat)

    record = (await chat.fetch(SNAPSHOTS))[-1]["payload"]["record"]
    assert (record["user_id"], record["email"], record["is_active"]) == (str(user), None, False)


async def test_a_user_is_mirrored_once_a_minute_at_most(chat: Pool, user: UUID) -> None:
    for number in range(50):
        await chat.execute("select private.grant_credits($1, 1, $2, 'test')", user, f"key {number}")
        await mirror(chat)
    assert len(await chat.fetch(SNAPSHOTS)) == 2
    assert await marked(chat) == [user], "what came after the snapshot waits for the next one"

    await forget_pause(chat)
    assert await mirror(chat) == 1
    balances = [row["payload"]["record"]["credits_balance"] for row in await chat.fetch(SNAPSHOTS)]
    assert balances == [100, 101, 150]


@pytest.mark.parametrize(
    "change",
    [
        "select private.grant_credits($1, 5, 'late', 'test')",
        "update profiles set tier = 'pro' where user_id = $1",
        "update auth.users set email = 'eve@example.com' where id = $1",
    ],
)
async def test_a_change_under_way_keeps_its_mark(chat: Pool, user: UUID, change: str) -> None:
    """A mark that was there already must not be taken while another change of the same user is not committed yet."""
    await chat.execute("select private.grant_credits($1, 5, 'early', 'test')", user)
    async with chat.acquire() as connection:
        late = connection.transaction()
        await late.start()
        await connection.execute(change, user)
        assert await mirror(chat) == 0
        await late.commit()

    assert await mirror(chat) == 1
    record = (await chat.fetch(SNAPSHOTS))[-1]["payload"]["record"]
    truth = await chat.fetchrow("select * from private.reference_snapshots(array[$1::uuid])", user)
    assert truth is not None
    assert record == {**dict(truth), "user_id": str(user)}


async def test_nothing_is_missed_while_many_change(chat: Pool) -> None:
    users = [uuid4() for _ in range(5)]
    for user_id in users:
        await chat.execute("insert into auth.users (id, email) values ($1, $1::uuid || '@x.y')", user_id)
    stop = asyncio.Event()

    async def change(worker: int) -> None:
        for number in range(40):
            user_id = users[number % len(users)]
            await chat.execute(
                "select private.grant_credits($1, 1, $2, 'test')", user_id, f"{worker} {number}"
            )

    async def keep_mirroring() -> None:
        while not stop.is_set():
            await forget_pause(chat)
            await mirror(chat)

    mirroring = asyncio.create_task(keep_mirroring())
    await asyncio.gather(*(change(worker) for worker in range(4)))
    stop.set()
    await mirroring
    await forget_pause(chat)
    await mirror(chat)

    newest = await chat.fetch(
        """
        select distinct on (user_id) user_id, (payload -> 'record' ->> 'credits_balance')::integer as balance
        from outbox order by user_id, id desc
        """
    )
    assert {row["user_id"]: row["balance"] for row in newest} == dict.fromkeys(users, 132)


async def test_the_ledger_notifies_nobody(chat: Pool, chat_database: Database, user: UUID) -> None:
    heard: list[object] = []
    listener = await asyncpg.connect(chat_database.dsn())
    try:
        for channel in ("zmarty_outbox", "zmarty_changed", "zmarty_queue"):
            await listener.add_listener(channel, lambda *notice: heard.append(notice))
        hold = await chat.fetchval("select hold_id from private.hold_credits($1, 5, 60)", user)
        await chat.execute("select private.settle_hold($1, 3, 'xai', 'grok', 1, 1, 'test')", hold)
        await chat.execute("select private.grant_credits($1, 5, 'key', 'test')", user)
        assert await marked(chat) == [user]
        await listener.execute("select 1")
        await asyncio.sleep(0.2)
        assert heard == []
        await mirror(chat)
        await listener.execute("select 1")
        await asyncio.sleep(0.2)
        assert len(heard) == 1
    finally:
        await listener.close()
