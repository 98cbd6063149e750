"""The real function under Deno on a real database: what it accepts, refuses and survives."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.orchestrator_worker.relay.functions import SECRET, SOON_SECONDS, EdgeFunction, secret_of, until
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool
from zmarty.queue import send_once

USER = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")


def row(
    symbol: str = "BTC/USDT", *, active: bool = True, user: UUID = USER, strategy: Any = None
) -> dict[str, Any]:
    return {
        "user_id": str(user),
        "symbol": symbol,
        "timeframe": "1h",
        "strategy": strategy or {},
        "active": active,
    }


def event(kind: str, record: Any = None, old_record: Any = None) -> dict[str, Any]:
    return {
        "type": kind,
        "table": "user_symbols",
        "schema": "public",
        "record": record,
        "old_record": old_record,
    }


INSERT = event("INSERT", row())


async def watcher(trading: Pool, symbol: str = "BTC/USDT") -> tuple[bool, int] | None:
    found = await trading.fetchrow("select active, version from watchers where symbol = $1", symbol)
    return (found["active"], found["version"]) if found else None


async def ingest_count(trading: Pool) -> int:
    count: int = await trading.fetchval("select count(*) from pgmq.q_ingest_indicators")
    return count


async def results_of(function: EdgeFunction, *events: tuple[int, dict[str, Any]]) -> list[str]:
    answers = [await function.deliver(payload, webhook_id=webhook_id) for webhook_id, payload in events]
    assert [answer.status_code for answer in answers] == [200] * len(events)
    return [answer.json()["result"] for answer in answers]


async def test_a_replay_is_a_duplicate_and_the_past_is_stale(trading: Pool, function: EdgeFunction) -> None:
    delete = event("DELETE", None, row())

    results = await results_of(function, (5, INSERT), (5, INSERT), (9, delete), (9, delete), (5, INSERT))

    assert results == ["applied", "duplicate", "applied", "duplicate", "stale"]
    assert await watcher(trading) == (False, 9)
    assert await ingest_count(trading) == 1


async def test_a_delete_that_overtakes_leaves_a_tombstone(trading: Pool, function: EdgeFunction) -> None:
    results = await results_of(function, (9, event("DELETE", None, row())), (5, INSERT))

    assert results == ["applied", "stale"]
    assert await watcher(trading) == (False, 9)
    assert await ingest_count(trading) == 0


async def test_a_moved_key_is_judged_key_by_key(trading: Pool, function: EdgeFunction) -> None:
    moved = event("UPDATE", row("ETH/USDT"), row("BTC/USDT"))

    results = await results_of(
        function, (5, INSERT), (8, event("INSERT", row("ETH/USDT"))), (7, moved), (7, moved)
    )

    assert results == ["applied", "applied", "applied", "stale"]
    assert await watcher(trading, "BTC/USDT") == (False, 7)
    assert await watcher(trading, "ETH/USDT") == (True, 8)


async def test_events_in_any_order_end_with_the_newest(trading: Pool, function: EdgeFunction) -> None:
    seed = random.randrange(10**6)
    numbers = list(range(1, 41)) * 2
    random.Random(seed).shuffle(numbers)
    payloads = {number: event("UPDATE", row(active=number % 2 == 1), row()) for number in numbers}

    answers = await asyncio.gather(
        *(function.deliver(payloads[number], webhook_id=number) for number in numbers)
    )

    refused = [answer.text for answer in answers if answer.status_code != 200]
    assert refused == [], f"seed {seed}"
    applied = [
        n for n, answer in zip(numbers, answers, strict=True) if answer.json().get("result") == "applied"
    ]
    assert len(applied) == len(set(applied)), f"seed {seed}"
    assert await watcher(trading) == (False, 40), f"seed {seed}"


@pytest.mark.parametrize(("version", "result"), [(5, "stale"), (9, "duplicate"), (12, "applied")])
async def test_a_row_that_appears_meanwhile_is_compared_with(
    trading: Pool, function: EdgeFunction, version: int, result: str
) -> None:
    insert = (
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, $2, '1h', true, 9)"
    )
    async with trading.acquire() as connection, connection.transaction():
        await connection.execute(insert, USER, "BTC/USDT")
        posted = asyncio.create_task(function.deliver(event("DELETE", None, row()), webhook_id=version))
        await until(lambda: trading.fetchval("select count(*) > 0 from pg_locks where not granted"))

    assert (await posted).json() == {"result": result}
    assert await watcher(trading) == ((False, 12) if version == 12 else (True, 9))


async def test_a_pair_somebody_watches_is_not_ingested_again(trading: Pool, function: EdgeFunction) -> None:
    await results_of(function, (1, INSERT), (2, event("INSERT", row(user=uuid4()))))

    assert await ingest_count(trading) == 1


async def test_the_first_ingest_coalesces_with_our_other_senders(
    trading: Pool, function: EdgeFunction
) -> None:
    async with trading.acquire() as connection:
        await send_once(
            connection, IngestIndicators.model_validate({"symbol": "BTC/USDT", "timeframe": "1h"})
        )

    await results_of(function, (1, INSERT))

    assert await ingest_count(trading) == 1


async def test_a_strategy_is_stored_as_it_was_sent(trading: Pool, function: EdgeFunction) -> None:
    strategy = {"name": "swing", "levels": [1.5, None, True], "note": 'Ü "日本" \\ 🚀'}

    await results_of(function, (1, event("INSERT", row(strategy=strategy))))

    assert await trading.fetchval("select strategy from watchers") == strategy


@pytest.mark.parametrize(
    ("spoiled", "status", "code"),
    [
        ({"secret": secret_of("x")}, 401, "signature_invalid"),
        ({"age_seconds": 301}, 401, "signature_invalid"),
        ({"age_seconds": -330}, 401, "signature_invalid"),
        ({"body": '{"tampered": true}'}, 401, "signature_invalid"),
        ({"headers": {"webhook-signature": "v1"}}, 401, "signature_invalid"),
        ({"headers": {"webhook-timestamp": "now"}}, 401, "signature_invalid"),
        ({"headers": {"webhook-id": "2"}}, 401, "signature_invalid"),
        ({"payload": "{"}, 400, "body_malformed"),
        ({"payload": "[]"}, 400, "body_malformed"),
        ({"body": "x" * 65_537}, 413, "body_too_large"),
        ({"payload": event("INSERT", row("btc"))}, 422, "field_invalid"),
        ({"payload": event("DROP", row())}, 422, "field_invalid"),
        ({"webhook_id": "first"}, 422, "field_invalid"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    trading: Pool, function: EdgeFunction, spoiled: dict[str, Any], status: int, code: str
) -> None:
    answer = await function.post(**{"payload": INSERT, **spoiled})

    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert await trading.fetchval("select count(*) from watchers") == 0
    [line] = function.lines()
    assert (line["event"], line["status"], line["error"]) == ("webhook_answered", status, code)


async def test_other_methods_are_refused(function: EdgeFunction) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(function.url)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_locked_row_costs_the_budget_and_no_more(trading: Pool, function: EdgeFunction) -> None:
    await results_of(function, (1, INSERT))
    async with trading.acquire() as connection, connection.transaction():
        await connection.execute("select from watchers for update")

        started = time.monotonic()
        answer = await function.post(event("DELETE", None, row()), webhook_id=2)
        elapsed = time.monotonic() - started

    assert answer.status_code == 503
    assert elapsed < SOON_SECONDS
    assert await results_of(function, (2, event("DELETE", None, row()))) == ["applied"]


async def test_lost_connections_are_replaced(trading: Pool, function: EdgeFunction) -> None:
    await results_of(function, (1, INSERT))
    ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'watchers-upsert'"
    assert await trading.fetchval(f"{ended} and datname = current_database()") > 0

    async def applied() -> bool:
        return (await function.post(event("DELETE", None, row()), webhook_id=2)).status_code == 200

    await until(applied)
    assert await watcher(trading) == (False, 2)


async def test_a_database_that_is_away_is_answered_in_time(function: EdgeFunction) -> None:
    function.stop()
    function.database_url = "postgresql://postgres@127.0.0.1:9/none"
    await function.start()

    started = time.monotonic()
    answer = await function.post(INSERT)

    assert (answer.status_code, time.monotonic() - started < SOON_SECONDS) == (503, True)


@pytest.mark.parametrize(
    ("secrets", "event_name"), [("", "secrets_missing"), (f"v1,{SECRET}", "secrets_malformed")]
)
async def test_without_a_good_secret_nothing_is_accepted(
    function: EdgeFunction, secrets: str, event_name: str
) -> None:
    function.stop()
    function.secrets = secrets
    await function.start()

    answer = await function.post(INSERT)

    assert (answer.status_code, answer.json()["error"]) == (503, "secrets_missing")
    assert function.lines()[0]["event"] == event_name
    assert SECRET not in function.log.read_text()


async def test_a_batch_is_one_request(trading: Pool, function: EdgeFunction) -> None:
    events = [
        {"id": 3, **INSERT},
        {"id": 4, **event("INSERT", row("btc"))},
        {"id": 2, **event("DELETE", None, row())},
    ]

    answer = await function.deliver({"events": events}, webhook_id="batch")

    results = [(one["id"], one.get("result") or one["error"]) for one in answer.json()["results"]]
    assert results == [(3, "applied"), (4, "field_invalid"), (2, "stale")]
    assert await watcher(trading) == (True, 3)
