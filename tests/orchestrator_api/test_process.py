"""The API as a process: it starts from its environment, serves, and ends with 0 when told to."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
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
    async with asyncio.timeout(30):
        while True:
            try:
                await client.get("/livez")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.timeout(60)
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
        _, said = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0
    assert b"Traceback" not in said
    assert b'"request_answered"' in said or b"jwks_fetch_failed" in said


@pytest.mark.timeout(60)
async def test_it_starts_without_its_databases() -> None:
    nowhere = f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/none"
    environment = {"CHAT_DATABASE_URL": nowhere, "TRADING_DATABASE_URL": nowhere}

    async with running(environment) as (process, client):
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/healthz")).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
