"""`zmarty reconcile credits`: finds what does not agree with the entries, says whose it is, repairs what is derived."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from console.__main__ import app
from tests.support.books import audit
from zmarty.postgres import Pool


@pytest.fixture
async def users(chat: Pool) -> list[UUID]:
    """Three users whose credits have moved in every way."""
    made = [uuid4() for _ in range(3)]
    for user in made:
        await chat.execute("insert into auth.users (id, email) values ($1, $2)", user, f"{user}@example.com")
        for credits in (5, 7):
            hold = await chat.fetchval("select hold_id from private.hold_credits($1, $2, 60)", user, credits)
            await chat.execute("select private.settle_hold($1, $2, 'xai', 'm', 1, 1, 'chat')", hold, credits)
        await chat.execute("select private.hold_credits($1, 11, 600)", user)
    return made


@pytest.fixture
def reconcile(
    chat_dsn: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., "asyncio.Future[Result]"]:
    monkeypatch.setenv("CHAT_OWNER_DATABASE_URL", chat_dsn())

    def run(*arguments: str) -> "asyncio.Future[Result]":
        words = ["reconcile", "credits", *arguments]
        return asyncio.ensure_future(asyncio.to_thread(CliRunner().invoke, app, words))

    return run


Reconcile = Callable[..., "asyncio.Future[Result]"]


async def test_books_that_agree_are_said_to_agree(reconcile: Reconcile, users: list[UUID]) -> None:
    done = await reconcile()

    assert (done.exit_code, "every balance" in done.output) == (0, True), done.output


async def test_each_difference_is_named_with_its_user(
    reconcile: Reconcile, chat: Pool, users: list[UUID]
) -> None:
    grant = await chat.fetchval(
        "update credit_grants set remaining = remaining - 1 where user_id = $1 returning id", users[0]
    )
    await chat.execute("update credit_accounts set balance = balance + 3 where user_id = $1", users[1])
    await chat.execute("update credit_accounts set held = held + 2 where user_id = $1", users[2])

    told = json.loads((done := await reconcile("--json")).output)

    assert done.exit_code == 1
    seen = {(row["user_id"], row["subject"], row["recorded"] - row["rebuilt"]) for row in told["differences"]}
    assert seen == {
        (str(users[0]), f"grant {grant}", -1),
        (str(users[1]), "balance", 3),
        (str(users[2]), "held", 2),
    }


async def test_a_repair_derives_from_the_entries_and_is_audited(
    reconcile: Reconcile, chat: Pool, users: list[UUID]
) -> None:
    entries = await chat.fetch("select * from credits_ledger order by id")
    await chat.execute("update credit_grants set remaining = 0 where user_id = $1", users[0])
    await chat.execute("update credit_accounts set balance = 1000, held = 0 where user_id = $1", users[1])

    done = await reconcile("--repair")

    assert done.exit_code == 0, done.output
    assert [await audit(chat, user) for user in users] == [88, 88, 88]
    assert await chat.fetch("select * from credits_ledger order by id") == entries
    logged = await chat.fetch("select action, entity from audit_log order by entity")
    assert [tuple(row) for row in logged] == sorted(
        ("credits_repaired", f"user:{user}") for user in users[:2]
    )
    assert (await reconcile()).exit_code == 0


async def test_a_grant_without_an_entry_is_a_persons_to_decide(
    reconcile: Reconcile, chat: Pool, users: list[UUID]
) -> None:
    await chat.execute(
        "insert into credit_grants (user_id, kind, credits, remaining) values ($1, 'bonus', 9, 9)", users[0]
    )

    done = await reconcile("--repair")

    assert done.exit_code == 1
    assert f"user {users[0]}: grants in all is 97, its entries make it 88" in done.output.replace("\n", "")
