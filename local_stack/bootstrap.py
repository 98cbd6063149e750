"""What Supabase provides before a project's first migration; the only place that stands in for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from pgmq.install import get_embedded_install_sql

from local_stack.clusters import SUPERUSER, Cluster

MARK = "zmarty bootstrap "
SCRIPTS = Path(__file__).parent / "supabase"


class BootstrapOutdated(Exception):
    """A kept database was made from other stand-ins than these; migrations cannot change what is Supabase's."""


def script(name: str) -> str:
    return (SCRIPTS / f"{name}.sql").read_text()


async def bootstrap_roles(connection: asyncpg.Connection) -> None:
    """Make Supabase's roles, once in each cluster, as its superuser."""
    await connection.execute(script("roles"))


async def bootstrap_database(connection: asyncpg.Connection, *, real_cron: bool) -> None:
    """Turn an empty database into a new Supabase project's, as the cluster's superuser."""
    async with connection.transaction():
        for name in ("schemas", "auth", "vault", "cron" if real_cron else "cron_stand_in"):
            await connection.execute(script(name))
        # Everything of pgmq belongs to postgres, who may therefore create queues, as on Supabase.
        await connection.execute("set local role postgres")
        await connection.execute(get_embedded_install_sql())
        await connection.execute("set local role none")


async def bootstrap_cluster(cluster: Cluster) -> None:
    """Bootstrap a new cluster's one database, `postgres`; calling it again changes nothing."""
    connection = await asyncpg.connect(cluster.dsn(SUPERUSER), timeout=5)
    try:
        made_by = await connection.fetchval(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
        )
        if not (made_by or "").startswith(MARK):
            # All or nothing: a start that is cut short finds an empty database again.
            async with connection.transaction():
                await bootstrap_roles(connection)
                await connection.execute("alter database postgres owner to postgres")
                await bootstrap_database(connection, real_cron=True)
                await connection.execute(f"comment on database postgres is '{MARK}{fingerprint()}'")
        elif made_by != MARK + fingerprint():
            raise BootstrapOutdated(
                f"{cluster.data} was made by another version of the local stack;"
                f" remove {cluster.data.parent} to start afresh (its data is lost), or check that version out"
            )
        await set_passwords(connection, cluster.passwords)
    finally:
        await connection.close()


def fingerprint() -> str:
    """Changes with whatever a new database is made from."""
    texts = [script(file.stem) for file in sorted(SCRIPTS.glob("*.sql"))]
    return hashlib.sha256("\0".join([*texts, get_embedded_install_sql()]).encode()).hexdigest()[:16]


async def set_passwords(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """Let each role that exists log in with its password; a home's passwords are the truth, not the cluster's."""
    existing = await connection.fetch(
        "select rolname from pg_roles where rolname = any($1::text[])", list(passwords)
    )
    for (role,) in existing:
        statement = await connection.fetchval(
            "select format('alter role %I login password %L', $1::text, $2::text)", role, passwords[role]
        )
        await connection.execute(statement)
