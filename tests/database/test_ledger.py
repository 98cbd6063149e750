"""The ledger's invariants, asked of the database itself with SQL that the product does not use."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from zmarty.postgres import Pool


async def new_user(chat: Pool) -> UUID:
    """A user with the 100 credits of a signup."""
    user_id = uuid4()
    await chat.execute(
        "insert into auth.users (id, email) values ($1, $2)", user_id, f"{user_id}@example.com"
    )
    return user_id


async def hold(pool: Pool, user_id: UUID, credits: int, seconds: int = 60) -> UUID | None:
    held = await pool.fetchrow("select * from private.hold_credits($1, $2, $3)", user_id, credits, seconds)
    assert held is not None
    return held["hold_id"]  # type: ignore[no-any-return]


async def settle(pool: Pool, hold_id: UUID | None, credits: int) -> asyncpg.Record:
    settled = await pool.fetchrow(
        "select * from private.settle_hold($1, $2, 'xai', 'grok-4.7', 10, 20, 'chat')", hold_id, credits
    )
    assert settled is not None
    return settled


async def books_balance(chat: Pool, user_id: UUID) -> int:
    """Account, entries, running balances and open holds agree; returns the balance."""
    entries = await chat.fetch(
        "select amount, balance_after from credits_ledger where user_id = $1 order by id", user_id
    )
    running = 0
    for entry in entries:
        running += entry["amount"]
        assert entry["balance_after"] == running >= 0
    account = await chat.fetchrow("select balance, held from credit_accounts where user_id = $1", user_id)
    assert account is not None
    open_holds = await chat.fetchval(
        "select coalesce(sum(credits), 0) from credit_holds where user_id = $1 and state = 'held'", user_id
    )
    assert account["balance"] == running
    assert account["held"] == open_holds <= running
    view = await chat.fetchrow(
        "select balance, held, available from credit_balance where user_id = $1", user_id
    )
    assert view is not None
    assert (view["balance"], view["held"], view["available"]) == (running, open_holds, running - open_holds)
    return running


async def test_a_signup_grants_once(chat: Pool) -> None:
    user_id = await new_user(chat)
    for _ in range(3):
        await chat.execute("select private.welcome($1, '{}')", user_id)
    assert await books_balance(chat, user_id) == 100


async def test_held_then_settled(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)
    hold_id = await hold(chat_api, user_id, 20)

    settled = await settle(chat_api, hold_id, 6)

    assert (settled["charged"], settled["balance"], settled["available"], settled["state"]) == (
        6,
        94,
        94,
        "settled",
    )
    assert await books_balance(chat, user_id) == 94


async def test_no_overdraft_under_fifty_holds_at_once(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)

    held = await asyncio.gather(*(hold(chat_api, user_id, 15) for _ in range(50)))

    assert sum(1 for one in held if one) == 6  # 6 × 15 = 90 fit into 100
    assert await books_balance(chat, user_id) == 100


async def test_sixty_four_settlements_charge_once(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)
    hold_id = await hold(chat_api, user_id, 20)

    settled = await asyncio.gather(*(settle(chat_api, hold_id, 6) for _ in range(64)))

    assert {one["charged"] for one in settled} == {6}
    assert await books_balance(chat, user_id) == 94


async def test_the_sweeper_and_a_late_settle_resolve_once(chat: Pool, chat_api: Pool) -> None:
    for _ in range(20):
        user_id = await new_user(chat)
        hold_id = await hold(chat_api, user_id, 20, 1)
        await chat.execute(
            "update credit_holds set expires_at = now() - interval '1 second' where id = $1", hold_id
        )

        _, settled = await asyncio.gather(
            chat.execute("select private.expire_holds()"), settle(chat_api, hold_id, 6)
        )

        assert await books_balance(chat, user_id) == (94 if settled["state"] == "settled" else 100)
        assert settled["charged"] == (6 if settled["state"] == "settled" else 0)


async def test_a_charge_never_exceeds_its_hold_and_says_so(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)

    settled = await settle(chat_api, await hold(chat_api, user_id, 5), 9)

    assert settled["charged"] == 5
    assert (
        await chat.fetchval("select metadata ->> 'shortfall' from credits_ledger where kind = 'charge'")
        == "4"
    )


async def test_a_release_gives_everything_back(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)
    hold_id = await hold(chat_api, user_id, 50)

    assert await chat_api.fetchval("select private.release_hold($1)", hold_id)
    assert not await chat_api.fetchval("select private.release_hold($1)", hold_id)
    assert (await settle(chat_api, hold_id, 6))["charged"] == 0
    assert await books_balance(chat, user_id) == 100


async def test_a_repeated_grant_adds_nothing(chat: Pool) -> None:
    user_id = await new_user(chat)
    entries = {
        await chat.fetchval("select private.grant_credits($1, 7, 'topup:1', 'bought')", user_id)
        for _ in range(8)
    }
    assert len(entries) == 1
    assert await books_balance(chat, user_id) == 107


@pytest.mark.parametrize("credits", [0, -5, 10_000_000, None])
async def test_absurd_grants_are_refused(chat: Pool, credits: int | None) -> None:
    user_id = await new_user(chat)
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await chat.execute("select private.grant_credits($1, $2, 'k', 'r')", user_id, credits)


async def test_negative_amounts_are_refused(chat: Pool, chat_api: Pool) -> None:
    user_id = await new_user(chat)
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await hold(chat_api, user_id, -5)
    hold_id = await hold(chat_api, user_id, 5)
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await settle(chat_api, hold_id, -1)


@pytest.mark.parametrize("change", ["update credits_ledger set amount = 1000", "delete from credits_ledger"])
async def test_entries_are_never_changed(chat: Pool, change: str) -> None:
    await new_user(chat)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await chat.execute(change)


async def test_deleting_a_user_takes_their_money_rows_along(chat: Pool) -> None:
    user_id = await new_user(chat)
    await chat.execute("delete from auth.users where id = $1", user_id)
    assert await chat.fetchval("select count(*) from credits_ledger") == 0
