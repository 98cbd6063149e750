"""POST /v1/admin/…: for operators only, done once however often asked, and each in the audit log with who and from where."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.resources import Resources
from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

QUEUE = "compute_signals"
ORIGINAL = {"symbol": "BTC/USDT", "timeframe": "1h"}
ACTIONS: dict[str, dict[str, Any]] = {
    f"/v1/admin/dead-letters/{QUEUE}/retry": {"msg_ids": [1]},
    f"/v1/admin/dead-letters/{QUEUE}/discard": {"msg_ids": [1]},
    f"/v1/admin/queues/{QUEUE}/pause": {},
    f"/v1/admin/queues/{QUEUE}/resume": {},
    f"/v1/admin/queues/{QUEUE}/purge": {"confirm": QUEUE},
    "/v1/admin/outbox/retry": {"ids": [1]},
}


async def bury(trading: Pool) -> int:
    sent: int = await trading.fetchval(
        f"select pgmq.send('{QUEUE}_dead', $1::jsonb)", {"code": "x", "original": ORIGINAL}
    )
    return sent


async def count(pool: Pool, table: str) -> int:
    counted: int = await pool.fetchval(f"select count(*) from {table}")
    return counted


async def audited(chat: Pool) -> list[tuple[Any, ...]]:
    rows = await chat.fetch(
        "select action, entity, new, result_of is not null as is_result from audit_log order by id"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("path", ACTIONS)
async def test_only_operators_act(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, trading: Pool, path: str
) -> None:
    await bury(trading)
    await trading.execute(f"select pgmq.send('{QUEUE}', '{{}}'::jsonb)")

    stranger = await api.post(path, json=ACTIONS[path])
    user = await api.post(
        path, json=ACTIONS[path], headers=bearer(auth.token(user_metadata={"role": "operator"}))
    )

    assert (stranger.status_code, stranger.json()["error"]) == (401, "token_missing")
    assert (user.status_code, user.json()["error"]) == (403, "operator_required")
    assert await audited(chat) == []
    assert await count(trading, f"pgmq.q_{QUEUE}_dead") == 1
    assert await count(trading, f"pgmq.q_{QUEUE}") == 1
    assert await count(trading, "queueing.pauses") == 0


async def test_a_letter_is_retried_once_and_every_asking_is_audited(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, trading: Pool
) -> None:
    letter, user_id = await bury(trading), uuid4()
    headers = {
        **bearer(auth.operator_token(user_id)),
        "User-Agent": "Firefox",
        "X-Forwarded-For": "203.0.113.7, 10.0.0.1",
    }
    path, body = f"/v1/admin/dead-letters/{QUEUE}/retry", {"msg_ids": [letter, letter]}

    first = await api.post(path, json=body, headers=headers)
    again = await api.post(path, json=body, headers=headers)

    assert first.json() == {"queue": QUEUE, "asked": 1, "done": 1}
    assert again.json() == {"queue": QUEUE, "asked": 1, "done": 0}
    assert await trading.fetchval(f"select message from pgmq.q_{QUEUE}") == ORIGINAL
    assert await audited(chat) == [
        ("dead_letters_retry_requested", f"queue:{QUEUE}", {"count": 1, "msg_ids": [letter]}, False),
        ("dead_letters_retry_done", f"queue:{QUEUE}", {"count": 1}, True),
        ("dead_letters_retry_requested", f"queue:{QUEUE}", {"count": 1, "msg_ids": [letter]}, False),
        ("dead_letters_retry_done", f"queue:{QUEUE}", {"count": 0}, True),
    ]
    rows = await chat.fetch("select distinct actor, host(ip) as ip, user_agent from audit_log")
    assert [tuple(row) for row in rows] == [(f"user:{user_id} person@example.com", "203.0.113.7", "Firefox")]


async def test_a_discarded_letter_goes_to_the_archive(operator: httpx2.AsyncClient, trading: Pool) -> None:
    letter = await bury(trading)

    answer = await operator.post(f"/v1/admin/dead-letters/{QUEUE}/discard", json={"msg_ids": [letter]})

    assert answer.json()["done"] == 1
    assert await count(trading, f"pgmq.q_{QUEUE}_dead") == await count(trading, f"pgmq.q_{QUEUE}") == 0
    assert await trading.fetchval(f"select msg_id from pgmq.a_{QUEUE}_dead") == letter


async def test_pausing_twice_is_pausing_once(operator: httpx2.AsyncClient, chat: Pool, trading: Pool) -> None:
    answers = [
        (await operator.post(f"/v1/admin/queues/{QUEUE}/{verb}")).json()
        for verb in ("pause", "pause", "resume", "resume")
    ]

    assert [(answer["is_paused"], answer["changed"]) for answer in answers] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert [action for action, *_ in await audited(chat)][:2] == [
        "queue_pause_requested",
        "queue_pause_done",
    ]


async def test_a_purge_must_name_the_queue_twice(
    operator: httpx2.AsyncClient, chat: Pool, trading: Pool
) -> None:
    await trading.execute(f"select pgmq.send('{QUEUE}', '{{}}'::jsonb)")
    path = f"/v1/admin/queues/{QUEUE}/purge"

    refused = await operator.post(path, json={"confirm": "yes"})

    assert (refused.status_code, refused.json()["details"]["field"]) == (422, "confirm")
    assert await audited(chat) == []

    assert (await operator.post(path, json={"confirm": QUEUE})).json()["purged"] == 1
    assert (await audited(chat))[1][2] == {"count": 1}


async def test_parked_changes_are_retried_with_their_audit(operator: httpx2.AsyncClient, chat: Pool) -> None:
    row = await chat.fetchval(
        "insert into outbox (user_id, payload, parked_at) values ($1, '{}', now()) returning id", UUID(int=1)
    )

    first = await operator.post("/v1/admin/outbox/retry", json={"ids": [row, 999]})
    again = await operator.post("/v1/admin/outbox/retry", json={"ids": [row]})

    assert (first.json(), again.json()) == ({"retried": [row]}, {"retried": []})
    assert await chat.fetchval("select parked_at from outbox where id = $1", row) is None
    assert [new for *_, new, _ in await audited(chat)] == [
        {"ids": [row, 999]},
        {"ids": [row]},
        {"ids": [row]},
        {"ids": []},
    ]


@pytest.mark.parametrize("path", [path for path in ACTIONS if QUEUE in path])
async def test_an_unknown_queue_is_refused_before_the_log(
    operator: httpx2.AsyncClient, chat: Pool, path: str
) -> None:
    answer = await operator.post(path.replace(QUEUE, "pg_class"), json=ACTIONS[path])

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "compute_signals, compute_winrate" in answer.json()["message"]
    assert await audited(chat) == []


@pytest.mark.parametrize("ids", [[], [0], [-1], ["x"], [2**63], list(range(1, 202)), None])
async def test_odd_lists_are_refused(operator: httpx2.AsyncClient, chat: Pool, ids: Any) -> None:
    for path, body in (
        (f"/v1/admin/dead-letters/{QUEUE}/retry", {"msg_ids": ids}),
        ("/v1/admin/outbox/retry", {"ids": ids}),
    ):
        answer = await operator.post(path, json=body)

        assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")
    assert await audited(chat) == []


async def test_what_cannot_be_audited_is_not_done(
    operator: httpx2.AsyncClient, chat_api: Pool, trading: Pool
) -> None:
    letter = await bury(trading)
    chat_api.terminate()

    answer = await operator.post(f"/v1/admin/dead-letters/{QUEUE}/retry", json={"msg_ids": [letter]})

    assert (answer.status_code, answer.json()["error"]) == (503, "database_unavailable")
    assert await count(trading, f"pgmq.q_{QUEUE}_dead") == 1


async def test_a_failed_action_is_said_to_have_failed(
    operator: httpx2.AsyncClient, chat: Pool, trading: Pool
) -> None:
    letter = await bury(trading)
    await trading.execute(f"revoke delete on pgmq.q_{QUEUE}_dead from zmarty_api")

    answer = await operator.post(f"/v1/admin/dead-letters/{QUEUE}/retry", json={"msg_ids": [letter]})

    assert answer.status_code >= 500
    assert [action for action, *_ in await audited(chat)] == [
        "dead_letters_retry_requested",
        "dead_letters_retry_failed",
    ]


async def test_a_result_that_cannot_be_written_does_not_deny_the_action(
    operator: httpx2.AsyncClient, resources: Resources, chat: Pool, trading: Pool
) -> None:
    await chat.execute(
        "create function refuse_result() returns trigger language plpgsql as "
        "$$ begin raise exception 'the log is full'; end $$;"
        "create trigger refuse_result before insert on audit_log for each row "
        "when (new.result_of is not null) execute function refuse_result()"
    )

    answer = await operator.post(f"/v1/admin/queues/{QUEUE}/pause")

    assert (answer.status_code, answer.json()["changed"]) == (200, True)
    assert [action for action, *_ in await audited(chat)] == ["queue_pause_requested"]


async def test_the_audit_log_is_shown_newest_first(operator: httpx2.AsyncClient, chat: Pool) -> None:
    for verb in ("pause", "resume"):
        await operator.post(f"/v1/admin/queues/{QUEUE}/{verb}")

    first = (await operator.get("/v1/admin/audit?limit=3")).json()
    rest = (await operator.get(f"/v1/admin/audit?limit=3&cursor={first['next']}")).json()

    rows = [*first["items"], *rest["items"]]
    assert [row["action"] for row in rows] == [
        "queue_resume_done",
        "queue_resume_requested",
        "queue_pause_done",
        "queue_pause_requested",
    ]
    assert rows[0]["result_of"] == rows[1]["id"]
    assert rest["next"] is None
