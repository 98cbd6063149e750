"""/v1/admin/…: for operators only, complete, newest first."""

from typing import Any

import httpx2
import pytest

from orchestrator_api.admin.routes import QueueName
from orchestrator_api.admin.store import SQL, save_error
from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.messages import QUEUES
from zmarty.postgres import Pool

PATHS = ("/v1/admin/queues", "/v1/admin/cron", "/v1/admin/errors", "/v1/admin/dead-letters")


@pytest.fixture
def operator(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    """A client that is signed in as an operator."""
    api.headers.update(bearer(auth.operator_token()))
    return api


@pytest.mark.parametrize("path", PATHS)
async def test_only_operators_see_it(api: httpx2.AsyncClient, auth: AuthServer, path: str) -> None:
    stranger = await api.get(path)
    user = await api.get(path, headers=bearer(auth.token(user_metadata={"role": "operator"})))
    operator = await api.get(path, headers=bearer(auth.operator_token()))

    assert (stranger.status_code, stranger.json()["error"]) == (401, "token_missing")
    assert (user.status_code, user.json()["error"]) == (403, "operator_required")
    assert operator.status_code == 200


async def test_queues_show_depth_age_and_dead_letters(operator: httpx2.AsyncClient, trading: Pool) -> None:
    await trading.execute("select pgmq.send('ingest_indicators', '{}'::jsonb)")
    await trading.execute("select pgmq.send('ingest_indicators_dead', '{}'::jsonb)")

    shown = (await operator.get("/v1/admin/queues")).json()

    by_name = {queue["name"]: queue for queue in shown["queues"]}
    assert set(by_name) == {message.queue for message in QUEUES}
    assert (by_name["ingest_indicators"]["depth"], by_name["ingest_indicators"]["dead"]) == (1, 1)
    assert by_name["compute_signals"]["depth"] == 0
    assert shown["workers"] == []


async def test_schedules_of_both_databases_are_shown(
    operator: httpx2.AsyncClient, chat: Pool, trading: Pool
) -> None:
    runs = (await operator.get("/v1/admin/cron")).json()["runs"]

    assert {(run["database"], run["job_name"]) for run in runs} == {
        ("chat", "expire-holds"),
        ("chat", "upkeep"),
        ("trading", "enqueue-due-ingests"),
        ("trading", "enqueue-win-rates"),
        ("trading", "upkeep"),
    }


async def test_errors_of_both_services_are_merged_by_time(
    operator: httpx2.AsyncClient, chat_api: Pool, trading: Pool
) -> None:
    for number in range(3):
        await save_error(chat_api, code="internal_error", request_id=f"r{number}", message="api failed")
        await trading.execute(
            """
            insert into recent_errors (service, code, message, queue, msg_id)
            values ('worker', 'message_malformed', 'no object', 'compute_signals', $1)
            """,
            number,
        )

    items: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(10):
        page = (await operator.get(f"/v1/admin/errors?limit=2&cursor={cursor}")).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break

    assert [item["service"] for item in items] == ["worker", "api"] * 3
    assert [item["occurred_at"] for item in items] == sorted((i["occurred_at"] for i in items), reverse=True)
    assert items[0]["msg_id"] == 2
    assert items[1]["request_id"] == "r2"


async def test_errors_of_one_moment_are_neither_lost_nor_repeated(
    operator: httpx2.AsyncClient, chat: Pool, trading: Pool
) -> None:
    for pool in (chat, trading):
        for _ in range(3):
            await pool.execute(
                "insert into recent_errors (service, code, message, occurred_at) values ('s', 'c', 'm', '2026-01-01Z')"
            )

    seen: list[tuple[str, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await operator.get(f"/v1/admin/errors?limit=1&cursor={cursor}")).json()
        seen += [(item["database"], item["id"]) for item in page["items"]]
        cursor = page["next"]

    assert len(seen) == len(set(seen)) == 6


async def test_dead_letters_tell_why_and_what(operator: httpx2.AsyncClient, trading: Pool) -> None:
    letter = {
        "code": "message_malformed",
        "error": "symbol: Field required",
        "attempts": 1,
        "first_failed_at": "2026-01-01T00:00:00Z",
        "last_failed_at": "2026-01-01T00:00:00Z",
        "original": {"timeframe": "1h"},
        "traceback": "…",
    }
    await trading.execute("select pgmq.send('compute_signals_dead', $1::jsonb)", letter)
    for odd in ('"text"', "[1]", '{"attempts": "many", "queue": "x"}', "null"):
        await trading.execute(f"select pgmq.send('ingest_indicators_dead', '{odd}'::jsonb)")

    items = (await operator.get("/v1/admin/dead-letters")).json()["items"]
    filtered = (await operator.get("/v1/admin/dead-letters?queue=compute_signals")).json()["items"]

    assert len(items) == 5
    assert [item["original"] for item in items[:2]] == [None, {"attempts": "many", "queue": "x"}]
    (item,) = filtered
    assert (item["queue"], item["code"], item["attempts"]) == ("compute_signals", "message_malformed", 1)
    assert item["original"] == {"timeframe": "1h"}


async def test_an_unknown_queue_is_named(operator: httpx2.AsyncClient) -> None:
    answer = await operator.get("/v1/admin/dead-letters?queue=pg_class")

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "queue")


def test_every_queue_has_its_branch() -> None:
    for message in QUEUES:
        assert f"pgmq.q_{message.queue}_dead" in SQL["dead_letters"]
        assert message.queue in QueueName.__args__  # type: ignore[attr-defined]
