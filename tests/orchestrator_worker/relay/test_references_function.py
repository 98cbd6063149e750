"""user-references-upsert under Deno on a real database: the same frame as watchers-upsert, another row."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.orchestrator_worker.relay.functions import SECRET, SOON_SECONDS, EdgeFunction, secret_of
from zmarty.postgres import Pool

USER = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")


@pytest.fixture
async def function(trading_dsn: Callable[..., str], tmp_path: Path) -> AsyncIterator[EdgeFunction]:
    edge = EdgeFunction(trading_dsn("postgres"), tmp_path, name="user-references-upsert")
    await edge.start()
    try:
        yield edge
    finally:
        edge.stop()


def snapshot(balance: int = 100, **fields: Any) -> dict[str, Any]:
    record = {
        "user_id": str(USER),
        "email": "ada@example.com",
        "tier": "free",
        "credits_balance": balance,
        "is_active": True,
        **fields,
    }
    return {
        "type": "UPDATE",
        "table": "user_references",
        "schema": "public",
        "record": record,
        "old_record": None,
    }


async def balance_and_version(trading: Pool) -> tuple[int, int] | None:
    row = await trading.fetchrow("select credits_balance, version from user_references")
    return (row["credits_balance"], row["version"]) if row else None


async def test_a_replay_is_a_duplicate_and_the_past_is_stale(trading: Pool, function: EdgeFunction) -> None:
    answers = [
        await function.deliver(snapshot(balance), webhook_id=version)
        for version, balance in ((5, 100), (5, 999), (9, 97), (5, 100))
    ]

    assert [answer.json()["result"] for answer in answers] == ["applied", "duplicate", "applied", "stale"]
    assert await balance_and_version(trading) == (97, 9)


async def test_snapshots_in_any_order_end_with_the_newest(trading: Pool, function: EdgeFunction) -> None:
    seed = random.randrange(10**6)
    versions = list(range(1, 41)) * 2
    random.Random(seed).shuffle(versions)

    answers = await asyncio.gather(
        *(function.deliver(snapshot(version), webhook_id=version) for version in versions)
    )

    assert {answer.status_code for answer in answers} == {200}, f"seed {seed}"
    assert await balance_and_version(trading) == (40, 40), f"seed {seed}"


async def test_who_left_keeps_a_row_without_an_address(trading: Pool, function: EdgeFunction) -> None:
    await function.deliver(snapshot(), webhook_id=1)
    await function.deliver(snapshot(0, email=None, is_active=False), webhook_id=2)

    row = await trading.fetchrow("select email, credits_balance, is_active, version from user_references")
    assert row is not None
    assert tuple(row) == (None, 0, False, 2)


@pytest.mark.parametrize(
    ("spoiled", "status", "code"),
    [
        ({"secret": secret_of("x")}, 401, "signature_invalid"),
        ({"age_seconds": 301}, 401, "signature_invalid"),
        ({"age_seconds": -330}, 401, "signature_invalid"),
        ({"body": '{"tampered": true}'}, 401, "signature_invalid"),
        ({"headers": {"webhook-signature": "v1"}}, 401, "signature_invalid"),
        ({"headers": {"webhook-signature": " ".join(["v1,x"] * 9)}}, 401, "signature_invalid"),
        ({"headers": {"webhook-timestamp": "now"}}, 401, "signature_invalid"),
        ({"headers": {"webhook-id": "2"}}, 401, "signature_invalid"),
        ({"payload": "{"}, 400, "body_malformed"),
        ({"payload": "[]"}, 400, "body_malformed"),
        ({"body": "x" * 65_537}, 413, "body_too_large"),
        ({"payload": {**snapshot(), "table": "user_symbols"}}, 422, "field_invalid"),
        ({"payload": snapshot(-1)}, 422, "field_invalid"),
        ({"payload": snapshot(email="nul\x00")}, 422, "field_invalid"),
        ({"webhook_id": "first"}, 422, "field_invalid"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    trading: Pool, function: EdgeFunction, spoiled: dict[str, Any], status: int, code: str
) -> None:
    answer = await function.post(**{"payload": snapshot(), **spoiled})

    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert await balance_and_version(trading) is None


async def test_nothing_asks_the_database_before_the_signature_holds(function: EdgeFunction) -> None:
    """With a database that nobody can reach, only a good signature finds that out."""
    function.stop()
    function.database_url = "postgresql://postgres@127.0.0.1:9/none"
    await function.start()

    bad = await function.post(snapshot(), secret=secret_of("x"))
    malformed = await function.post(snapshot(-1))
    started = time.monotonic()
    good = await function.post(snapshot())

    assert (bad.status_code, malformed.status_code, good.status_code) == (401, 422, 503)
    assert time.monotonic() - started < SOON_SECONDS


async def test_two_secrets_are_good_at_once(trading: Pool, function: EdgeFunction) -> None:
    function.stop()
    function.secrets = f"{secret_of('b')} {SECRET}"
    await function.start()

    answers = [
        await function.deliver(snapshot(), webhook_id=version, secret=secret)
        for version, secret in ((1, SECRET), (2, secret_of("b")), (3, secret_of("c")))
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert await balance_and_version(trading) == (100, 2)


async def test_one_refused_row_leaves_its_batch_be(trading: Pool, function: EdgeFunction) -> None:
    events = [
        {"id": 3, **snapshot(30)},
        {"id": 4, **snapshot(40, email="nul\x00")},
        {"id": 5, **snapshot(-1)},
        {"id": 6, **snapshot(60)},
        {"id": 6, **snapshot(61)},
    ]

    answer = await function.deliver({"events": events}, webhook_id="batch")

    results = [(one["id"], one.get("result") or one["error"]) for one in answer.json()["results"]]
    assert results == [
        (3, "applied"),
        (4, "field_invalid"),
        (5, "field_invalid"),
        (6, "applied"),
        (6, "duplicate"),
    ]
    assert await balance_and_version(trading) == (60, 6)


async def test_a_locked_row_costs_the_budget_and_no_more(trading: Pool, function: EdgeFunction) -> None:
    await function.deliver(snapshot(), webhook_id=1)
    async with trading.acquire() as connection, connection.transaction():
        await connection.execute("select from user_references for update")
        started = time.monotonic()
        answer = await function.post(snapshot(97), webhook_id=2)
        elapsed = time.monotonic() - started

    assert (answer.status_code, elapsed < SOON_SECONDS) == (503, True)
    assert (await function.deliver(snapshot(97), webhook_id=2)).json() == {"result": "applied"}


async def test_other_methods_are_refused(function: EdgeFunction) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(function.url)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
