"""GET and DELETE /v1/jobs: one's own, page by page, cancelled as often as one likes."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.support import AuthServer, bearer, resources_for
from zmarty import jobs
from zmarty.postgres import Pool, open_pool

ADA, BOB = uuid4(), uuid4()


@pytest.fixture
def ada(auth: AuthServer) -> dict[str, str]:
    return bearer(auth.token(ADA))


@pytest.fixture
async def job_id(trading: Pool) -> UUID:
    return await jobs.create(trading, kind="sync", user_id=ADA, detail={"scope": "all"})


async def test_an_owner_sees_how_far_it_is(
    api: httpx2.AsyncClient, trading: Pool, ada: dict[str, str], job_id: UUID
) -> None:
    await jobs.progress(trading, job_id, 0.5)

    answer = await api.get(f"/v1/jobs/{job_id}", headers=ada)

    assert answer.status_code == 200
    shown = answer.json()
    assert shown["id"] == str(job_id)
    assert (shown["state"], shown["progress"], shown["detail"]) == ("running", 0.5, {"scope": "all"})
    assert "user_id" not in shown


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_strangers_find_nothing(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool, job_id: UUID, method: str
) -> None:
    for token in (auth.token(BOB), auth.token()):
        refused = await api.request(method, f"/v1/jobs/{job_id}", headers=bearer(token))
        assert refused.status_code == 404
        assert refused.json()["error"] == "not_found"
    system = await jobs.create(trading, kind="reconcile", user_id=None)
    assert (await api.get(f"/v1/jobs/{system}", headers=bearer(auth.token(BOB)))).status_code == 404
    unchanged = await jobs.find(trading, job_id)
    assert unchanged is not None
    assert unchanged.state == "queued"


async def test_operators_see_and_stop_any(
    api: httpx2.AsyncClient, auth: AuthServer, trading: Pool, job_id: UUID
) -> None:
    system = await jobs.create(trading, kind="reconcile", user_id=None)
    operator = bearer(auth.operator_token())

    assert (await api.get(f"/v1/jobs/{system}", headers=operator)).status_code == 200
    assert (await api.delete(f"/v1/jobs/{job_id}", headers=operator)).json()["state"] == "cancelled"


async def test_cancelling_is_safe_to_repeat(
    api: httpx2.AsyncClient, trading: Pool, ada: dict[str, str], job_id: UUID
) -> None:
    await jobs.progress(trading, job_id, 0.5)

    answers = [await api.delete(f"/v1/jobs/{job_id}", headers=ada) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["state"] == "running"
    assert answers[0].json()["cancel_requested_at"] is not None
    assert not await jobs.progress(trading, job_id, 0.6)
    assert (await api.delete(f"/v1/jobs/{job_id}", headers=ada)).json()["state"] == "cancelled"


@pytest.mark.parametrize("name", ["7", "not-a-uuid", "x" * 500])
async def test_a_name_that_is_no_id_is_not_found(
    api: httpx2.AsyncClient, ada: dict[str, str], name: str
) -> None:
    assert (await api.get(f"/v1/jobs/{name}", headers=ada)).status_code == 404


async def test_pages_neither_skip_nor_repeat(
    api: httpx2.AsyncClient, trading: Pool, ada: dict[str, str]
) -> None:
    async with trading.acquire() as connection, connection.transaction():
        # Of one moment, so that only the id tells them apart.
        mine = {str(await jobs.create(connection, kind="sync", user_id=ADA)) for _ in range(7)}
    await jobs.create(trading, kind="export", user_id=ADA)
    await jobs.create(trading, kind="sync", user_id=BOB)

    seen: list[str] = []
    cursor = ""
    for _ in range(5):
        page = (await api.get(f"/v1/jobs?kind=sync&limit=3&cursor={cursor}", headers=ada)).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"] or ""
        if not cursor:
            break

    assert len(seen) == 7
    assert set(seen) == mine


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiw1XQ"])
async def test_a_forged_cursor_is_refused(api: httpx2.AsyncClient, ada: dict[str, str], cursor: str) -> None:
    refused = await api.get(f"/v1/jobs?cursor={cursor}", headers=ada)
    assert refused.status_code == 422
    assert refused.json()["details"]["field"] == "cursor"


async def test_a_job_outlives_its_processes(
    resources: Resources,
    auth: AuthServer,
    chat_api: Pool,
    trading_dsn: Callable[..., str],
    ada: dict[str, str],
) -> None:
    """The API that made it and the worker that began it are gone; others go on where they were."""
    job_id = await jobs.create(resources.trading, kind="sync", user_id=ADA)
    worker = await open_pool(trading_dsn("zmarty_worker"), application_name="w1", size_min=0, size_max=1)
    await jobs.progress(worker, job_id, 0.3)
    worker.terminate()

    next_worker = await open_pool(trading_dsn("zmarty_worker"), application_name="w2", size_min=0, size_max=1)
    next_trading = await open_pool(trading_dsn("zmarty_api"), application_name="a2", size_min=0, size_max=1)
    restarted = resources_for(chat_api, next_trading, auth)
    try:
        async with client_of(restarted) as api:
            assert (await api.get(f"/v1/jobs/{job_id}", headers=ada)).json()["progress"] == 0.3
            assert await jobs.progress(next_worker, job_id, 0.6)
            await api.delete(f"/v1/jobs/{job_id}", headers=ada)
            assert not await jobs.progress(next_worker, job_id, 0.7)
            assert (await api.get(f"/v1/jobs/{job_id}", headers=ada)).json()["state"] == "cancelled"
    finally:
        await restarted.http.aclose()
        next_worker.terminate()
        next_trading.terminate()
