"""`zmarty service-key …` on real databases: shown once, only a digest kept, refused after it was revoked, audited."""

import asyncio
import hashlib
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import uuid4

import pytest

from tests.support import command_line
from zmarty.postgres import Pool

Zmarty: TypeAlias = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def zmarty(chat_dsn: Callable[..., str], trading_dsn: Callable[..., str]) -> Zmarty:
    """The command as a person types it, on this test's databases."""

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        named = {"CHAT_OWNER_DATABASE_URL": chat_dsn(), "TRADING_OWNER_DATABASE_URL": trading_dsn()}
        return await asyncio.to_thread(command_line.zmarty, *arguments, **named)

    return run


@pytest.mark.timeout(240)
async def test_a_key_is_shown_once_and_only_its_digest_is_kept(
    zmarty: Zmarty, trading: Pool, chat: Pool
) -> None:
    made = json.loads(
        (await zmarty("service-key", "create", "fox engine", "--source", "fox", "--json")).stdout
    )

    assert made["key"].startswith("zsk_")
    row = await trading.fetchrow("select * from service_keys")
    assert row is not None
    assert row["key_sha256"] == hashlib.sha256(made["key"].encode()).digest()
    assert (row["name"], row["scopes"], row["source"]) == ("fox engine", ["signals:write"], "fox")
    listed = await zmarty("service-key", "list")
    assert made["id"] in listed.stdout and "valid" in listed.stdout
    assert made["key"] not in listed.stdout
    kept = await chat.fetch(
        "select action, new::text as told from audit_log where entity like 'service_key:%' order by id"
    )
    assert [entry["action"] for entry in kept] == ["service_key_create_requested", "service_key_create_done"]
    assert all(made["key"] not in (entry["told"] or "") for entry in kept)


@pytest.mark.timeout(240)
async def test_a_revoked_key_stays_revoked(zmarty: Zmarty, trading: Pool) -> None:
    made = json.loads((await zmarty("service-key", "create", "fox", "--json")).stdout)

    first = json.loads((await zmarty("service-key", "revoke", made["id"], "--json")).stdout)
    again = json.loads((await zmarty("service-key", "revoke", made["id"], "--json")).stdout)
    unknown = await zmarty("service-key", "revoke", str(uuid4()))

    assert (first["changed"], again["changed"]) == (True, False)
    assert await trading.fetchval("select revoked_at is not null from service_keys")
    assert unknown.returncode == 1
    assert "no service key has the id" in unknown.stderr


@pytest.mark.timeout(240)
async def test_an_unknown_scope_is_refused(zmarty: Zmarty, trading: Pool) -> None:
    refused = await zmarty("service-key", "create", "fox", "--scope", "everything")

    assert refused.returncode == 1
    assert "there are signals:write" in refused.stderr
    assert await trading.fetchval("select count(*) from service_keys") == 0
