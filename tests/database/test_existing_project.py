"""The customer's projects already hold users and tables: migrations add to them, once, or stop before touching anything."""

from uuid import uuid4

import asyncpg
import pytest

from console.migrations import MigrationFailed, apply_pending, migrations_folder, read_migrations
from tests.support.databases import Database

# What a customer's project looks like: users, tables of their own, and one whose name we would like to have.
USERS = [uuid4() for _ in range(3)]


async def connect(bare_database: Database) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await asyncpg.connect(bare_database.dsn())
    await connection.executemany(
        "insert into auth.users (id, email, raw_user_meta_data) values ($1, $2, $3)",
        [(user_id, f"{user_id}@example.com", '{"full_name": "Ada"}') for user_id in USERS],
    )
    await connection.execute("create table public.users (id uuid primary key, email text)")
    await connection.execute("create table public.credit_transactions (id uuid, type text, amount integer)")
    return connection


async def test_existing_users_are_welcomed_exactly_once(bare_database: Database) -> None:
    connection = await connect(bare_database)
    migrations = read_migrations(migrations_folder("chat"))

    assert await apply_pending(bare_database.dsn(), migrations) == migrations
    assert await apply_pending(bare_database.dsn(), migrations) == []

    rows = await connection.fetch("select user_id, balance, available from credit_balance")
    assert {(row["user_id"], row["balance"], row["available"]) for row in rows} == {
        (user, 100, 100) for user in USERS
    }
    assert (
        await connection.fetchval("select count(*) from profiles where full_name = 'Ada' and tier = 'free'")
        == 3
    )
    assert await connection.fetchval("select count(*) from credits_ledger where kind = 'grant'") == 3
    assert await connection.fetchval("select to_regclass('public.credit_transactions') is not null")
    await connection.close()


@pytest.mark.parametrize(
    ("database", "clash"),
    [
        ("chat", "create table public.messages (id bigint, body text)"),
        ("chat", "create view public.credit_balance as select 1 as one"),
        ("trading", "create table public.signals (signal_id uuid, pair text)"),
    ],
)
async def test_a_clash_of_names_stops_before_anything_changes(
    bare_database: Database, database: str, clash: str
) -> None:
    connection = await connect(bare_database)
    await connection.execute(clash)
    before = await connection.fetch(CATALOG)

    with pytest.raises(
        MigrationFailed,
        match=r"would clash with .* public\.(messages|credit_balance|signals)[\s\S]*Nothing was changed",
    ):
        await apply_pending(bare_database.dsn(), read_migrations(migrations_folder(database)))

    assert await connection.fetch(CATALOG) == before
    await connection.close()


CATALOG = """
select c.oid::regclass::text as name, c.relkind::text, c.relrowsecurity, c.relacl::text
from pg_class c
where c.relnamespace::regnamespace::text not in ('pg_catalog', 'pg_toast', 'information_schema', 'supabase_migrations')
union all
select oid::regprocedure::text, 'f', false, proacl::text from pg_proc
union all
select nspname, 'n', false, nspacl::text from pg_namespace where nspname <> 'supabase_migrations'
order by 1
"""
