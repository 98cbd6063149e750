"""The API in the test's own loop, on databases of its own, with an auth server whose tokens the test can bend."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn

from orchestrator_api.app import create_app
from orchestrator_api.resources import Resources
from tests.orchestrator_api.support import AuthServer, WithResources, resources_for
from zmarty.postgres import Pool

ALLOWED_ORIGIN = "https://app.example.com"


@pytest.fixture
def auth() -> AuthServer:
    return AuthServer()


@pytest.fixture
async def resources(chat_api: Pool, trading_api: Pool, auth: AuthServer) -> AsyncIterator[Resources]:
    """Logged in as zmarty_api, as in production. Take it beside `api` to reach what the routes reach."""
    opened = resources_for(chat_api, trading_api, auth)
    yield opened
    await opened.background.close(drain_seconds=5)
    await opened.http.aclose()


@pytest.fixture
async def api(resources: Resources) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API. Answers arrive whole; take `api_server` to watch a stream."""
    async with client_of(resources) as client:
        yield client


@asynccontextmanager
async def client_of(resources: Resources) -> AsyncIterator[httpx2.AsyncClient]:
    app = WithResources(create_app(lambda: _never(), allowed_origins=(ALLOWED_ORIGIN,)), resources)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://api.test"
    ) as client:
        yield client


@pytest.fixture
async def api_server(resources: Resources) -> AsyncIterator[str]:
    """The API behind a real uvicorn on a free port: its base URL."""
    async with serving(resources) as url:
        yield url


@asynccontextmanager
async def serving(resources: Resources) -> AsyncIterator[str]:
    """Serve with these resources; two at once are two instances of the API."""
    app = create_app(lambda: _given(resources), allowed_origins=(ALLOWED_ORIGIN,))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(40):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def _given(resources: Resources) -> AsyncIterator[Resources]:
    yield resources


def _never() -> Any:
    raise AssertionError("the test hands its resources to the requests itself")
