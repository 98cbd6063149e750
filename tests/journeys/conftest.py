"""One running system for all journeys: real processes, real clusters, driven from outside only."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.system import RunningSystem

REQUEST_SECONDS = 60.0
_NAMES = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "journeys" in item.path.parts:
            item.add_marker(pytest.mark.timeout(300))
            # One worker of pytest-xdist runs them all: they share a system, and some of them kill parts of it.
            item.add_marker(pytest.mark.xdist_group("journeys"))


@dataclass
class World:
    """What a journey can see and do: users at the API, an operator in the databases, a hand on the simulators."""

    system: RunningSystem
    status: dict[str, Any]
    api: httpx.AsyncClient
    simulators: httpx.AsyncClient
    chat: "asyncpg.Connection[asyncpg.Record]"
    trading: "asyncpg.Connection[asyncpg.Record]"
    names: Iterator[int] = field(default_factory=lambda: _NAMES)

    def sign_up(self, *, is_operator: bool = False) -> dict[str, str]:
        """The headers of a new user."""
        email = f"journey-{next(self.names)}@example.com"
        return {"authorization": f"Bearer {self.system.token(email, is_operator=is_operator)}"}

    async def control(self, vendor: str, **settings: Any) -> None:
        (await self.simulators.post(f"/{vendor}/_control", json=settings)).raise_for_status()

    async def release_all(self) -> None:
        (await self.simulators.delete("/_control")).raise_for_status()


@pytest.fixture
async def world(system: RunningSystem) -> AsyncIterator[World]:
    status = system.status()
    chat = await asyncpg.connect(status["chat_database"])
    trading = await asyncpg.connect(status["trading_database"])
    async with (
        httpx.AsyncClient(base_url=status["api"], timeout=REQUEST_SECONDS, trust_env=False) as api,
        httpx.AsyncClient(
            base_url=status["simulators"], timeout=REQUEST_SECONDS, trust_env=False
        ) as simulators,
    ):
        world = World(system, status, api, simulators, chat, trading)
        yield world
        await world.release_all()
    await chat.close()
    await trading.close()
