"""`zmarty reconcile` through the command itself: it looks, says what it saw, and repairs only when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from console.__main__ import app
from zmarty.postgres import Pool


@pytest.fixture
def zmarty(
    chat_dsn: Callable[..., str], trading_dsn: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setenv("CHAT_OWNER_DATABASE_URL", chat_dsn())
    monkeypatch.setenv("TRADING_OWNER_DATABASE_URL", trading_dsn())

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["reconcile", *arguments])

    return run


async def watch(chat: Pool) -> None:
    """A user with a watched pair, of which the mirror knows nothing and nothing is on its way."""
    user_id = uuid4()
    await chat.execute("insert into auth.users (id, email) values ($1, 'ada@example.com')", user_id)
    await chat.execute(
        "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC', '1h')", user_id
    )
    await chat.execute("delete from outbox")
    await chat.execute("delete from private.reference_marks")


async def test_it_looks_and_changes_nothing(chat: Pool, trading: Pool, zmarty: Callable[..., Any]) -> None:
    await watch(chat)

    looked = await zmarty()

    assert looked.exit_code == 1
    assert "watchers: 1 compared, 1 missing" in looked.output
    assert "user_references: 1 compared, 1 missing" in looked.output
    assert "BTC/USDT 1h" in looked.output
    assert "--repair" in looked.output
    assert await chat.fetchval("select count(*) from outbox") == 0
    assert await chat.fetchval("select count(*) from audit_log") == 0


async def test_a_repair_is_audited(chat: Pool, trading: Pool, zmarty: Callable[..., Any]) -> None:
    await watch(chat)

    repaired = await zmarty("--repair", "--json", "--actor", "ada")

    assert repaired.exit_code == 0
    said = json.loads(repaired.stdout)
    assert (said["differences"], said["repaired"], said["retried"]) == (2, 2, 0)
    assert await chat.fetchval("select count(*) from outbox") == 1
    assert await chat.fetchval("select count(*) from private.reference_marks") == 1
    assert await trading.fetchval("select count(*) from watchers") == 0
    entries = await chat.fetch("select actor, action, new from audit_log order by id")
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("console:ada", "mirror_repair_requested"),
        ("console:ada", "mirror_repair_done"),
    ]
    assert entries[1]["new"]["repaired"] == 2


async def test_parked_changes_are_tried_again_when_asked(chat: Pool, zmarty: Callable[..., Any]) -> None:
    await watch(chat)
    await chat.execute("update user_symbols set active = false")
    await chat.execute("update user_symbols set active = true")
    await chat.execute("delete from outbox where id = 1")
    await chat.execute("update outbox set parked_at = now(), attempts = 7")

    told = await zmarty("--repair")
    assert told.exit_code == 1, "the parked pair still differs"
    assert "changes are parked" in told.output
    tried = await zmarty("--repair", "--retry-parked", "--json")

    assert json.loads(tried.stdout)["retried"] == 2
    rows = await chat.fetch("select distinct attempts, parked_at from outbox")
    assert [tuple(row) for row in rows] == [(0, None)]


async def test_when_all_is_well_it_says_so(zmarty: Callable[..., Any]) -> None:
    well = await zmarty()

    assert well.exit_code == 0
    assert "watchers: 0 compared, as it should be" in well.output


async def test_retrying_alone_is_refused(zmarty: Callable[..., Any]) -> None:
    assert (await zmarty("--retry-parked")).exit_code == 2
