"""Applies `supabase/<database>/migrations`, one transaction a file, with the same history as the Supabase CLI."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import asyncpg

from console.statements import split_statements
from zmarty import sql

SQL = sql.load(__package__)
REPOSITORY = Path(__file__).resolve().parent.parent
FILE_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.*)\.sql")
CONNECT_SECONDS = 15
# One number for everybody who migrates this database, so that two deploys at once take turns.
MIGRATION_LOCK = 7_230_861_517


class MigrationsMissing(Exception):
    """No migration was found where they should be; silence would look like success."""


class MigrationFailed(Exception):
    """A file was refused by the database, which is as it was before this file."""

    def __init__(self, migration: Migration, error: asyncpg.PostgresError) -> None:
        super().__init__(f"{migration.file}: {error}")
        self.migration = migration


@dataclass(frozen=True)
class Migration:
    version: str
    name: str
    text: str = field(repr=False)

    @property
    def file(self) -> str:
        return f"{self.version}_{self.name}.sql"

    @cached_property
    def statements(self) -> tuple[str, ...]:
        return tuple(split_statements(self.text))


@dataclass(frozen=True)
class Applied:
    version: str
    name: str | None
    statements: tuple[str, ...] | None


@dataclass(frozen=True)
class Standing:
    """How a database stands to our files: what it lacks, what changed since, what it has that we do not know."""

    applied: tuple[Migration, ...]
    pending: tuple[Migration, ...]
    changed: tuple[Migration, ...]
    unknown: tuple[Applied, ...]


def migrations_folder(database: str) -> Path:
    return REPOSITORY / "supabase" / database / "migrations"


def read_migrations(folder: Path) -> list[Migration]:
    """Every migration of a folder in the order of its version."""
    found = [
        Migration(match["version"], match["name"], file.read_text(encoding="utf-8"))
        for file in folder.glob("*.sql")
        if (match := FILE_NAME.fullmatch(file.name))
    ]
    if not found:
        raise MigrationsMissing(f"no migrations in {folder}")
    return sorted(found, key=lambda migration: migration.version)


async def apply_pending(
    dsn: str, migrations: Sequence[Migration], *, report: Callable[[Migration], None] = lambda _: None
) -> list[Migration]:
    """Apply what the database lacks, in order; a file that fails leaves nothing of itself and stops the run."""
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        await create_history(connection)
        applied = []
        for migration in migrations:
            if await apply_once(connection, migration):
                applied.append(migration)
                report(migration)
        return applied
    finally:
        await connection.close()


async def create_history(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    # "If not exists" alone is not enough: two that find nothing both create, and one of them fails.
    async with connection.transaction():
        await connection.execute(SQL["lock_history"], MIGRATION_LOCK)
        await connection.execute(SQL["create_history_schema"])
        await connection.execute(SQL["create_history"])


async def apply_once(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> bool:
    """Apply one file unless it is in the history; answer whether it was applied now."""
    try:
        async with connection.transaction():
            await connection.execute(SQL["lock_history"], MIGRATION_LOCK)
            if await connection.fetchval(SQL["is_applied"], migration.version):
                return False
            await connection.execute(migration.text)
            # A file may leave settings of its transaction behind, such as a role or a search path.
            await connection.execute("reset role; reset search_path")
            await connection.execute(
                SQL["record_migration"], migration.version, list(migration.statements), migration.name
            )
    except asyncpg.PostgresError as error:
        raise MigrationFailed(migration, error) from error
    return True


async def read_standing(dsn: str, migrations: Sequence[Migration]) -> Standing:
    """Compare the files with the history; changes nothing, not even when there is no history yet."""
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        exists = await connection.fetchval(SQL["history_exists"])
        rows = await connection.fetch(SQL["history"]) if exists else []
    finally:
        await connection.close()
    return compare(migrations, [Applied(row["version"], row["name"], statements_of(row)) for row in rows])


def statements_of(row: asyncpg.Record) -> tuple[str, ...] | None:
    return None if row["statements"] is None else tuple(row["statements"])


def compare(migrations: Sequence[Migration], history: Sequence[Applied]) -> Standing:
    recorded = {entry.version: entry for entry in history}
    known = {migration.version for migration in migrations}
    applied = tuple(migration for migration in migrations if migration.version in recorded)
    return Standing(
        applied=applied,
        pending=tuple(migration for migration in migrations if migration.version not in recorded),
        changed=tuple(
            migration for migration in applied if has_changed(migration, recorded[migration.version])
        ),
        unknown=tuple(entry for entry in history if entry.version not in known),
    )


def has_changed(migration: Migration, entry: Applied) -> bool:
    # A history repaired by hand may hold no statements; then nothing can be said.
    return entry.statements is not None and entry.statements != migration.statements
