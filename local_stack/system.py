"""The whole system on one machine: the order in which it starts and stops, and what it says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
import httpx

from console.migrations import apply_pending, migrations_folder, read_migrations
from local_stack import services
from local_stack.bootstrap import bootstrap_cluster, set_passwords
from local_stack.clusters import SUPERUSER, create_cluster, remove_stale_pid
from local_stack.keeper import Keeper, Service, end_leftovers
from local_stack.process import process_started
from local_stack.services import HEALTH_SECONDS, NOBODY
from local_stack.site import DATABASES, KINDS, SERVICES, Site, read_recorded, write_state

Announce: TypeAlias = Callable[[str], None]

# What depends on others stops first.
STOP_ORDER = (("api", "worker", "worker-2"), ("edge", "auth", "simulators"), DATABASES)


@dataclass
class System:
    """A system that is starting, running or stopping at its site."""

    site: Site
    announce: Announce = lambda _: None
    keepers: dict[str, Keeper] = field(default_factory=dict)

    async def start(self) -> None:
        """Bring everything up in the order of its dependencies; return when the API answers."""
        site = self.site
        if names := await end_leftovers(read_recorded(site.home)):
            self.announce(f"ended what an earlier run left behind: {', '.join(names)}")
        await self._step("clusters", asyncio.to_thread(self._create_clusters))
        await self._start_together("databases", [services.database(site, kind) for kind in KINDS])
        await self._step("schemas", self._prepare_databases())
        await self._start_together(
            "stand-ins", [services.simulators(site), services.auth(site), services.edge(site)]
        )
        await self._start_together(
            "services",
            [services.worker(site, "worker"), services.worker(site, "worker-2"), services.api(site)],
        )

    async def stop(self) -> None:
        for level in STOP_ORDER:
            await asyncio.gather(*(self.keepers[name].stop() for name in level if name in self.keepers))

    async def restart(self, name: str | None = None) -> None:
        """Restart one service, or all of them but the databases."""
        names = [name] if name else [other for other in SERVICES if other in self.keepers]
        await asyncio.gather(*(self.keepers[each].restart() for each in names))

    def status(self) -> dict[str, Any]:
        """What `zmarty status --json` prints."""
        return {**self.site.addresses(), "services": {name: self._service_status(name) for name in SERVICES}}

    async def market(self) -> dict[str, Any]:
        """Where prices come from, in the simulators' own words."""
        try:
            async with httpx.AsyncClient(timeout=HEALTH_SECONDS, trust_env=False, verify=NOBODY) as client:
                answer = await client.get(f"{self.site.simulators}/_status")
        except httpx.HTTPError as error:
            return {"note": f"the simulators do not answer ({type(error).__name__})"}
        market: dict[str, Any] = answer.json()["market"]
        return market

    def _service_status(self, name: str) -> dict[str, Any]:
        keeper = self.keepers.get(name)
        if keeper is None:
            return {"state": "stopped", "pid": None, "restarts": 0}
        return {"state": keeper.state, "pid": keeper.pid, "restarts": keeper.restarts}

    async def _step(self, name: str, work: Awaitable[Any]) -> None:
        started = time.perf_counter()
        await work
        self.announce(f"{name} ready in {time.perf_counter() - started:.1f} s")

    async def _start_together(self, name: str, level: list[Service]) -> None:
        """Start services that do not need each other."""
        for service in level:
            self.keepers[service.name] = Keeper(service, self._record)
        names = ", ".join(service.name for service in level)
        starting = asyncio.gather(*(self.keepers[service.name].start() for service in level))
        await self._step(f"{name} ({names})", starting)

    def _create_clusters(self) -> None:
        for cluster in self.site.clusters.values():
            if not cluster.data.exists():
                create_cluster(cluster.data, password=cluster.passwords[SUPERUSER])
            remove_stale_pid(cluster.data)

    async def _prepare_databases(self) -> None:
        await asyncio.gather(*(self._prepare_database(kind) for kind in KINDS))

    async def _prepare_database(self, kind: str) -> None:
        cluster = self.site.clusters[kind]
        await bootstrap_cluster(cluster)
        applied = await apply_pending(cluster.dsn(), read_migrations(migrations_folder(kind)))
        if applied:
            self.announce(f"{kind}: applied {len(applied)} migrations, the last {applied[-1].file}")
        # The migrations make the services' roles; only this home knows their passwords.
        connection = await asyncpg.connect(cluster.dsn(SUPERUSER), timeout=HEALTH_SECONDS)
        try:
            await set_passwords(connection, cluster.passwords)
        finally:
            await connection.close()

    def _record(self) -> None:
        """Write down who runs, so that the next start finds what this one may leave behind."""
        processes = {
            name: (keeper.pid, process_started(keeper.pid))
            for name, keeper in self.keepers.items()
            if keeper.pid
        }
        write_state(self.site.home, {"ports": self.site.ports, "processes": processes})
