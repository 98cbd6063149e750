"""The whole system on one machine: what runs, in which order it starts, and what each part is told."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx
from deno import find_deno_bin
from dotenv import dotenv_values

from console.migrations import REPOSITORY, apply_pending, migrations_folder, read_migrations
from local_stack.bootstrap import bootstrap_cluster, set_passwords
from local_stack.clusters import (
    CRON_SETTINGS,
    SUPERUSER,
    Cluster,
    create_cluster,
    free_port,
    remove_stale_pid,
)
from local_stack.home import Home, Secrets
from local_stack.keeper import Keeper, Service, end_leftovers
from local_stack.process import is_listening, process_started, server_account

API_PORT = 8000
HEALTH_SECONDS = 2.0
# The worker beats every 10 seconds.
HEARTBEAT_SECONDS_MAX = 30
PUBLISHABLE_KEY = "sb_publishable_local_zmarty"
KINDS = ("chat", "trading")
SERVICES = ("api", "worker", "worker-2", "edge", "auth", "simulators")
FUNCTION = REPOSITORY / "supabase" / "trading" / "functions" / "watchers-upsert"

# Per vendor: the variable of its key, the variable of its address, and its path at the simulators.
VENDORS: Mapping[str, tuple[str, str, str]] = {
    "cryptometer": ("CRYPTOMETER_API_KEY", "CRYPTOMETER_BASE_URL", "/cryptometer"),
    "exchange": ("EXCHANGE_API_KEY", "EXCHANGE_BASE_URL", "/exchange"),
    "kingfisher": ("KINGFISHER_API_KEY", "KINGFISHER_BASE_URL", "/kingfisher"),
    "xai": ("XAI_API_KEY", "XAI_BASE_URL", "/xai/v1"),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/openai/v1"),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "/anthropic"),
    "elevenlabs": ("ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL", "/elevenlabs"),
}

Announce: TypeAlias = Callable[[str], None]


class OptionInvalid(Exception):
    """An option names something that is not there."""


@dataclass(frozen=True)
class Options:
    """What `zmarty up` may be told."""

    market_data: Path | None = None
    seed: int | None = None
    live: frozenset[str] = frozenset()
    # None: any free one.
    api_port: int | None = API_PORT

    def check(self) -> None:
        if unknown := self.live - VENDORS.keys():
            raise OptionInvalid(
                f"no vendor is called {', '.join(sorted(unknown))}; there are {', '.join(VENDORS)}"
            )
        if self.market_data is not None and not self.market_data.is_file():
            raise OptionInvalid(f"no file {self.market_data}")


@dataclass
class System:
    """A system that is starting, running or stopping, all within one home."""

    home: Home
    options: Options
    announce: Announce = lambda _: None
    keepers: dict[str, Keeper] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.options.check()
        self.home.create()
        self.secrets: Secrets = self.home.secrets()
        self.ports = choose_ports(self.home)
        self.ports["api"] = self._choose_api_port()
        self.clusters = {kind: self._cluster(kind) for kind in KINDS}

    @property
    def api(self) -> str:
        return self._url("api")

    @property
    def auth(self) -> str:
        return self._url("auth")

    @property
    def simulators(self) -> str:
        return self._url("simulators")

    def dsn(self, kind: str, role: str = "postgres") -> str:
        return self.clusters[kind].dsn(role)

    async def start(self) -> None:
        """Bring everything up in the order of its dependencies; return when the API answers."""
        if names := await end_leftovers(read_recorded(self.home)):
            self.announce(f"ended what an earlier run left behind: {', '.join(names)}")
        await self._step("clusters", asyncio.to_thread(self._create_clusters))
        await self._start_level("databases", [self._database_service(kind) for kind in KINDS])
        await self._step("schemas", self._prepare_databases())
        await self._start_level("stand-ins", [self._simulators(), self._auth(), self._edge()])
        # With real prices there is nothing to say about them.
        note = "" if "exchange" in self.options.live else (await self.market())["note"]
        services = [self._worker("worker"), self._worker("worker-2"), self._api(market_note=note)]
        await self._start_level("services", services)

    async def stop(self) -> None:
        """Stop everything, what depends on others first."""
        for level in (("api", "worker", "worker-2"), ("edge", "auth", "simulators"), database_names()):
            await asyncio.gather(*(self.keepers[name].stop() for name in level if name in self.keepers))

    async def restart(self, name: str | None = None) -> None:
        """Restart one service, or all of them but the databases."""
        names = [name] if name else [other for other in SERVICES if other in self.keepers]
        await asyncio.gather(*(self.keepers[each].restart() for each in names))

    def status(self) -> dict[str, Any]:
        """What `zmarty status --json` prints."""
        return {
            "api": self.api,
            "chat_database": self.dsn("chat"),
            "trading_database": self.dsn("trading"),
            "edge_functions": self._url("edge"),
            "auth": self.auth,
            "simulators": self.simulators,
            "services": {name: self._service_status(name) for name in SERVICES},
        }

    def _choose_api_port(self) -> int:
        """The port everybody knows, unless another system has it or is about to."""
        wanted = self.options.api_port
        if wanted is None:
            return free_port()
        # Held as long as this system lives: between looking and listening, two would both find the port free.
        self._port_lock = (Path(tempfile.gettempdir()) / f"zmarty-{os.getuid()}-port-{wanted}").open("w")
        try:
            fcntl.flock(self._port_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._port_lock.close()
            return free_port()
        return free_port(wanted)

    async def market(self) -> dict[str, Any]:
        """Where prices come from, in the simulators' own words."""
        try:
            async with httpx.AsyncClient(timeout=HEALTH_SECONDS, trust_env=False) as client:
                answer = await client.get(f"{self.simulators}/_status")
        except httpx.HTTPError as error:
            return {"note": f"the simulators do not answer ({type(error).__name__})"}
        market: dict[str, Any] = answer.json()["market"]
        return market

    def _service_status(self, name: str) -> dict[str, Any]:
        keeper = self.keepers.get(name)
        if keeper is None:
            return {"state": "stopped", "pid": None, "restarts": 0}
        return {"state": keeper.state, "pid": keeper.pid, "restarts": keeper.restarts}

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def _cluster(self, kind: str) -> Cluster:
        return Cluster(
            name=f"{kind}-database",
            data=self.home.clusters / kind,
            sockets=self.home.server_sockets,
            port=self.ports[f"{kind}-database"],
            passwords=self.secrets.passwords,
            settings=CRON_SETTINGS,
        )

    async def _step(self, name: str, work: Any) -> None:
        started = time.perf_counter()
        await work
        self.announce(f"{name} ready in {time.perf_counter() - started:.1f} s")

    async def _start_level(self, name: str, services: list[Service]) -> None:
        """Start services that do not need each other, together."""
        for service in services:
            self.keepers[service.name] = Keeper(service, self._record)
        names = ", ".join(service.name for service in services)
        starting = asyncio.gather(*(self.keepers[service.name].start() for service in services))
        await self._step(f"{name} ({names})", starting)

    def _create_clusters(self) -> None:
        for cluster in self.clusters.values():
            if not cluster.data.exists():
                create_cluster(cluster.data, password=self.secrets.passwords[SUPERUSER])
            remove_stale_pid(cluster.data)

    async def _prepare_databases(self) -> None:
        await asyncio.gather(*(self._prepare_database(kind) for kind in KINDS))

    async def _prepare_database(self, kind: str) -> None:
        cluster = self.clusters[kind]
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

    def _database_service(self, kind: str) -> Service:
        cluster = self.clusters[kind]
        return Service(
            name=cluster.name,
            command=tuple(cluster.command),
            log=self.home.log(cluster.name),
            is_healthy=cluster.is_ready,
            options=server_account(),
            stop_signal=signal.SIGINT,
            last_signal=signal.SIGQUIT,
            death_signal=signal.SIGINT,
        )

    def _simulators(self) -> Service:
        market = (
            ["--market-data", str(self.options.market_data.resolve())] if self.options.market_data else []
        )
        seed = ["--seed", str(self.options.seed)] if self.options.seed is not None else []
        return self._python_service(
            "simulators",
            "local_stack.simulators",
            ["--port", str(self.ports["simulators"]), *market, *seed],
            {"ZMARTY_HOME": str(self.home.path)},
            self._answers("simulators", "/_health"),
        )

    def _auth(self) -> Service:
        return self._python_service(
            "auth",
            "local_stack.auth_server",
            ["--port", str(self.ports["auth"])],
            {
                "AUTH_DATABASE_URL": self.dsn("chat", "supabase_auth_admin"),
                "AUTH_PUBLIC_URL": self.auth,
                "AUTH_SITE_URL": self.api,
                "AUTH_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
                "ZMARTY_HOME": str(self.home.path),
            },
            self._answers("auth", "/auth/v1/health"),
        )

    def _edge(self) -> Service:
        return Service(
            name="edge",
            command=(
                os.fsdecode(find_deno_bin()),
                "run",
                "--quiet",
                "--cached-only",
                "--frozen",
                "--allow-net",
                "--allow-env",
                "index.ts",
            ),
            log=self.home.log("edge"),
            # It refuses a plain GET, and that it does so shows that it runs.
            is_healthy=self._answers("edge", "/", httpx.codes.METHOD_NOT_ALLOWED),
            environment=plain_environment(
                {
                    "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{self.ports['edge']}",
                    "DENO_NO_UPDATE_CHECK": "1",
                    "SUPABASE_DB_URL": self.dsn("trading"),
                    "WATCHERS_WEBHOOK_SECRETS": self.secrets.webhook,
                }
            ),
            options={"cwd": FUNCTION},
        )

    def _worker(self, name: str) -> Service:
        return self._python_service(
            name,
            "orchestrator_worker",
            [],
            {
                **self._database_urls("zmarty_worker"),
                **self._vendor_settings(),
                "WORKER_ID": name,
                "WATCHERS_WEBHOOK_URL": f"{self._url('edge')}/watchers-upsert",
                "WATCHERS_WEBHOOK_SECRETS": self.secrets.webhook,
            },
            self._heartbeat_of(name),
        )

    def _api(self, *, market_note: str) -> Service:
        return self._python_service(
            "api",
            "orchestrator_api",
            [],
            {
                **self._database_urls("zmarty_api"),
                **self._vendor_settings(),
                "HOST": "127.0.0.1",
                "PORT": str(self.ports["api"]),
                "CHAT_SUPABASE_URL": self.auth,
                "CHAT_SUPABASE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
                "ALLOWED_ORIGINS": self.api,
                "MARKET_NOTE": market_note,
                "MARKET_NOTE": self._market_note(),
            },
            self._answers("api", "/livez"),
        )

    def _market_note(self) -> str:
        if "exchange" in self.options.live:
            return ""
        if self.options.market_data is None:
            return "every price is synthetic"
        return (
            f"recorded candles of {self.options.market_data.name}, moved in time; other symbols are synthetic"
        )

    def _python_service(
        self, name: str, module: str, arguments: list[str], settings: dict[str, str], is_healthy: Any
    ) -> Service:
        return Service(
            name=name,
            command=(sys.executable, "-m", module, *arguments),
            log=self.home.log(name),
            is_healthy=is_healthy,
            environment=plain_environment(
                {**settings, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
            ),
            # Not in the checkout: a .env there is for its owner's own runs, not for the local system.
            options={"cwd": self.home.path},
        )

    def _database_urls(self, role: str) -> dict[str, str]:
        return {
            "CHAT_DATABASE_URL": self.dsn("chat", role),
            "TRADING_DATABASE_URL": self.dsn("trading", role),
        }

    def _vendor_settings(self) -> dict[str, str]:
        """Simulators for every vendor, and the caller's own key and address for those named by --live."""
        own = {**dotenv_values(".env"), **os.environ}
        settings: dict[str, str] = {}
        for vendor, (key, address, path) in VENDORS.items():
            if vendor in self.options.live:
                settings |= {name: value for name in (key, address) if (value := own.get(name))}
            else:
                settings |= {key: f"simulated-{vendor}", address: self.simulators + path}
        return settings

    def _answers(self, name: str, path: str, expected: int = httpx.codes.OK) -> Callable[[], Any]:
        """A health check: does our process, and no other at its port, answer so within its time?"""

        async def is_answering() -> bool:
            pid = self.keepers[name].pid
            if pid is None or not is_listening(pid, self.ports[name]):
                return False
            try:
                async with httpx.AsyncClient(timeout=HEALTH_SECONDS, trust_env=False) as client:
                    answer = await client.get(self._url(name) + path)
            except httpx.HTTPError:
                return False
            return answer.status_code == expected

        return is_answering

    def _heartbeat_of(self, worker: str) -> Callable[[], Any]:
        async def is_beating() -> bool:
            keeper = self.keepers[worker]
            try:
                connection = await asyncpg.connect(self.dsn("trading"), timeout=HEALTH_SECONDS)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                return False
            try:
                age = await connection.fetchval(
                    "select extract(epoch from now() - beat_at) from public.worker_heartbeats"
                    " where worker_id = $1 and started_at > now() - make_interval(secs => $2)",
                    worker,
                    keeper.age_seconds + 1,
                )
            except (OSError, TimeoutError, asyncpg.PostgresError):
                return False
            finally:
                connection.terminate()
            return age is not None and age < HEARTBEAT_SECONDS_MAX

        return is_beating

    def _record(self) -> None:
        """Write down who runs, so that the next start finds what this one may leave behind."""
        processes = {
            name: (keeper.pid, process_started(keeper.pid))
            for name, keeper in self.keepers.items()
            if keeper.pid
        }
        write_whole(self.home.state_file, {"ports": self.ports, "processes": processes})


def plain_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of ours, and then these."""
    ours = (
        "_API_KEY",
        "_BASE_URL",
        "_DATABASE_URL",
        "_SUPABASE_URL",
        "_PUBLISHABLE_KEY",
        "_SECRETS",
        "_SECRET",
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(ours) and not name.startswith(("CHAT_", "TRADING_", "WATCHERS_", "PG"))
    }
    return {**kept, **settings}


def choose_ports(home: Home) -> dict[str, int]:
    """A port for each part, the same as last time where it is still free: tokens and bookmarks stay valid."""
    before: Mapping[str, int] = read_state(home).get("ports", {})
    names = (*database_names(), "simulators", "auth", "edge")
    return {name: free_port(before.get(name)) for name in names}


def database_names() -> tuple[str, ...]:
    return tuple(f"{kind}-database" for kind in KINDS)


def read_state(home: Home) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(home.state_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def read_recorded(home: Home) -> dict[str, tuple[int, float]]:
    return {name: (pid, started) for name, (pid, started) in read_state(home).get("processes", {}).items()}


def write_whole(file: Path, content: object) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(content))
    draft.rename(file)
