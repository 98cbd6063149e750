"""Limits of calls and streams over HTTP: by tier, shared by instances, told on every answer, never in the way of health."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import httpx2
import pytest

from orchestrator_api.limits.call import SIGNED_OUT_PER_MINUTE
from orchestrator_api.limits.calls import CallLimits
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.support import AuthServer, add_user, bearer, resources_for
from zmarty.postgres import Pool

FREE_READS = 120


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
async def instances(
    chat_api: Pool, trading_api: Pool, auth: AuthServer
) -> AsyncIterator[list[tuple[Resources, httpx2.AsyncClient]]]:
    """Two instances of the API on the same databases, with their limits on."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(2):
            resources = resources_for(chat_api, trading_api, auth, is_limited=True)
            stack.push_async_callback(resources.http.aclose)
            stack.push_async_callback(resources.background.close, drain_seconds=5)
            opened.append((resources, await stack.enter_async_context(client_of(resources))))
        yield opened


@pytest.fixture
def api(instances: list[tuple[Resources, httpx2.AsyncClient]]) -> httpx2.AsyncClient:
    return instances[0][1]


async def empty(chat: Pool, subject: str, *, missing: float) -> None:
    """Take a share of a bucket, so that a test need not call so often."""
    await chat.execute(
        "insert into private.call_rates values ($1, now() + make_interval(secs => 60 * $2::float8))"
        " on conflict (subject) do update set full_at = excluded.full_at",
        subject,
        missing,
    )


async def test_every_answer_tells_what_is_left(
    api: httpx2.AsyncClient, auth: AuthServer, user_id: UUID
) -> None:
    first = await api.get("/v1/credits", headers=bearer(auth.token(user_id)))
    second = await api.get("/nothing", headers=bearer(auth.token(user_id)))
    page = await api.get("/config.json")

    assert first.headers["x-ratelimit-limit"] == str(FREE_READS)
    assert (
        int(second.headers["x-ratelimit-remaining"])
        < int(first.headers["x-ratelimit-remaining"])
        < FREE_READS
    )
    assert int(first.headers["x-ratelimit-reset"]) == 1
    assert page.headers["x-ratelimit-limit"] == str(SIGNED_OUT_PER_MINUTE)


async def test_health_checks_are_never_counted(api: httpx2.AsyncClient, chat: Pool) -> None:
    for path in ("/livez", "/healthz", "/metrics"):
        assert "x-ratelimit-limit" not in (await api.get(path)).headers
    assert await chat.fetchval("select count(*) from private.call_rates") == 0


async def test_an_empty_bucket_refuses_and_says_for_how_long(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    await empty(chat, f"read:{user_id}", missing=1.5)

    refused = await api.get("/v1/credits", headers=bearer(auth.token(user_id)))

    assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
    assert refused.json()["details"]["limit"] == FREE_READS
    assert 25 <= int(refused.headers["retry-after"]) <= 31
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


async def test_knocking_does_not_keep_a_bucket_empty(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    await empty(chat, f"read:{user_id}", missing=1.5)
    before = await chat.fetchval("select full_at from private.call_rates")
    for _ in range(3):
        await api.get("/v1/credits", headers=bearer(auth.token(user_id)))

    assert await chat.fetchval("select full_at from private.call_rates") == before


async def test_questions_have_a_bucket_of_their_own(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    await empty(chat, f"question:{user_id}", missing=1.5)
    headers = bearer(auth.token(user_id))

    question = await api.post("/chat", json={"message": "BTC?", "stream": False}, headers=headers)
    read = await api.get("/v1/credits", headers=headers)

    assert (question.status_code, question.json()["details"]["limit"]) == (429, 10)
    assert read.status_code == 200


async def test_all_instances_share_a_bucket(
    instances: list[tuple[Resources, httpx2.AsyncClient]], auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    await empty(chat, f"read:{user_id}", missing=0.9)
    headers = bearer(auth.token(user_id))

    answers = await asyncio.gather(
        *(client.get("/v1/credits/limits", headers=headers) for _ in range(20) for _, client in instances)
    )

    statuses = Counter(answer.status_code for answer in answers)
    # Twelve are left, and two flow back in each second that the test takes.
    assert 12 <= statuses[200] < 40
    assert statuses[200] + statuses[429] == 40
    assert statuses[429] > 0


@pytest.mark.parametrize(("tier", "reads"), [("starter", 360), ("pro", 1200), ("enterprise", 12000)])
async def test_tiers_differ(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID, tier: str, reads: int
) -> None:
    await chat.execute("update profiles set tier = $2 where user_id = $1", user_id, tier)

    answer = await api.get("/v1/credits", headers=bearer(auth.token(user_id)))

    assert answer.headers["x-ratelimit-limit"] == str(reads)


async def test_operators_have_the_largest_plan(
    api: httpx2.AsyncClient, auth: AuthServer, user_id: UUID
) -> None:
    answer = await api.get("/v1/admin/cron", headers=bearer(auth.operator_token(user_id)))

    assert (answer.status_code, answer.headers["x-ratelimit-limit"]) == (200, "12000")


async def test_a_forged_token_is_counted_by_address(api: httpx2.AsyncClient, chat: Pool) -> None:
    for n in range(3):
        answer = await api.get(
            "/v1/credits", headers={**bearer(f"forged-{n}"), "X-Forwarded-For": f"{n}.1.1.1, 203.0.113.7"}
        )
        assert answer.status_code == 401

    subjects = await chat.fetch("select subject from private.call_rates")
    assert [row["subject"] for row in subjects] == ["read:203.0.113.7"]


async def test_a_stream_too_many_is_refused_until_one_ends(
    instances: list[tuple[Resources, httpx2.AsyncClient]], auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    async def open_lease() -> None:
        await chat.execute(
            "insert into private.stream_leases (subject, expires_at) values ($1, now() + interval '1 minute')",
            f"answers:{user_id}",
        )

    async def ask(client: httpx2.AsyncClient) -> httpx2.Response:
        body = {"message": "What about BTC?", "stream": False}
        return await client.post("/chat", json=body, headers=bearer(auth.token(user_id)))

    await open_lease()
    answered = [(await ask(client)).status_code for _, client in instances * 2]
    await open_lease()
    refused = await ask(instances[1][1])
    await chat.execute("update private.stream_leases set expires_at = now() - interval '1 second'")
    after = await ask(instances[0][1])

    assert answered == [200] * 4, "each gives its place back before its last byte"
    assert (refused.status_code, refused.json()["details"]["limit"]) == (429, 2)
    assert refused.headers["retry-after"] == "1"
    assert after.status_code == 200, "a dead instance's leases end by themselves"
    assert await chat.fetchval("select count(*) from private.stream_leases") == 0


async def test_event_streams_have_places_of_their_own(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    for _ in range(2):
        await chat.execute(
            "insert into private.stream_leases (subject, expires_at) values ($1, now() + interval '1 minute')",
            f"events:{user_id}",
        )
    headers = bearer(auth.token(user_id))

    events = await api.get("/v1/events", headers=headers)
    answer = await api.post("/chat", json={"message": "BTC?", "stream": False}, headers=headers)

    assert (events.status_code, events.json()["message"]) == (
        429,
        "2 events at once are what the plan allows.",
    )
    assert answer.status_code == 200


async def test_two_at_once_never_take_the_last_place_together(chat_api: Pool, user_id: UUID) -> None:
    async def take() -> bool:
        return bool(
            await chat_api.fetchval(
                "select lease_id from private.admit_call($1, false, 'x', 'read', 12, 120, 'answers', 1, 60)",
                user_id,
            )
        )

    assert sum(await asyncio.gather(*(take() for _ in range(30)))) == 2


async def test_a_running_stream_renews_its_lease(
    chat: Pool, chat_api: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_api.limits.limiter.RENEW_SECONDS", 0.01)
    from orchestrator_api.limits.limiter import Lease

    lease_id = await chat.fetchval(
        "insert into private.stream_leases (subject, expires_at) values ('answers:x', now()) returning id"
    )
    lease = Lease(chat_api, lease_id)
    async with asyncio.timeout(40):
        while not await chat.fetchval("select expires_at > now() from private.stream_leases"):
            await asyncio.sleep(0.01)
    await lease.end()
    await lease.end()

    assert await chat.fetchval("select count(*) from private.stream_leases") == 0


async def test_nobody_is_refused_while_the_database_is_away(
    instances: list[tuple[Resources, httpx2.AsyncClient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = instances[0]
    asked = 0

    async def away(*_: object, **__: object) -> None:
        nonlocal asked
        asked += 1
        raise asyncpg.CannotConnectNowError("starting up")

    monkeypatch.setattr("orchestrator_api.limits.store.admit_call", away)

    answers = [await client.get("/config.json") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "x-ratelimit-limit" not in answers[0].headers
    assert asked == 1, "it is asked again after a while, not by every request"


async def test_the_environment_multiplies_every_limit(
    instances: list[tuple[Resources, httpx2.AsyncClient]],
) -> None:
    resources, client = instances[0]
    resources.limits.factor = 3

    answer = await client.get("/config.json")

    assert answer.headers["x-ratelimit-limit"] == str(3 * SIGNED_OUT_PER_MINUTE)


async def test_full_buckets_and_ended_leases_are_forgotten(chat: Pool) -> None:
    await empty(chat, "read:old", missing=-1)
    await empty(chat, "read:new", missing=0.5)
    await chat.execute(
        "insert into private.stream_leases (subject, expires_at) values ('answers:x', now() - interval '1 second')"
    )

    await chat.execute("select private.prune_limits()")

    assert await chat.fetchval("select array_agg(subject) from private.call_rates") == ["read:new"]
    assert await chat.fetchval("select count(*) from private.stream_leases") == 0


def test_limits_are_on_unless_a_test_says_otherwise() -> None:
    assert CallLimits().is_on
