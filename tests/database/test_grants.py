"""Grants: which credits are used first, how they end, what holds keep, what a month brings. Audited by other SQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from console.migrations import apply_pending, migrations_folder, read_migrations
from tests.support.books import audit
from tests.support.databases import Database
from zmarty.postgres import Pool, set_types

FIRST_WITH_GRANTS = "20261128040100"


@pytest.fixture
async def user_id(chat: Pool) -> AsyncIterator[UUID]:
    """A user with the 100 credits of a signup; their books must agree at the end of the test."""
    user_id = await add_user(chat)
    yield user_id
    await audit(chat, user_id)


async def add_user(chat: Pool) -> UUID:
    user_id = uuid4()
    await chat.execute(
        "insert into auth.users (id, email) values ($1, $2)", user_id, f"{user_id}@example.com"
    )
    return user_id


async def grant(
    chat: Pool, user_id: UUID, credits: int, kind: str = "bonus", *, seconds: float | None = None
) -> int:
    """Grant credits that end in so many seconds; returns the grant's id."""
    entry = await chat.fetchval(
        "select private.grant_credits($1, $2, $3, 'test', '{}', $4, now() + make_interval(secs => $5))",
        user_id,
        credits,
        str(uuid4()),
        kind,
        seconds,
    )
    return int(await chat.fetchval("select id from credit_grants where entry_id = $1", entry))


async def end(chat: Pool, *grants: int, seconds_ago: float = 3600) -> None:
    """Let grants have ended; holds are moved back with them where a test needs it."""
    await chat.execute(
        """
        with ended as (
          update credit_grants set expires_at = now() - make_interval(secs => $2) where id = any ($1) returning user_id
        )
        update credit_accounts set next_expiry = now() - make_interval(secs => $2)
        where user_id in (select user_id from ended)
        """,
        list(grants),
        seconds_ago,
    )


async def hold(chat: Pool, user_id: UUID, credits: int, *, seconds_ago: float = 0) -> UUID | None:
    hold_id: UUID | None = await chat.fetchval(
        "select hold_id from private.hold_credits($1, $2, 600)", user_id, credits
    )
    await chat.execute(
        "update credit_holds set created_at = created_at - make_interval(secs => $2) where id = $1",
        hold_id,
        seconds_ago,
    )
    return hold_id


async def settle(chat: Pool, hold_id: UUID | None, credits: int) -> asyncpg.Record:
    settled = await chat.fetchrow(
        "select * from private.settle_hold($1, $2, 'xai', 'grok-4.7', 10, 20, 'chat')", hold_id, credits
    )
    assert settled is not None
    return settled


async def remaining(chat: Pool, user_id: UUID) -> dict[int, int]:
    rows = await chat.fetch("select id, remaining from credit_grants where user_id = $1", user_id)
    return {row["id"]: row["remaining"] for row in rows}


async def spend(chat: Pool, user_id: UUID, credits: int) -> None:
    await settle(chat, await hold(chat, user_id, credits), credits)


async def test_what_ends_first_is_used_first_then_by_kind_then_by_age(chat: Pool, user_id: UUID) -> None:
    signup = next(iter(await remaining(chat, user_id)))
    purchased = await grant(chat, user_id, 10, "purchased")
    later = await grant(chat, user_id, 10, "bonus", seconds=7200)
    monthly = await grant(chat, user_id, 10, "monthly", seconds=3600)
    soon_too = (await chat.fetchval("select expires_at from credit_grants where id = $1", monthly),)
    bonus = await grant(chat, user_id, 10, "bonus", seconds=9000)
    await chat.execute("update credit_grants set expires_at = $2 where id = $1", bonus, *soon_too)

    order = [monthly, bonus, later, signup, purchased]
    for used in order:
        left = (await remaining(chat, user_id))[used]
        await spend(chat, user_id, left)
        assert (await remaining(chat, user_id))[used] == 0, f"{used} is next in {order}"


async def test_one_charge_draws_from_several_grants(chat: Pool, user_id: UUID) -> None:
    monthly = await grant(chat, user_id, 30, "monthly", seconds=3600)
    await spend(chat, user_id, 50)

    drawn = await chat.fetchval("select drawn from credits_ledger where kind = 'charge'")
    assert sorted(drawn.values()) == [20, 30]
    assert drawn[str(monthly)] == 30


async def test_an_ended_grant_is_written_off_once(chat: Pool, user_id: UUID) -> None:
    ended = await grant(chat, user_id, 40, seconds=3600)
    await end(chat, ended)

    assert await chat.fetchval("select private.expire_grants()") == 40
    assert await chat.fetchval("select private.expire_grants()") == 0
    assert await audit(chat, user_id) == 100
    entry = await chat.fetchrow("select amount, drawn from credits_ledger where kind = 'expire'")
    assert entry is not None
    assert (entry["amount"], entry["drawn"]) == (-40, {str(ended): 40})


async def test_ended_credits_cannot_be_held_before_the_sweeper_comes(chat: Pool, user_id: UUID) -> None:
    await end(chat, await grant(chat, user_id, 40, seconds=3600))

    assert await hold(chat, user_id, 101) is None
    assert await hold(chat, user_id, 100) is not None


async def test_a_hold_keeps_what_it_would_draw(chat: Pool, user_id: UUID) -> None:
    ended = await grant(chat, user_id, 40, seconds=3600)
    older = await hold(chat, user_id, 30, seconds_ago=7200)
    await end(chat, ended)

    assert await chat.fetchval("select private.expire_grants()") == 10
    assert await hold(chat, user_id, 101) is None, "what is kept is kept for the older hold alone"
    younger = await hold(chat, user_id, 100)
    settled = await settle(chat, older, 6)

    # The 24 that the hold gave back ended with it.
    assert (settled["charged"], settled["balance"], settled["available"]) == (6, 100, 0)
    assert (await remaining(chat, user_id))[ended] == 0
    assert (await settle(chat, younger, 100))["balance"] == 0


async def test_a_younger_hold_never_draws_from_an_ended_grant(chat: Pool, user_id: UUID) -> None:
    ended = await grant(chat, user_id, 40, seconds=3600)
    older = await hold(chat, user_id, 30, seconds_ago=7200)
    await end(chat, ended)
    younger = await hold(chat, user_id, 90)

    await settle(chat, younger, 90)
    assert (await remaining(chat, user_id))[ended] == 30
    assert (await settle(chat, older, 30))["balance"] == 10


async def test_what_a_released_hold_kept_ends_with_it(chat: Pool, user_id: UUID) -> None:
    ended = await grant(chat, user_id, 40, seconds=3600)
    older = await hold(chat, user_id, 30, seconds_ago=7200)
    await end(chat, ended)

    assert await chat.fetchval("select private.release_hold($1)", older)
    assert await audit(chat, user_id) == 100


async def test_parallel_grants_charges_and_expiries_agree(chat: Pool, user_id: UUID) -> None:
    grants = [await grant(chat, user_id, 10, seconds=3600) for _ in range(6)]
    holds = [await hold(chat, user_id, 10, seconds_ago=7200) for _ in range(6)]
    await end(chat, *grants)

    await asyncio.gather(
        *(settle(chat, hold_id, 3) for hold_id in holds),
        *(chat.fetchval("select private.expire_grants()") for _ in range(6)),
        *(grant(chat, user_id, 7, seconds=3600) for _ in range(6)),
        *(hold(chat, user_id, 5) for _ in range(6)),
    )
    await chat.fetchval("select private.expire_grants()")

    assert await audit(chat, user_id) == 100 + 6 * 7


async def test_64_duplicates_of_a_grant_are_one(chat: Pool, user_id: UUID) -> None:
    made = await asyncio.gather(
        *(chat.fetchval("select private.grant_credits($1, 5, 'key', 'test')", user_id) for _ in range(64))
    )

    assert len(set(made)) == 1
    assert await audit(chat, user_id) == 105


async def test_a_grant_must_end_in_the_future(chat: Pool, user_id: UUID) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="expires_at: must lie in the future"):
        await grant(chat, user_id, 5, seconds=-1)


@pytest.mark.parametrize(("tier", "credits"), [("free", 0), ("starter", 300), ("pro", 1000)])
async def test_a_month_brings_the_tiers_credits_once(
    chat: Pool, user_id: UUID, tier: str, credits: int
) -> None:
    await chat.execute("update profiles set tier = $2 where user_id = $1", user_id, tier)

    granted = await asyncio.gather(*(chat.fetchval("select private.grant_monthly()") for _ in range(4)))

    assert sum(granted) == (credits > 0)
    assert await audit(chat, user_id) == 100 + credits
    ends = await chat.fetchval("select expires_at from credit_grants where kind = 'monthly'")
    now = datetime.now(UTC)
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert ends == ((begin + timedelta(days=32)).replace(day=1) if credits else None)


async def test_moving_up_within_a_month_brings_the_difference(chat: Pool, user_id: UUID) -> None:
    for tier in ("starter", "pro", "starter", "pro", "enterprise", "free"):
        await chat.execute("update profiles set tier = $2 where user_id = $1", user_id, tier)
        await chat.fetchval("select private.grant_monthly()")

    granted = await chat.fetch("select credits from credit_grants where kind = 'monthly' order by id")
    assert [row["credits"] for row in granted] == [300, 700, 9000]


async def test_a_round_of_monthly_grants_is_bounded(chat: Pool) -> None:
    for _ in range(5):
        await chat.execute("update profiles set tier = 'pro' where user_id = $1", await add_user(chat))

    assert [await chat.fetchval("select private.grant_monthly(2)") for _ in range(4)] == [2, 2, 1, 0]


async def refund(chat: Pool, entry: int, credits: int | None, key: str = "one") -> Any:
    return await chat.fetchval("select private.refund_charge($1, $2, $3, 'sorry', '{}')", entry, credits, key)


async def test_a_refund_never_exceeds_its_charge(chat: Pool, user_id: UUID) -> None:
    await spend(chat, user_id, 30)
    charge = await chat.fetchval("select id from credits_ledger where kind = 'charge'")

    assert await refund(chat, charge, 10) == await refund(chat, charge, 10)
    with pytest.raises(asyncpg.PostgresError, match=r"20 of charge .* can still be refunded"):
        await refund(chat, charge, 21, "two")
    await refund(chat, charge, None, "three")
    with pytest.raises(asyncpg.PostgresError, match="0 of charge"):
        await refund(chat, charge, None, "four")

    assert await audit(chat, user_id) == 100


async def test_parallel_refunds_of_one_charge_give_it_back_once(chat: Pool, user_id: UUID) -> None:
    await spend(chat, user_id, 30)
    charge = await chat.fetchval("select id from credits_ledger where kind = 'charge'")

    done = await asyncio.gather(
        *(refund(chat, charge, None, f"key-{n}") for n in range(10)), return_exceptions=True
    )

    assert sum(isinstance(entry, int) for entry in done) == 1
    assert await audit(chat, user_id) == 100


async def test_only_charges_are_refunded(chat: Pool, user_id: UUID) -> None:
    signup = await chat.fetchval("select id from credits_ledger where user_id = $1", user_id)
    with pytest.raises(asyncpg.NoDataFoundError):
        await refund(chat, signup, 5)


async def limit(chat: Pool, user_id: UUID, per_request: int | None, per_day: int | None) -> None:
    await chat.execute("insert into spending_limits values ($1, $2, $3)", user_id, per_request, per_day)


async def reached(chat: Pool, user_id: UUID, credits: int) -> tuple[Any, ...]:
    row = await chat.fetchrow(
        "select limit_reached, limit_left from private.hold_credits($1, $2, 600)", user_id, credits
    )
    assert row is not None
    return tuple(row)


async def test_a_request_beyond_its_limit_is_refused(chat: Pool, user_id: UUID) -> None:
    await limit(chat, user_id, 10, None)

    assert await reached(chat, user_id, 11) == ("per_request", 10)
    assert await reached(chat, user_id, 10) == (None, None)


async def test_a_day_counts_what_is_charged_and_what_is_held(chat: Pool, user_id: UUID) -> None:
    await limit(chat, user_id, None, 30)
    await spend(chat, user_id, 12)
    await hold(chat, user_id, 10)

    assert await reached(chat, user_id, 9) == ("per_day", 8)
    await chat.execute("update credit_accounts set spent_on = spent_on - 1 where user_id = $1", user_id)
    assert await reached(chat, user_id, 20) == (None, None), "yesterday's spending is yesterday's"


async def test_parallel_holds_stay_within_the_day(chat: Pool, user_id: UUID) -> None:
    await limit(chat, user_id, None, 25)

    held = await asyncio.gather(*(hold(chat, user_id, 10) for _ in range(20)))

    assert sum(hold_id is not None for hold_id in held) == 2


async def test_a_crossing_is_marked_once(chat: Pool, user_id: UUID) -> None:
    async def low_since() -> Any:
        return await chat.fetchval("select low_since from credit_accounts where user_id = $1", user_id)

    assert await low_since() is None
    await spend(chat, user_id, 81)
    first = await low_since()
    await spend(chat, user_id, 3)
    assert first is not None
    assert await low_since() == first
    await grant(chat, user_id, 50)
    assert await low_since() is None


async def test_what_users_had_becomes_their_first_grant_exactly_once(bare_database: Database) -> None:
    migrations = read_migrations(migrations_folder("chat"))
    older = [migration for migration in migrations if migration.version < FIRST_WITH_GRANTS]
    await apply_pending(bare_database.dsn(), older)
    connection = await asyncpg.connect(bare_database.dsn())
    await set_types(connection)
    users = [uuid4() for _ in range(3)]
    await connection.executemany(
        "insert into auth.users (id, email) values ($1, $2)", [(user, f"{user}@x.com") for user in users]
    )
    rich, poor, none = users
    await connection.execute("select private.grant_credits($1, 500, 'k', 'bought')", rich)
    for user, credits in ((poor, 90), (none, 100)):
        held = await connection.fetchval(
            "select hold_id from private.hold_credits($1, $2, 60)", user, credits
        )
        await connection.execute(
            "select private.settle_hold($1, $2, 'xai', 'grok', 1, 1, 'chat')", held, credits
        )
    open_hold = await connection.fetchval("select hold_id from private.hold_credits($1, 20, 600)", rich)

    assert len(await apply_pending(bare_database.dsn(), migrations)) == len(migrations) - len(older)
    assert await apply_pending(bare_database.dsn(), migrations) == []

    grants = await connection.fetch("select user_id, kind, credits, remaining, entry_id from credit_grants")
    assert {tuple(row) for row in grants} == {(rich, "bonus", 600, 600, None), (poor, "bonus", 10, 10, None)}
    low = await connection.fetch("select user_id from credit_accounts where low_since is not null")
    assert {row["user_id"] for row in low} == {poor, none}
    settled = await connection.fetchrow(
        "select * from private.settle_hold($1, 5, 'xai', 'grok', 1, 1, 'chat')", open_hold
    )
    assert settled is not None
    assert (settled["charged"], settled["balance"]) == (5, 595)
    assert await connection.fetchval("select remaining from credit_grants where user_id = $1", rich) == 595
    await connection.close()
