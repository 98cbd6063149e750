"""The relay's tests run against both databases and, where it says so, the real function under Deno."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest

from orchestrator_worker.relay.relay import Bounds, Relay
from tests.orchestrator_worker.relay.functions import SECRET, EdgeFunction, sign_up
from zmarty.postgres import Pool

QUICK = Bounds(backoff_base_seconds=0.02, backoff_cap_seconds=0.1, request_seconds=1.5)
Relaying: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def function(trading_dsn: Callable[..., str], tmp_path: Path) -> AsyncIterator[EdgeFunction]:
    edge = EdgeFunction(trading_dsn("postgres"), tmp_path)
    await edge.start()
    try:
        yield edge
    finally:
        edge.stop()


@pytest.fixture
def relaying(chat_worker: Pool, chat_dsn: Callable[..., str]) -> Relaying:
    """`async with relaying(url)`: a relay runs, logged in as the worker, and is drained at the end."""

    @asynccontextmanager
    async def run(url: str, *, secrets: tuple[str, ...] = (SECRET,), **settings: Any) -> AsyncIterator[None]:
        listen_dsn = settings.pop("listen_dsn", chat_dsn("zmarty_worker"))
        bounds = settings.pop("bounds", QUICK)
        relay = Relay(
            chat_worker, listen_dsn=listen_dsn, url=url, secrets=secrets, worker_id="test", bounds=bounds
        )
        stopping = asyncio.Event()
        task = asyncio.create_task(relay.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(task, 60)

    return run


@pytest.fixture
async def user(chat: Pool) -> UUID:
    user_id = uuid4()
    await sign_up(chat, user_id)
    return user_id
