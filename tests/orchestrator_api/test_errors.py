"""Every refusal has the one shape, whatever refused; surprises are recorded and say nothing about themselves."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from orchestrator_api.middleware import surroundings
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import ALLOWED_ORIGIN
from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/symbols/", 404, "not_found"),
        ("POST", "/v1/symbols", 405, "method_not_allowed"),
        ("GET", "/v1/symbols", 401, "token_missing"),
        ("GET", "/pages/none.css", 404, "not_found"),
    ],
)
async def test_refusals_have_one_shape(
    api: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.request(method, path)

    assert answer.status_code == status
    body = answer.json()
    assert list(body) == ["error", "message", "details", "request_id"]
    assert body["error"] == code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert UUID(body["request_id"])


async def test_another_method_names_the_allowed_ones(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/symbols")

    assert answer.headers["allow"] == "GET, HEAD, PUT"
    assert answer.json()["details"] == {"allowed": ["GET", "HEAD", "PUT"]}


async def test_a_surprise_is_recorded_and_keeps_its_secrets(
    api: httpx2.AsyncClient, resources: Resources, chat: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: Any) -> None:
        raise RuntimeError("the secret is 42\x00")

    monkeypatch.setattr("orchestrator_api.health.checkup.Checkup.health", explode)

    answer = await api.get("/healthz", headers={"X-Request-ID": "seen-1", "Origin": ALLOWED_ORIGIN})
    await resources.background.close(drain_seconds=5)

    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert "42" not in answer.text
    # Without this header a browser would hide the answer from the page.
    assert answer.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    row = await chat.fetchrow("select service, code, request_id, message from recent_errors")
    assert row is not None
    assert tuple(row)[:3] == ("api", "internal_error", "seen-1")
    assert row["message"] == "GET /healthz: RuntimeError: the secret is 42"


async def test_a_closed_database_is_503(api: httpx2.AsyncClient, auth: AuthServer, trading_api: Pool) -> None:
    await trading_api.close()

    answer = await api.get("/v1/candles/BTC-USDT", headers=bearer(auth.token()))

    assert (answer.status_code, answer.json()["error"]) == (503, "database_unavailable")


async def test_a_known_request_id_travels_and_a_strange_one_does_not(api: httpx2.AsyncClient) -> None:
    kept = await api.get("/livez", headers={"X-Request-ID": "client-7.a_b"})
    for strange in ("has space", "x" * 65, "semi;colon", ""):
        made = await api.get("/livez", headers={"X-Request-ID": strange})
        assert UUID(made.headers["x-request-id"])

    assert kept.headers["x-request-id"] == "client-7.a_b"


@pytest.mark.parametrize("length", [65 * 1024, 10_000_000])
async def test_an_announced_large_body_is_refused_unread(
    api: httpx2.AsyncClient, auth: AuthServer, length: int
) -> None:
    answer = await api.put("/v1/symbols", content=b"x" * length, headers=bearer(auth.token()))

    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
    assert answer.json()["details"] == {"bytes_max": 65536}


async def test_a_large_body_in_pieces_is_refused_while_read(
    api: httpx2.AsyncClient, auth: AuthServer
) -> None:
    sent = 0

    async def pieces() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 1024

    answer = await api.put("/v1/symbols", content=pieces(), headers=bearer(auth.token()))

    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


async def test_common_headers_are_on_every_answer(api: httpx2.AsyncClient) -> None:
    for path in ("/livez", "/nothing", "/v1/symbols"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


async def test_only_allowed_origins_may_read(api: httpx2.AsyncClient) -> None:
    allowed = await api.get("/livez", headers={"Origin": ALLOWED_ORIGIN})
    refused = await api.get("/livez", headers={"Origin": "https://evil.example.com"})

    assert allowed.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    exposed = allowed.headers["access-control-expose-headers"].lower()
    assert "x-request-id" in exposed
    assert "x-ratelimit-remaining" in exposed
    assert "access-control-allow-origin" not in refused.headers


async def test_a_preflight_names_what_is_allowed(api: httpx2.AsyncClient) -> None:
    ask = {
        "Origin": ALLOWED_ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }

    allowed = await api.options("/v1/symbols", headers=ask)
    refused = await api.options("/v1/symbols", headers=ask | {"Origin": "https://evil.example.com"})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    assert "access-control-allow-origin" not in refused.headers


async def test_requests_stream_through_the_middleware(resources: Resources) -> None:
    released = asyncio.Event()
    seen: list[bytes] = []

    async def stream(request: Request) -> StreamingResponse:
        async def pieces() -> Any:
            yield b"first"
            await released.wait()
            yield b"second"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/stream", stream)], middleware=surroundings(()))

    async def send(message: Any) -> None:
        if message.get("body"):
            seen.append(message["body"])
            # Only released once the first piece has arrived: buffering would hang here.
            released.set()

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": [],
        "state": {"resources": resources},
        "asgi": {"spec_version": "2.4"},
    }
    async with asyncio.timeout(30):
        await app(scope, receive, send)
    assert seen == [b"first", b"second"]
