"""/v1/admin/…: for operators only, complete, newest first."""

import time
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from orchestrator_api.admin.store import save_error
from orchestrator_api.health.probes import Probes
from orchestrator_api.model_router.breaker import FAILURES_MAX
from orchestrator_api.model_router.catalog import CATALOG
from orchestrator_api.model_router.providers.xai import XaiProvider
from orchestrator_api.model_router.router import Router
from orchestrator_api.providers import Access
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.support import AuthServer, add_user, bearer, resources_for
from zmarty.messages import QUEUES
from zmarty.postgres import Pool

PATHS = (
    "/v1/admin/queues",
    "/v1/admin/queues/compute_signals/messages",
    "/v1/admin/cron",
    "/v1/admin/errors",
    "/v1/admin/dead-letters",
    "/v1/admin/outbox",
    "/v1/admin/providers",
    "/v1/admin/money",
    "/v1/admin/audit",
)


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
    assert set(by_name) >= {message.queue for message in QUEUES}
    assert (by_name["ingest_indicators"]["depth"], by_name["ingest_indicators"]["dead"]) == (1, 1)
    assert by_name["compute_signals"]["depth"] == 0
    assert shown["workers"] == []


async def test_schedules_of_both_databases_are_shown(
    operator: httpx2.AsyncClient, chat: Pool, trading: Pool
) -> None:
    runs = (await operator.get("/v1/admin/cron")).json()["runs"]

    assert {(run["database"], run["job_name"]) for run in runs} >= {
        ("chat", "expire-holds"),
        ("chat", "mirror-references"),
        ("chat", "upkeep"),
        ("trading", "enqueue-due-ingests"),
        ("trading", "enqueue-win-rates"),
        ("trading", "queue-upkeep"),
        ("trading", "reconcile"),
        ("trading", "trim-events"),
        ("trading", "upkeep"),
        ("trading", "upkeep-jobs"),
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
    for path in ("/v1/admin/dead-letters?queue=pg_class", "/v1/admin/queues/pg_class/messages"):
        answer = await operator.get(path)

        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        assert "compute_signals, compute_winrate" in answer.json()["message"]


async def test_messages_are_shown_in_pages_and_not_taken(operator: httpx2.AsyncClient, trading: Pool) -> None:
    for number in range(5):
        await trading.execute(
            "select pgmq.send('compute_signals', $1::jsonb, $2::integer)", {"n": number}, number
        )

    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/admin/queues/compute_signals/messages?limit=2&cursor={cursor}"
        page = (await operator.get(path)).json()
        seen += page["items"]
        cursor = page["next"]

    assert [row["message"]["n"] for row in seen] == [0, 1, 2, 3, 4]
    assert [row["state"] for row in seen] == ["due"] + ["postponed"] * 4
    assert await trading.fetchval("select max(read_ct) from pgmq.q_compute_signals") == 0


async def test_the_overview_names_who_paused_and_what_pins(
    operator: httpx2.AsyncClient, trading: Pool
) -> None:
    await trading.execute("select queueing.pause('compute_winrate', 'ada')")

    shown = (await operator.get("/v1/admin/queues")).json()

    by_name = {queue["name"]: queue for queue in shown["queues"]}
    assert by_name["compute_winrate"]["paused_by"] == "ada"
    assert by_name["compute_signals"]["paused_by"] is None
    assert "horizon" in shown
    health = (await operator.get("/healthz")).json()
    assert "queue compute_winrate is paused" in health["reasons"]
    assert "ada" not in str(health), "who operates is nobody else's business"


async def test_the_outbox_shows_the_oldest_and_the_parked(operator: httpx2.AsyncClient, chat: Pool) -> None:
    for parked in ("now()", "now()", "null"):
        await chat.execute(
            "insert into outbox (user_id, payload, parked_at, last_error, created_at) values "
            f"""(gen_random_uuid(), '{{"type": "INSERT", "table": "user_symbols"}}', {parked}, 'status 422',
            now() - interval '1 minute')"""
        )

    first = (await operator.get("/v1/admin/outbox?limit=1")).json()
    second = (await operator.get(f"/v1/admin/outbox?limit=1&cursor={first['next']}")).json()

    assert (first["outbox"]["pending"], first["outbox"]["parked"]) == (1, 2)
    assert first["oldest"]["age_seconds"] >= 60
    assert first["parked"][0]["type"] == "INSERT"
    assert first["parked"][0]["id"] < second["parked"][0]["id"]
    assert second["next"] is None


async def test_providers_show_breakers_probes_and_limits(
    chat_api: Pool, trading_api: Pool, trading: Pool, auth: AuthServer
) -> None:
    access = Access("http://127.0.0.1:1", "key")
    router = Router({"xai": XaiProvider(api_key="key", base_url="http://127.0.0.1:1")})
    for _ in range(FAILURES_MAX):
        router.breaker(CATALOG.models[0]).record_failure(time.monotonic())
    base = resources_for(chat_api, trading_api, auth, router=router)
    resources = replace(base, probes=Probes({"xai": access, "elevenlabs": access}, base.http))
    await trading.execute(
        """
        insert into source_usage (vendor, source, month, asked, answered, dropped, asked_at, answered_at, dropped_at, failure)
        values
          ('cryptometer', 'trend', date_trunc('month', now() at time zone 'UTC'), 9, 8, 0, now(), now() - interval '1 hour', null, 'answered 503'),
          ('cryptometer', 'candles', '2020-01-01', 5, 5, 2, '2020-01-02', '2020-01-02', '2020-01-03', null)
        """
    )
    async with client_of(resources) as client:
        shown = (await client.get("/v1/admin/providers", headers=bearer(auth.operator_token()))).json()
    await base.http.aclose()

    assert {row["name"]: row["breaker"] for row in shown["providers"]} == {"xai": "open", "elevenlabs": None}
    assert {row["name"]: row["models"] for row in shown["providers"]} == {
        "xai": {"grok-4.7": "open"},
        "elevenlabs": {},
    }
    assert {row["vendor"] for row in shown["vendors"]} >= {"cryptometer"}
    candles, trend = shown["sources"]
    assert (trend["source"], trend["asked"], trend["answered"], trend["failure"]) == (
        "trend",
        9,
        8,
        "answered 503",
    )
    assert 3_590 < trend["age_seconds"] < 3_700
    # Of an earlier month only when it last was is told; this month's counts begin anew.
    assert (candles["asked"], candles["dropped"], candles["answered_at"][:10]) == (0, 0, "2020-01-02")
    [search] = [row for row in shown["vendors"] if row["vendor"] == "xai_search"]
    assert (search["monthly_dollars"], search["dollars"]) == (50, 0)


async def test_the_books_are_added_up_and_compared(operator: httpx2.AsyncClient, chat: Pool) -> None:
    users = [await add_user(chat) for _ in range(2)]
    hold = await chat.fetchval("select hold_id from private.hold_credits($1, 30, 60)", users[0])
    await chat.execute("select private.settle_hold($1, 12, 'xai', 'grok', 1, 1, 'chat')", hold)
    await chat.execute("select private.hold_credits($1, 7, 60)", users[1])

    money = (await operator.get("/v1/admin/money")).json()

    assert (money["accounts"], money["balance"], money["held"]) == (2, 188, 7)
    assert money["entries_sum"] == 188
    assert {row["kind"]: row["credits_day"] for row in money["entries"]} == {"grant": 200, "charge": -12}
    assert (money["holds"]["holds"], money["holds"]["credits"], money["holds"]["overdue"]) == (1, 7, 0)
    assert money["agrees"] is True

    await chat.execute("update credit_accounts set balance = 500 where user_id = $1", users[0])
    money = (await operator.get("/v1/admin/money")).json()

    assert money["agrees"] is False
    (difference,) = money["differences"]
    assert (difference["user_id"], difference["balance"], difference["entries"]) == (str(users[0]), 500, 88)
