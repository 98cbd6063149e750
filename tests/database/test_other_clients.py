"""Credits under the names of the customer's other clients: the ledger's guarantees, each user for themselves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.books import audit
from zmarty.postgres import Connection, Pool

DUPLICATES = 64


async def add_user(chat: Pool) -> UUID:
    user_id = uuid4()
    await chat.execute(
        "insert into auth.users (id, email) values ($1, $2)", user_id, f"{user_id}@example.com"
    )
    return user_id


@pytest.fixture
async def ada(chat: Pool) -> AsyncIterator[UUID]:
    ada = await add_user(chat)
    yield ada
    await audit(chat, ada)


@asynccontextmanager
async def signed_in(chat: Pool, user_id: UUID | None) -> AsyncIterator[Connection]:
    """As PostgREST runs a call: in a transaction of its own, as `authenticated`."""
    async with chat.acquire() as connection, connection.transaction():
        claims = {"role": "authenticated", **({"sub": str(user_id)} if user_id else {})}
        await connection.execute("select set_config('request.jwt.claims', $1, true)", json.dumps(claims))
        await connection.execute("set local role authenticated")
        yield connection


async def spend(chat: Pool, user_id: UUID, credits: int | None, *more: Any, of: UUID | None = None) -> Any:
    arguments = [of or user_id, credits, *(more or ("a report",))]
    async with signed_in(chat, user_id) as connection:
        numbers = ", ".join(f"${n}" for n in range(1, len(arguments) + 1))
        return await connection.fetchval(f"select public.spend_credits({numbers})", *arguments)


def refused_with(code: str) -> Any:
    return pytest.raises(asyncpg.PostgresError, check=lambda error: error.sqlstate == code)


async def test_a_client_spends_and_reads_its_own(chat: Pool, ada: UUID) -> None:
    assert await spend(chat, ada, 30) == 70

    async with signed_in(chat, ada) as connection:
        assert await connection.fetchval("select public.get_user_credits($1)", ada) == 70
        credits = await connection.fetchrow("select balance, total_earned, total_spent from credits")
        moves = await connection.fetch(
            "select type, amount, balance_after, description from credit_transactions order by id"
        )
    assert credits is not None
    assert tuple(credits) == (70, 100, 30)
    assert [tuple(move) for move in moves] == [
        ("bonus", 100, 100, "Welcome to Zmarty"),
        ("spend", -30, 70, "a report"),
    ]


async def test_nobody_spends_or_reads_for_others(chat: Pool, ada: UUID) -> None:
    bob = await add_user(chat)
    with refused_with("PT403"):
        await spend(chat, bob, 5, of=ada)
    for caller in (bob, None):
        with refused_with("PT403"):
            async with signed_in(chat, caller) as connection:
                await connection.fetchval("select public.get_user_credits($1)", ada)
    for statement in ("select public.get_user_credits($1)", "select public.spend_credits($1, 1, 'x')"):
        async with chat.acquire() as connection, connection.transaction():
            await connection.execute("set local role anon")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetchval(statement, ada)


@pytest.mark.parametrize("credits", [0, -5, 101, None])
async def test_absurd_amounts_are_refused(chat: Pool, ada: UUID, credits: int | None) -> None:
    with refused_with("PT422"):
        await spend(chat, ada, credits)


@pytest.mark.parametrize("words", ["", "  ", "x" * 501, None])
async def test_spending_names_its_reason(chat: Pool, ada: UUID, words: str | None) -> None:
    with refused_with("PT422"):
        await spend(chat, ada, 5, words)


async def test_parallel_spending_never_overdraws(chat: Pool, ada: UUID) -> None:
    done = await asyncio.gather(*(spend(chat, ada, 30) for _ in range(10)), return_exceptions=True)

    assert sorted(left for left in done if isinstance(left, int)) == [10, 40, 70]
    assert {getattr(error, "sqlstate", None) for error in done if not isinstance(error, int)} == {"PT402"}


async def test_one_key_spends_once(chat: Pool, ada: UUID) -> None:
    done = await asyncio.gather(*(spend(chat, ada, 5, "a report", "key") for _ in range(DUPLICATES)))

    assert set(done) == {95}
    with refused_with("PT409"):
        await spend(chat, ada, 6, "a report", "key")


async def test_a_refused_spending_is_not_remembered_as_done(chat: Pool, ada: UUID) -> None:
    await spend(chat, ada, 90)
    with refused_with("PT402"):
        await spend(chat, ada, 20, "a report", "key")
    await chat.fetchval("select private.grant_credits($1, 50, 'k', 'more')", ada)

    assert await spend(chat, ada, 20, "a report", "key") == 40


async def test_the_users_limits_hold_for_other_clients_too(chat: Pool, ada: UUID) -> None:
    await chat.execute("insert into spending_limits values ($1, null, 10)", ada)
    assert await spend(chat, ada, 8) == 92
    with refused_with("PT402"):
        await spend(chat, ada, 3)
