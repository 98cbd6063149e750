"""Postgres clusters made for one benchmark and thrown away: migrated, durable (fsync on), the same for us and for peers."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from console.migrations import apply_pending, migrations_folder, read_migrations
from local_stack.bootstrap import bootstrap_database, bootstrap_roles, set_passwords
from local_stack.clusters import (
    SUPERUSER,
    Cluster,
    create_cluster,
    free_port,
    start_server,
    stop_server,
    wait_until_ready,
)
from local_stack.home import Secrets, give_to_server
from zmarty.postgres import TRADING_PATIENCE, Connection, Pool, open_pool

TEMPLATE = "template"
# Durability is Postgres' default: fsync, synchronous_commit and full_page_writes are on. Checkpoints are ours to place.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "shared_preload_libraries": "pg_stat_statements",
}
# What a worker has by default.
POOL_SIZE = 10
COPY_SECONDS_MAX = 60

_MIGRATED: dict[str, Cluster] = {}


@dataclass
class Database:
    """One clone of the migrated template."""

    cluster: Cluster
    name: str

    def dsn(self, role: str = "zmarty_worker") -> str:
        return self.cluster.dsn(role, self.name)

    @asynccontextmanager
    async def pool(
        self, role: str = "zmarty_worker", *, name: str = "benchmark", size: int = POOL_SIZE
    ) -> AsyncIterator[Pool]:
        pool = await open_pool(
            self.dsn(role), application_name=name, size_min=size, size_max=size, patience=TRADING_PATIENCE
        )
        try:
            yield pool
        finally:
            pool.terminate()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(self.dsn(SUPERUSER))
        try:
            yield connection
        finally:
            await connection.close()


@dataclass
class ScratchCluster:
    """A running cluster that hands out migrated databases."""

    cluster: Cluster
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def database(self) -> Database:
        name = f"bench_{next(self.numbers)}"
        connection = await asyncpg.connect(self.cluster.dsn(SUPERUSER))
        try:
            await connection.execute(f"create database {name} template {TEMPLATE} owner postgres")
        finally:
            await connection.close()
        return Database(self.cluster, name)


@asynccontextmanager
async def scratch_cluster(kind: str) -> AsyncIterator[ScratchCluster]:
    """Start a migrated cluster of this kind (chat or trading) that nobody has used; stop and remove it at the end."""
    made = await migrated(kind)
    folder = Path(tempfile.mkdtemp(prefix=f"zmarty-bench-{kind}-"))
    place = made_for_server(folder)
    cluster = replace(made, data=place / "data", sockets=place, port=free_port())
    try:
        await asyncio.to_thread(copy_data, made.data, cluster.data)
        async with running(cluster, folder / "log"):
            yield ScratchCluster(cluster)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def migrated(kind: str) -> Cluster:
    """A stopped cluster with a migrated template, to be copied: made once in a process, removed when it ends."""
    if kind not in _MIGRATED:
        folder = Path(tempfile.mkdtemp(prefix=f"zmarty-bench-{kind}-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        place = made_for_server(folder)
        cluster = Cluster(kind, place / "data", place, free_port(), Secrets.invent().passwords, SETTINGS)
        await asyncio.to_thread(
            create_cluster, cluster.data, password=cluster.passwords[SUPERUSER], authentication="password"
        )
        async with running(cluster, folder / "log"):
            await migrate(cluster, kind)
        _MIGRATED[kind] = cluster
    return _MIGRATED[kind]


@asynccontextmanager
async def running(cluster: Cluster, log: Path) -> AsyncIterator[None]:
    server = start_server(cluster, log=log)
    try:
        await asyncio.to_thread(wait_until_ready, cluster, server, log=log)
        yield
    finally:
        await asyncio.to_thread(stop_server, server)


def copy_data(source: Path, target: Path) -> None:
    # With owners and modes: the server refuses what others could read.
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True, timeout=COPY_SECONDS_MAX)


def made_for_server(folder: Path) -> Path:
    folder.chmod(0o711)
    place = folder / "pg"
    place.mkdir()
    give_to_server(place)
    return place


async def migrate(cluster: Cluster, kind: str) -> None:
    admin = await asyncpg.connect(cluster.dsn(SUPERUSER))
    try:
        await bootstrap_roles(admin)
        await set_passwords(admin, cluster.passwords)
        await admin.execute(f"create database {TEMPLATE} owner postgres")
        template = await asyncpg.connect(cluster.dsn(SUPERUSER, TEMPLATE))
        try:
            # Real pg_cron would send jobs while we measure.
            await bootstrap_database(template, real_cron=False)
            await template.execute("create extension pg_stat_statements schema public")
        finally:
            await template.close()
        await apply_pending(cluster.dsn("postgres", TEMPLATE), read_migrations(migrations_folder(kind)))
        # The migrations make the services' roles without a password.
        await set_passwords(admin, cluster.passwords)
    finally:
        await admin.close()
