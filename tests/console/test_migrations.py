"""The runner applies each file once, whole or not at all, and leaves the history that the Supabase CLI would leave."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from console.migrations import (
    REPOSITORY,
    MigrationFailed,
    MigrationsMissing,
    apply_pending,
    migrations_folder,
    read_migrations,
    read_standing,
)
from local_stack.clusters import SUPERUSER, server_binaries
from tests.support.databases import Database, TemplateCluster

SUPABASE_CLI = REPOSITORY / "supabase" / "node_modules" / ".bin" / "supabase"
CLI_SECONDS = 120


def write(folder: Path, version: int, name: str, text: str) -> None:
    (folder / f"{version}_{name}.sql").write_text(text)


async def fetch(dsn: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_a_second_run_applies_nothing(bare_database: Database, tmp_path: Path) -> None:
    write(tmp_path, 1, "create_coins", "create table coins (name text); insert into coins values ('BTC');")
    migrations = read_migrations(tmp_path)

    first = await apply_pending(bare_database.dsn(), migrations)
    second = await apply_pending(bare_database.dsn(), migrations)

    assert [migration.file for migration in first] == ["1_create_coins.sql"]
    assert second == []
    assert await fetch(bare_database.dsn(), "select name from coins") == [("BTC",)]


async def test_a_failing_file_leaves_nothing_of_itself(bare_database: Database, tmp_path: Path) -> None:
    write(tmp_path, 1, "create_coins", "create table coins (name text);")
    write(tmp_path, 2, "break", "insert into coins values ('BTC'); select 1 / 0;")
    write(tmp_path, 3, "create_more", "create table more (name text);")

    with pytest.raises(MigrationFailed, match=r"2_break\.sql: division by zero"):
        await apply_pending(bare_database.dsn(), read_migrations(tmp_path))

    assert await fetch(bare_database.dsn(), "select name from coins") == []
    standing = await read_standing(bare_database.dsn(), read_migrations(tmp_path))
    assert [migration.version for migration in standing.pending] == ["2", "3"]


async def test_two_deploys_at_once_take_turns(bare_database: Database, tmp_path: Path) -> None:
    for version in range(1, 6):
        write(tmp_path, version, "step", f"create table step_{version} (i int); select pg_sleep(0.02);")
    migrations = read_migrations(tmp_path)

    runs = await asyncio.gather(*(apply_pending(bare_database.dsn(), migrations) for _ in range(3)))

    assert sorted(migration.version for run in runs for migration in run) == ["1", "2", "3", "4", "5"]


async def test_a_changed_file_is_named(bare_database: Database, tmp_path: Path) -> None:
    write(tmp_path, 1, "create_coins", "create table coins (name text);")
    write(tmp_path, 2, "create_more", "create table more (name text);")
    await apply_pending(bare_database.dsn(), read_migrations(tmp_path))

    write(tmp_path, 1, "create_coins", "create table coins (name text, price numeric);")
    (tmp_path / "2_create_more.sql").unlink()
    standing = await read_standing(bare_database.dsn(), read_migrations(tmp_path))

    assert [migration.file for migration in standing.changed] == ["1_create_coins.sql"]
    assert [entry.version for entry in standing.unknown] == ["2"]
    assert standing.pending == ()


async def test_status_changes_nothing(bare_database: Database, tmp_path: Path) -> None:
    write(tmp_path, 1, "create_coins", "create table coins (name text);")

    standing = await read_standing(bare_database.dsn(), read_migrations(tmp_path))

    assert [migration.version for migration in standing.pending] == ["1"]
    assert await fetch(bare_database.dsn(), "select to_regnamespace('supabase_migrations')::text") == [
        (None,)
    ]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MigrationsMissing):
        read_migrations(tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["chat", "trading"])
async def test_the_supabase_cli_does_the_same(
    bare_cluster: TemplateCluster, kind: str, tmp_path: Path
) -> None:
    with bare_cluster.clone() as ours, bare_cluster.clone() as theirs:
        migrations = read_migrations(migrations_folder(kind))
        await apply_pending(ours.dsn(), migrations)
        await asyncio.to_thread(push_with_cli, kind, theirs.dsn(), tmp_path)

        history = (
            "select version, statements, name from supabase_migrations.schema_migrations order by version"
        )
        assert await fetch(ours.dsn(), history) == await fetch(theirs.dsn(), history)
        schedules = "select jobname, schedule, command, username from cron.job order by jobname"
        assert await fetch(ours.dsn(), schedules) == await fetch(theirs.dsn(), schedules)
        assert dump_schema(ours) == dump_schema(theirs)
        # Each finds the other's work done.
        assert await apply_pending(theirs.dsn(), migrations) == []
        assert "up to date" in await asyncio.to_thread(push_with_cli, kind, ours.dsn(), tmp_path)


def push_with_cli(kind: str, dsn: str, folder: Path) -> str:
    link = folder / "supabase"
    if not link.exists():
        link.symlink_to(REPOSITORY / "supabase" / kind)
    done = subprocess.run(
        [SUPABASE_CLI, "db", "push", "--workdir", folder, f"--remote={dsn}", "--yes"],
        capture_output=True,
        text=True,
        check=False,
        timeout=CLI_SECONDS,
        env={**os.environ, "HOME": str(folder), "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def dump_schema(database: Database) -> list[str]:
    done = subprocess.run(
        [server_binaries() / "pg_dump", "--schema-only", f"--dbname={database.dsn(SUPERUSER)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=CLI_SECONDS,
    )
    # Each dump guards itself by a random word of its own.
    return [line for line in done.stdout.splitlines() if "restrict" not in line.split(" ")[0]]
