"""Clusters are ours alone: made by an ordinary account, reachable only with their passwords, gone when stopped."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from local_stack.bootstrap import BootstrapOutdated, bootstrap_cluster
from local_stack.clusters import (
    CRON_SETTINGS,
    SUPERUSER,
    Cluster,
    create_cluster,
    free_port,
    remove_stale_pid,
    start_server,
    stop_server,
    wait_until_ready,
)
from local_stack.home import Home
from local_stack.process import process_started
from tests.support.system import wait_for


@contextmanager
def started(home: Home) -> Iterator[Cluster]:
    """A cluster as the running system has it: durable, with real pg_cron."""
    home.create()
    data = home.clusters / "chat"
    passwords = home.secrets().passwords
    cluster = Cluster("chat-database", data, home.server_sockets, free_port(), passwords, CRON_SETTINGS)
    if not data.exists():
        create_cluster(data, password=passwords[SUPERUSER], sync=False)
    server = start_server(cluster, log=home.log("chat-database"))
    try:
        wait_until_ready(cluster, server, log=home.log("chat-database"))
        yield cluster
    finally:
        stop_server(server)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"))
    yield home
    home.remove()


async def test_a_new_cluster_is_a_supabase_project(home: Home) -> None:
    with started(home) as cluster:
        await bootstrap_cluster(cluster)
        await bootstrap_cluster(cluster)
        connection = await asyncpg.connect(cluster.dsn())
        try:
            attributes = await connection.fetchrow(
                "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user"
            )
            assert attributes
            assert tuple(attributes) == (False, True, True, True)
            assert await connection.fetchval("show lc_collate") == "C.UTF-8"
            # Postgres schedules by the functions; the table itself is not its own.
            assert await connection.fetchval("select cron.schedule('beat', '* * * * *', 'select 1')") == 1
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(
                    "insert into cron.job (schedule, command) values ('* * * * *', 'select 1')"
                )
            await connection.execute("select pgmq.create('work'); select pgmq.send('work', '{}')")
            assert await connection.fetchval("select vault.create_secret('hush', 'name')")
            assert await connection.fetchval("select decrypted_secret from vault.decrypted_secrets") == "hush"
        finally:
            await connection.close()


async def test_pg_cron_really_runs_jobs(home: Home) -> None:
    with started(home) as cluster:
        await bootstrap_cluster(cluster)
        connection = await asyncpg.connect(cluster.dsn())
        try:
            workers = await connection.fetchval(
                "select count(*) from pg_stat_activity where backend_type like 'pg_cron%'"
            )
            assert workers == 1
            assert await connection.fetchval("show cron.use_background_workers") == "on"
        finally:
            await connection.close()


async def test_nobody_enters_without_the_password(home: Home) -> None:
    with started(home) as cluster:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=cluster.port, user=SUPERUSER, password="guess", database="postgres"
            )
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host=str(cluster.sockets),
                port=cluster.port,
                user=SUPERUSER,
                password="guess",
                database="postgres",
            )
        assert "password" not in repr(cluster)


async def test_data_outlives_a_stop(home: Home) -> None:
    with started(home) as cluster:
        await bootstrap_cluster(cluster)
        await execute(cluster, "create table kept (i int)")
    with started(home) as cluster:
        await execute(cluster, "insert into kept values (1)")


def test_a_server_that_is_killed_leaves_nothing_running(home: Home) -> None:
    with started(home) as cluster:
        pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: process_started(pid) is None, seconds=5, what="the server to be gone")
    with started(home):
        pass


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts servers as another account")
def test_a_home_that_the_server_cannot_enter_is_linked(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = Home(closed / "home")
    try:
        with started(home) as cluster:
            assert (home.path / "clusters").is_symlink()
            assert cluster.data.is_relative_to("/var/lib/zmarty")
    finally:
        home.remove()
    assert not cluster.data.exists()


def test_secrets_are_invented_once_and_kept_private(home: Home) -> None:
    home.create()
    first = home.secrets()

    assert home.secrets().passwords == first.passwords
    assert len(set(first.passwords.values())) == len(first.passwords)
    assert stat.S_IMODE((home.path / "secrets.json").stat().st_mode) == 0o600
    assert first.webhook not in repr(first)


def test_a_number_given_to_another_process_is_stale(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text("1\n/data\n")

    remove_stale_pid(tmp_path)

    assert not file.exists()


def test_a_taken_port_is_not_chosen() -> None:
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port


async def execute(cluster: Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.dsn())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_cluster_of_another_version_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(home) as cluster:
        await bootstrap_cluster(cluster)
        monkeypatch.setattr("local_stack.bootstrap.fingerprint", lambda: "another")

        with pytest.raises(BootstrapOutdated, match="remove"):
            await bootstrap_cluster(cluster)
