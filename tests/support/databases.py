"""Throw-away clusters whose databases are clones of a migrated template: a fresh one costs a test some milliseconds."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import sql as psycopg_sql

import console.migrations
import console.statements
import local_stack.bootstrap
import local_stack.clusters
from console.migrations import Migration, apply_pending, migrations_folder, read_migrations
from local_stack.bootstrap import SCRIPTS, bootstrap_database, bootstrap_roles, set_passwords
from local_stack.clusters import (
    SUPERUSER,
    THROWAWAY_SETTINGS,
    Cluster,
    create_cluster,
    free_port,
    server_binaries,
    start_server,
    stop_server,
    wait_until_ready,
)
from local_stack.home import Secrets, give_to_server, make_private
from local_stack.process import stop_process

TEMPLATE = "template"
# A project as Supabase hands it over: bootstrapped, with no migration of ours.
BARE = "bare"
# A trading database on an older pgmq has this between its name and the version; 1.13 is what the bootstrap installs.
ON_PGMQ = "-on-pgmq-"
PGMQ_NEWEST = "1.13"
# Each older shape is made from the next newer one's database by these scripts, in order.
PGMQ_SHAPES = {"1.4.4": ("1.4.4",), "1.5.1": ("1.4.4", "1.5.1")}
# A clone is hundreds of small files. In memory it costs a tenth of what it costs on a disk that journals.
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 2 * 1024**3
TEMPLATES_KEPT = 4
PRUNE_AFTER_SECONDS = 3600


@dataclass(frozen=True)
class Database:
    """One test's own clone."""

    cluster: Cluster
    name: str

    def dsn(self, role: str = "postgres") -> str:
        return self.cluster.dsn(role, self.name)


@dataclass
class TemplateCluster:
    """A running cluster that hands out clones of its template."""

    cluster: Cluster
    admin: psycopg.Connection[Any]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def clone(self) -> Iterator[Database]:
        name = f"test_{next(self.numbers)}"
        identifier = psycopg_sql.Identifier(name)
        self.admin.execute(
            psycopg_sql.SQL("create database {} template {} owner postgres strategy = file_copy").format(
                identifier, psycopg_sql.Identifier(TEMPLATE)
            )
        )
        try:
            yield Database(self.cluster, name)
        finally:
            self.admin.execute(psycopg_sql.SQL("drop database {} with (force)").format(identifier))


@contextmanager
def running_cluster(kind: str) -> Iterator[TemplateCluster]:
    """Start a cluster of our own from the kept template of this kind; stop and remove it at the end."""
    template = kept_template(kind)
    folder = Path(tempfile.mkdtemp(prefix=f"zmarty-test-{kind}-", dir=memory_if_roomy()))
    folder.chmod(0o711)
    server: subprocess.Popen[bytes] | None = None
    try:
        data, cluster = place_cluster(kind, folder, json.loads((template / "passwords.json").read_text()))
        subprocess.run(
            ["cp", "-a", "--reflink=auto", template / "pg" / "data", data], check=True, timeout=180
        )
        server = start_server(cluster, log=folder / "log")
        wait_until_ready(cluster, server, log=folder / "log")
        with psycopg.connect(cluster.dsn(SUPERUSER), autocommit=True) as admin:
            yield TemplateCluster(cluster, admin)
    finally:
        if server is not None:
            # Nobody will read it again: no checkpoint.
            stop_process(server, first=signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def memory_if_roomy() -> Path | None:
    """Where throw-away files belong; None, the system's temp folder, where there is little memory or none to write to."""
    try:
        roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    except OSError:
        return None
    return MEMORY if roomy else None


def kept_template(kind: str) -> Path:
    """The folder of a cluster holding the migrated template, made once for each state of the migrations."""
    shelf = Path(tempfile.gettempdir()) / f"zmarty-templates-{os.getuid()}"
    make_private(shelf)
    kept = shelf / f"{kind}-{fingerprint(kind)}"
    if kept.exists():
        return kept
    with (shelf / f"{kind}.lock").open("w") as lock:
        # The other processes of a run want it at the same moment; making it once is soon enough for all.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            return kept
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=shelf))
        draft.chmod(0o711)
        try:
            build_template(kind, draft)
            draft.rename(kept)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        prune(shelf, kind)
    return kept


def build_template(kind: str, folder: Path) -> None:
    passwords = Secrets.invent().passwords
    data, cluster = place_cluster(kind, folder, passwords)
    create_cluster(data, password=passwords[SUPERUSER], authentication="password", sync=False)
    server = start_server(cluster, log=folder / "log")
    try:
        wait_until_ready(cluster, server, log=folder / "log")
        asyncio.run(migrate_template(kind, cluster))
    finally:
        stop_server(server)
    descriptor = os.open(folder / "passwords.json", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(passwords, stream)


def place_cluster(kind: str, folder: Path, passwords: dict[str, str]) -> tuple[Path, Cluster]:
    place = folder / "pg"
    place.mkdir()
    give_to_server(place)
    data = place / "data"
    return data, Cluster(kind, data, place, free_port(), passwords, THROWAWAY_SETTINGS)


async def migrate_template(kind: str, cluster: Cluster) -> None:
    admin = await asyncpg.connect(cluster.dsn(SUPERUSER))
    try:
        await bootstrap_roles(admin)
        await set_passwords(admin, cluster.passwords)
        await admin.execute(f"create database {TEMPLATE} owner postgres")
        template = await asyncpg.connect(cluster.dsn(SUPERUSER, TEMPLATE))
        try:
            await bootstrap_database(template, real_cron=False)
            for shape in shapes_of(kind):
                await template.execute(f"set role postgres; {shape.read_text()}; reset role")
        finally:
            await template.close()
        if migrations := migrations_of(kind):
            await apply_pending(cluster.dsn("postgres", TEMPLATE), migrations)
        # The migrations make the services' roles without a password.
        await set_passwords(admin, cluster.passwords)
    finally:
        await admin.close()


def migrations_of(kind: str) -> list[Migration]:
    return [] if kind == BARE else read_migrations(migrations_folder(kind.split(ON_PGMQ)[0]))


def shapes_of(kind: str) -> list[Path]:
    _, _, version = kind.partition(ON_PGMQ)
    return [Path(__file__).parent / f"pgmq_{shape}.sql" for shape in PGMQ_SHAPES.get(version, ())]


def fingerprint(kind: str) -> str:
    """Changes with whatever a template is made from."""
    modules = (console.migrations, console.statements, local_stack.bootstrap, local_stack.clusters)
    sources = [Path(module.__file__) for module in modules if module.__file__]
    digest = hashlib.sha256(str(server_binaries()).encode())
    for file in [*sources, Path(__file__), *sorted(SCRIPTS.glob("*.sql")), *shapes_of(kind)]:
        digest.update(file.read_bytes())
    for migration in migrations_of(kind):
        digest.update(f"{migration.file}\0{migration.text}\0".encode())
    return digest.hexdigest()[:16]


def prune(shelf: Path, kind: str) -> None:
    """Remove templates of states long gone; a young one may be in use by another run."""
    kept = sorted(shelf.glob(f"{kind}-[0-9a-f]*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in kept[TEMPLATES_KEPT:]:
        if time.time() - folder.stat().st_mtime > PRUNE_AFTER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


# For `pytestmark`: every test of a module runs on each pgmq that Supabase offers.
on_every_pgmq = pytest.mark.parametrize("pgmq", [*PGMQ_SHAPES, PGMQ_NEWEST], indirect=True)
