"""A real auth server on a free port, over this test's own chat database."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from local_stack.auth_server.__main__ import Settings, opened
from local_stack.auth_server.app import create_app
from local_stack.auth_server.resources import Resources, mailbox_file

START_SECONDS_MAX = 60


@dataclass(frozen=True)
class AuthServer:
    url: str
    home: Path
    http: httpx.AsyncClient

    @property
    def mails(self) -> list[dict[str, Any]]:
        file = mailbox_file(self.home)
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def sign_up(
        self, email: str = "ada@example.com", password: str = "correct horse"
    ) -> dict[str, Any]:
        answer = await self.http.post("/signup", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def refresh(self, token: str) -> httpx.Response:
        return await self.http.post("/token?grant_type=refresh_token", json={"refresh_token": token})


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {session['access_token']}"}


StartServer = Callable[..., Awaitable[AuthServer]]


@pytest.fixture
async def start_server(chat_dsn: Callable[..., str], tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers with changed resources: `await start_server(rules=Rules(reuse_seconds=0))`."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None], httpx.AsyncClient]] = []

    async def start(*, publishable_key: str | None = None, **changes: Any) -> AuthServer:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(
            auth_database_url=chat_dsn("supabase_auth_admin"),
            zmarty_home=tmp_path,
            auth_publishable_key=publishable_key,
        )

        @asynccontextmanager
        async def changed() -> AsyncIterator[Resources]:
            async with opened(settings, url) as resources:
                yield replace(resources, **changes)

        config = uvicorn.Config(create_app(changed), log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        client = httpx.AsyncClient(base_url=f"{url}/auth/v1", timeout=40)
        running.append((server, task, client))
        async with asyncio.timeout(START_SECONDS_MAX):
            while not server.started:
                assert not task.done(), "the auth server did not start"
                await asyncio.sleep(0.01)
        return AuthServer(url, tmp_path, client)

    yield start
    for server, task, client in running:
        await client.aclose()
        server.should_exit = True
        await task


@pytest.fixture
async def auth(start_server: StartServer) -> AuthServer:
    return await start_server()
