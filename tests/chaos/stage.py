"""The running system as the storm sees it: where everything is, who runs, and a way in that survives every restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx

from local_stack.clusters import SUPERUSER
from local_stack.control import ask
from local_stack.home import Home

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
REQUEST_SECONDS = 30.0
KINDS = ("chat", "trading")


@dataclass(frozen=True)
class Stage:
    home: Home
    status: dict[str, Any]
    api: httpx.AsyncClient
    edge: httpx.AsyncClient
    simulators: httpx.AsyncClient

    @asynccontextmanager
    async def database(self, kind: str, *, as_superuser: bool = False) -> AsyncIterator[Connection]:
        """A connection of our own, made anew each time: the server may have restarted since."""
        connection = await asyncpg.connect(
            str(self.status[f"{kind}_database"]),
            user=SUPERUSER if as_superuser else None,
            password=self.home.secrets().passwords[SUPERUSER] if as_superuser else None,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": "chaos"},
        )
        try:
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
            yield connection
        finally:
            connection.terminate()

    async def services(self) -> dict[str, dict[str, Any]]:
        """State, pid and restarts of each service, from the supervisor."""
        services: dict[str, dict[str, Any]] = (await ask(self.home, {"verb": "status"}))["services"]
        return services

    async def restart(self, service: str) -> None:
        await ask(self.home, {"verb": "restart", "service": service})

    def postmaster(self, kind: str) -> int:
        return int((self.home.clusters / kind / "postmaster.pid").read_text().splitlines()[0])

    async def until_database_answers(self, kind: str, *, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with self.database(kind) as connection:
                        await connection.execute("select 1")
                    return
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(0.05)

    async def control(self, vendor: str, **settings: Any) -> None:
        (await self.simulators.post(f"/{vendor}/_control", json=settings)).raise_for_status()

    async def release(self, vendor: str) -> None:
        (await self.simulators.delete(f"/{vendor}/_control")).raise_for_status()


@asynccontextmanager
async def open_stage(home: Home) -> AsyncIterator[Stage]:
    """Install the witness and open the ways in."""
    status = await ask(home, {"verb": "status"})

    def client(name: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=status[name], timeout=REQUEST_SECONDS, trust_env=False)

    async with client("api") as api, client("edge_functions") as edge, client("simulators") as simulators:
        stage = Stage(home, status, api, edge, simulators)
        async with stage.database("trading", as_superuser=True) as trading:
            await trading.execute((Path(__file__).parent / "witness.sql").read_text())
            # Cryptometer's one request a second would make each ingest wait for a quarter of a minute.
            await trading.execute("update vendor_limits set per_second = 1000, burst = 1000")
        yield stage
