"""Postgres clusters of our own, from the machine's Postgres: made, started and stopped without touching anybody else's."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg

from local_stack.process import server_account, start_tied, stop_process

SUPERUSER = "supabase_admin"
INITDB_SECONDS = 120
READY_SECONDS = 30
STOP_SECONDS = 20
PORTS = (20_000, 32_000)
PORT_TRIES = 50

# Enough for a laptop; the machine's own defaults would do, but for the connections of six processes.
COMMON_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # A container's /dev/shm may be too small for Postgres' default.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d %a ",
}
CRON_SETTINGS = {
    "shared_preload_libraries": "pg_cron",
    "cron.database_name": "postgres",
    # pg_cron would otherwise log in over TCP without a password, and every run would fail.
    "cron.use_background_workers": "on",
    "max_worker_processes": "24",
}
# What a cluster that nobody keeps does not need: it may lose everything when the machine does.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
}


class PostgresMissing(Exception):
    """No Postgres server is installed on this machine."""


class ClusterFailed(Exception):
    """A cluster could not be made or did not come up; the text ends with what its log said last."""


@dataclass(frozen=True)
class Cluster:
    name: str
    data: Path
    sockets: Path
    port: int
    passwords: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str]

    def dsn(self, role: str = "postgres", database: str = "postgres") -> str:
        password = quote(self.passwords[role], safe="")
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def command(self) -> list[str]:
        settings = {
            **COMMON_SETTINGS,
            **self.settings,
            "port": str(self.port),
            "unix_socket_directories": str(self.sockets),
        }
        pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(server_binaries() / "postgres"), "-D", str(self.data), *pairs]

    async def is_ready(self) -> bool:
        """Whether it answers a login now."""
        try:
            connection = await asyncpg.connect(self.dsn(SUPERUSER), timeout=5)
            await connection.close()
        except (
            OSError,
            TimeoutError,
            asyncpg.OperatorInterventionError,
            asyncpg.PostgresConnectionError,
            asyncpg.TooManyConnectionsError,
            # A server that goes away in the middle of a login.
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            return False
        return True


def server_binaries() -> Path:
    """The folder with the newest Postgres server of this machine."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))
    if postgres := shutil.which("postgres"):
        return Path(postgres).resolve().parent
    raise PostgresMissing("no Postgres server found; `make setup` installs it")


def free_port(preferred: int | None = None) -> int:
    """A TCP port nobody listens on now: the preferred one if it is free, else any."""
    # Below the range from which the kernel takes ports for outgoing connections: a service that restarts finds its
    # port still free.
    tries = [random.randrange(*PORTS) for _ in range(PORT_TRIES)]
    for port in [preferred, *tries] if preferred else tries:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ClusterFailed("no free TCP port on 127.0.0.1")


def create_cluster(
    data: Path, *, password: str, authentication: str = "scram-sha-256", sync: bool = True
) -> None:
    """Make an empty cluster whose superuser is supabase_admin, as Supabase's is; its folder must be the server's."""
    draft = data.with_name(data.name + ".new")
    account = server_account()
    discard_cluster(draft)
    with tempfile.NamedTemporaryFile("w", prefix="zmarty-") as password_file:
        password_file.write(password)
        password_file.flush()
        if account:
            shutil.chown(password_file.name, account["user"])
        command = [
            str(server_binaries() / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file.name}",
            f"--auth={authentication}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            *([] if sync else ["--no-sync"]),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INITDB_SECONDS, check=False, **account
        )
    if done.returncode:
        raise ClusterFailed(f"initdb failed: {done.stderr.strip()[-2000:]}")
    # Only now under its name: a start that is cut short makes it again.
    draft.rename(data)


def discard_cluster(data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)


def start_server(cluster: Cluster, *, log: Path) -> subprocess.Popen[bytes]:
    """Start a cluster's server as our child; it shuts down fast when we die."""
    remove_stale_pid(cluster.data)
    return start_tied(cluster.command, log=log, death_signal=signal.SIGINT, **server_account())


def wait_until_ready(cluster: Cluster, server: subprocess.Popen[bytes], *, log: Path) -> None:
    """Return when a server we started answers; raise with its last words when it ends or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    probe = [str(server_binaries() / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={cluster.port}"]
    while subprocess.run(probe, check=False, timeout=READY_SECONDS).returncode:
        if server.poll() is not None or time.monotonic() >= deadline:
            raise ClusterFailed(f"{cluster.name} did not come up: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def stop_server(process: subprocess.Popen[bytes]) -> None:
    # SIGINT is Postgres' fast shutdown and SIGQUIT its immediate one; SIGKILL would leave shared memory behind.
    stop_process(process, first=signal.SIGINT, last=signal.SIGQUIT, patience_seconds=STOP_SECONDS)


def remove_stale_pid(data: Path) -> None:
    """Forget the pid of a server that is gone, when another process has its number now."""
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().splitlines()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return
    if name not in {"postgres", "postmaster"} and pid != os.getpid():
        file.unlink(missing_ok=True)
