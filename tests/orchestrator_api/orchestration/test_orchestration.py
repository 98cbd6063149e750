"""/v1/orchestration: users ask for and see their own part of the mirror, operators everybody's."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty import jobs
from zmarty.postgres import Pool

QUEUE = "/v1/orchestration/sync/queue"


@pytest.fixture
async def ada(chat: Pool) -> UUID:
    return await add_user(chat)


async def test_a_user_queues_their_own_comparison(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool, ada: UUID
) -> None:
    answer = await api.post(QUEUE, json={}, headers=bearer(auth.token(ada)))

    assert answer.status_code == 202
    task = answer.json()
    assert (task["user_id"], task["state"], task["progress"], task["result"]) == (str(ada), "queued", 0, None)
    [sent] = await trading.fetch("select message from pgmq.q_reconcile")
    assert sent["message"] == {"user_id": str(ada), "job_id": task["task_id"]}

    again = await api.post(QUEUE, json={"user_id": str(ada)}, headers=bearer(auth.token(ada)))
    assert (again.status_code, again.json()["task_id"]) == (200, task["task_id"])
    assert await trading.fetchval("select count(*) from pgmq.q_reconcile") == 1


async def test_another_users_comparison_needs_an_operator(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, trading: Pool, ada: UUID
) -> None:
    asked = {"user_id": str(ada)}

    refused = await api.post(QUEUE, json=asked, headers=bearer(auth.token(uuid4())))
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert await trading.fetchval("select count(*) from jobs") == 0

    done = await api.post(QUEUE, json=asked, headers=bearer(auth.operator_token()))
    assert (done.status_code, done.json()["user_id"]) == (202, str(ada))
    entries = await chat.fetch("select action, entity from audit_log order by id")
    assert [tuple(entry) for entry in entries] == [
        ("sync_queue_requested", f"user:{ada}"),
        ("sync_queue_done", f"user:{ada}"),
    ]


async def test_an_operator_compares_everybody(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool
) -> None:
    answer = await api.post(QUEUE, json={}, headers=bearer(auth.operator_token()))

    assert (answer.status_code, answer.json()["user_id"]) == (202, None)
    [sent] = await trading.fetch("select message from pgmq.q_reconcile")
    assert sent["message"] == {"job_id": answer.json()["task_id"]}


@pytest.mark.parametrize("body", ["{", "[]", '{"user_id": "ada"}', '{"user": "ada"}'])
async def test_what_makes_no_sense_is_refused(api: httpx2.AsyncClient, auth: AuthServer, body: str) -> None:
    headers = {**bearer(auth.token()), "content-type": "application/json"}

    assert (await api.post(QUEUE, content=body, headers=headers)).status_code in {400, 422}


async def test_a_task_is_followed_by_its_owner_and_operators(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool, ada: UUID
) -> None:
    task_id = await jobs.create(trading, kind="sync", user_id=ada)
    await jobs.finish(trading, task_id, {"differences": 0})
    other = await jobs.create(trading, kind="backtest", user_id=ada)
    path = "/v1/orchestration/sync/status"

    for token in (auth.token(ada), auth.operator_token()):
        shown = await api.get(f"{path}/{task_id}", headers=bearer(token))
        assert shown.status_code == 200
        assert (shown.json()["state"], shown.json()["result"]) == ("done", {"differences": 0})
    assert (await api.get(f"{path}/{task_id}", headers=bearer(auth.token(uuid4())))).status_code == 404
    for unknown in (uuid4(), other, "x"):
        assert (await api.get(f"{path}/{unknown}", headers=bearer(auth.token(ada)))).status_code == 404


async def test_a_history_is_paged_and_ones_own(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool, ada: UUID
) -> None:
    made = [str(await jobs.create(trading, kind="sync", user_id=ada)) for _ in range(3)]
    await jobs.create(trading, kind="backtest", user_id=ada)
    path = f"/v1/orchestration/sync/history/{ada}"

    first = (await api.get(path, params={"limit": 2}, headers=bearer(auth.token(ada)))).json()
    rest = (
        await api.get(
            path, params={"limit": 2, "cursor": first["next"]}, headers=bearer(auth.operator_token())
        )
    ).json()

    assert [task["task_id"] for task in [*first["items"], *rest["items"]]] == made[::-1]
    assert rest["next"] is None
    assert (await api.get(path, headers=bearer(auth.token(uuid4())))).status_code == 403
    odd = await api.get("/v1/orchestration/sync/history/ada", headers=bearer(auth.operator_token()))
    assert (odd.status_code, odd.json()["error"]) == (422, "field_invalid")


async def test_a_status_is_ones_own_or_the_whole(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, trading: Pool, ada: UUID
) -> None:
    bob = await add_user(chat)
    for user_id in (ada, bob):
        await chat.execute(
            "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC', '1h')", user_id
        )
        await trading.execute(
            "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'BTC/USDT', '1h', true, 1)",
            user_id,
        )
    await chat.execute("update outbox set parked_at = now() where user_id = $1", bob)
    await trading.execute(
        "insert into user_references (user_id, tier, credits_balance, is_active, version) values ($1, 'free', 100, true, 1)",
        ada,
    )
    task_id = await jobs.create(trading, kind="sync", user_id=None)
    await jobs.finish(trading, task_id, {"differences": 1})

    path = "/v1/orchestration/status"
    mine = (await api.get(path, headers=bearer(auth.token(ada)))).json()
    whole = (await api.get(path, headers=bearer(auth.operator_token()))).json()

    assert mine["oldest_pending_seconds"] >= 0
    assert mine["synced_at"] is not None
    wanted = ("scope", "pending", "parked", "watchers", "references", "delivered_at", "last_sync")
    assert [mine[name] for name in wanted] == ["user", 1, 0, 1, 1, None, None]
    assert [whole[name] for name in wanted[:5]] == ["everybody", 1, 1, 2, 1]
    assert whole["last_sync"]["result"] == {"differences": 1}
    nobody = (await api.get(path, headers=bearer(auth.token(uuid4())))).json()
    assert (nobody["pending"], nobody["watchers"], nobody["oldest_pending_seconds"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", QUEUE),
        ("GET", f"/v1/orchestration/sync/status/{UUID(int=7)}"),
        ("GET", f"/v1/orchestration/sync/history/{UUID(int=7)}"),
        ("GET", "/v1/orchestration/status"),
    ],
)
async def test_nobody_is_answered_without_a_token(api: httpx2.AsyncClient, method: str, path: str) -> None:
    assert (await api.request(method, path)).status_code == 401
