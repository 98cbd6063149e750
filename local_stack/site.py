"""Where everything of one local system is: its home, its ports, its clusters, and the addresses these make."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from local_stack.clusters import CRON_SETTINGS, Cluster, free_port
from local_stack.home import Home, Secrets

API_PORT = 8000
KINDS = ("chat", "trading")
SERVICES = ("api", "worker", "worker-2", "edge", "auth", "simulators")
DATABASES = tuple(f"{kind}-database" for kind in KINDS)

# Per vendor: the variable of its key, the variable of its address, and its path at the simulators.
VENDORS: Mapping[str, tuple[str, str, str]] = {
    "cryptometer": ("CRYPTOMETER_API_KEY", "CRYPTOMETER_BASE_URL", "/cryptometer"),
    "exchange": ("EXCHANGE_API_KEY", "EXCHANGE_BASE_URL", "/exchange"),
    "futures": ("FUTURES_API_KEY", "FUTURES_BASE_URL", "/futures"),
    "kingfisher": ("KINGFISHER_API_KEY", "KINGFISHER_BASE_URL", "/kingfisher"),
    "xai": ("XAI_API_KEY", "XAI_BASE_URL", "/xai/v1"),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/openai/v1"),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "/anthropic"),
    "elevenlabs": ("ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL", "/elevenlabs"),
}


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
        """Raise OptionInvalid before anything is made."""
        if unknown := self.live - VENDORS.keys():
            raise OptionInvalid(
                f"no vendor is called {', '.join(sorted(unknown))}; there are {', '.join(VENDORS)}"
            )
        if self.market_data is not None and not self.market_data.is_file():
            raise OptionInvalid(f"no file {self.market_data}")


@dataclass
class Site:
    """The places of one system, the same as last time where they are still free: tokens and bookmarks stay valid."""

    home: Home
    options: Options
    secrets: Secrets = field(init=False, repr=False)
    ports: dict[str, int] = field(init=False)
    clusters: dict[str, Cluster] = field(init=False)
    _api_lock: IO[str] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.secrets = self.home.secrets()
        before: Mapping[str, int] = read_state(self.home).get("ports", {})
        names = (*DATABASES, "simulators", "auth", "edge")
        self.ports = {name: free_port(before.get(name)) for name in names}
        self.ports["api"] = self._choose_api_port()
        self.clusters = {kind: self._cluster(kind) for kind in KINDS}

    @property
    def api(self) -> str:
        return self.url("api")

    @property
    def auth(self) -> str:
        return self.url("auth")

    @property
    def simulators(self) -> str:
        return self.url("simulators")

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def dsn(self, kind: str, role: str = "postgres") -> str:
        return self.clusters[kind].dsn(role)

    def addresses(self) -> dict[str, str]:
        """The addresses of `zmarty status --json`."""
        return {
            "api": self.api,
            "chat_database": self.dsn("chat"),
            "trading_database": self.dsn("trading"),
            "edge_functions": self.url("edge"),
            "auth": self.auth,
            "simulators": self.simulators,
        }

    def _cluster(self, kind: str) -> Cluster:
        return Cluster(
            name=f"{kind}-database",
            data=self.home.clusters / kind,
            sockets=self.home.server_sockets,
            port=self.ports[f"{kind}-database"],
            passwords=self.secrets.passwords,
            settings=CRON_SETTINGS,
        )

    def _choose_api_port(self) -> int:
        """The port everybody knows, unless another system has it or is about to."""
        wanted = self.options.api_port
        if wanted is None:
            return free_port()
        # Held as long as this process lives: between looking and listening, two would both find the port free.
        self._api_lock = (Path(tempfile.gettempdir()) / f"zmarty-{os.getuid()}-port-{wanted}").open("w")
        try:
            fcntl.flock(self._api_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._api_lock.close()
            return free_port()
        return free_port(wanted)


def read_state(home: Home) -> dict[str, Any]:
    """What the last supervisor of this home wrote down; nothing when there was none."""
    try:
        state: dict[str, Any] = json.loads(home.state_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def read_recorded(home: Home) -> dict[str, tuple[int, float]]:
    """The processes of the last supervisor: their pids and when each began."""
    return {name: (pid, started) for name, (pid, started) in read_state(home).get("processes", {}).items()}


def write_state(home: Home, state: Mapping[str, Any]) -> None:
    draft = home.state_file.with_suffix(".new")
    draft.write_text(json.dumps(state))
    draft.rename(home.state_file)
