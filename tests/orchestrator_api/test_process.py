"""The API as a process: it starts from its environment, serves, and ends with 0 when told to."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx2
import jwt
import pytest

Dsn = Callable[..., str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@asynccontextmanager
async def running(
    environment: dict[str, str],
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx2.AsyncClient]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator_api",
        env={
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "CHAT_SUPABASE_URL": f"http://127.0.0.1:{free_port()}",
            **environment,
        },
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_alive(client)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_alive(client: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                await client.get("/livez")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.timeout(240)
async def test_it_serves_and_ends_with_zero(chat_dsn: Dsn, trading_dsn: Dsn) -> None:
    environment = {
        "CHAT_DATABASE_URL": chat_dsn("zmarty_api"),
        "TRADING_DATABASE_URL": trading_dsn("zmarty_api"),
        "RENDER_GIT_COMMIT": "0123456789abcdef",
    }
    async with running(environment) as (process, client):
        health = (await client.get("/healthz")).json()
        assert {name: part["status"] for name, part in health["databases"].items()} == {
            "chat": "healthy",
            "trading": "healthy",
        }
        assert health["commit"] == "0123456789abcdef"

        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 0
    assert b"Traceback" not in said
    assert b'"request_answered"' in said or b"jwks_fetch_failed" in said


@pytest.mark.timeout(240)
async def test_it_starts_without_its_databases() -> None:
    nowhere = f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/none"
    environment = {"CHAT_DATABASE_URL": nowhere, "TRADING_DATABASE_URL": nowhere}

    async with running(environment) as (process, client):
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/healthz")).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0


@pytest.mark.timeout(240)
async def test_an_open_stream_does_not_hold_it_up(chat_dsn: Dsn, trading_dsn: Dsn) -> None:
    secret, now = "s" * 32, int(time.time())
    environment = {
        "CHAT_DATABASE_URL": chat_dsn("zmarty_api"),
        "TRADING_DATABASE_URL": trading_dsn("zmarty_api"),
        "CHAT_SUPABASE_URL": "http://127.0.0.1:9",
        "CHAT_JWT_SECRET": secret,
    }
    claims = {
        "iss": "http://127.0.0.1:9/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(uuid4()),
        "iat": now,
        "exp": now + 600,
    }
    headers = {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}
    async with (
        running(environment) as (process, client),
        client.stream("GET", "/v1/events", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        async with asyncio.timeout(60):
            while "event: ready" not in await anext(lines):
                pass
        process.send_signal(signal.SIGTERM)
        said = [line async for line in lines]
        await asyncio.wait_for(process.wait(), 60)

    assert 'data: {"reason":"restarting"}' in said
    assert process.returncode == 0
