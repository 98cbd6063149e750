"""Who may touch what: every table, view and function of both databases, for every kind of caller. New ones must be added here."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from zmarty.postgres import Connection, Pool

# Privileges of the browser's roles and of our services, as letters: select, insert, update, delete. A letter in
# brackets holds for some columns only. service_role is Supabase's own key for servers and passes every policy.
CHAT = {
    "agent_calls": {"zmarty_api": "siud"},
    "answer_frames": {"zmarty_api": "si"},
    "answers_under_way": {"zmarty_api": "siud"},
    "audit_log": {"zmarty_api": "si"},
    "cached_answers": {"zmarty_api": "siu"},
    "conversations": {"authenticated": "s(u)d", "zmarty_api": "siu"},
    "credit_accounts": {"authenticated": "s", "zmarty_api": "s"},
    "credit_balance": {"authenticated": "s", "zmarty_api": "s"},
    "credit_grants": {"authenticated": "s", "zmarty_api": "s"},
    "credit_transactions": {"authenticated": "s", "zmarty_api": "s"},
    "credits": {"authenticated": "s", "zmarty_api": "s"},
    "credit_holds": {"authenticated": "s", "zmarty_api": "s"},
    "credits_ledger": {"authenticated": "s", "zmarty_api": "s"},
    "messages": {"authenticated": "s(u)", "zmarty_api": "siu"},
    "outbox": {"zmarty_api": "s", "zmarty_worker": "su"},
    "profiles": {"authenticated": "s(u)", "zmarty_api": "su"},
    "recent_errors": {"zmarty_api": "sid", "zmarty_worker": "sid"},
    "request_keys": {"zmarty_api": "siud"},
    "spending_limits": {"authenticated": "s", "zmarty_api": "siu"},
    "tiers": {"anon": "s", "authenticated": "s", "zmarty_api": "s", "zmarty_worker": "s"},
    "user_symbols": {"authenticated": "s(i)(u)d", "zmarty_worker": "s"},
    "voice_recordings": {"authenticated": "s", "zmarty_api": "si"},
}
TRADING = {
    "ai_analysis": {"zmarty_api": "si"},
    "calibration": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "candle_absences": {"zmarty_api": "s", "zmarty_worker": "siud"},
    "candles": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "context_readings": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "cluster_asks": {"zmarty_worker": "siu"},
    "cluster_pushes": {"zmarty_api": "si", "zmarty_worker": "s(u)"},
    "events": {"zmarty_api": "s"},
    "indicators": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "ingest_state": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "instruments": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "integrated_signals": {"zmarty_api": "s", "zmarty_worker": "s"},
    "jobs": {"zmarty_api": "siu", "zmarty_worker": "siu"},
    "liquidation_monitor": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "risk_anchors": {"zmarty_worker": "s"},
    "risk_metric": {"zmarty_api": "s", "zmarty_worker": "si"},
    "liq_clusters": {"zmarty_api": "s", "zmarty_worker": "si"},
    "market_data": {"zmarty_api": "s", "zmarty_worker": "s"},
    "market_snapshots": {"zmarty_api": "s", "zmarty_worker": "si"},
    "market_intelligence": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "pattern_effectiveness": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "patterns": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "recent_errors": {"zmarty_api": "sid", "zmarty_worker": "sid"},
    "service_keys": {"zmarty_api": "s(u)"},
    "signal_outcomes": {"zmarty_api": "s", "zmarty_worker": "si"},
    "signals": {"zmarty_api": "si", "zmarty_worker": "si"},
    "source_standing": {"zmarty_api": "s", "zmarty_worker": "s"},
    "source_usage": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "simulation_trades": {"zmarty_api": "s", "zmarty_worker": "sid"},
    "simulations": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "trading_signals": {"zmarty_api": "s", "zmarty_worker": "s"},
    "vendor_answers": {"zmarty_worker": "siu"},
    "vendor_limits": {"zmarty_api": "s", "zmarty_worker": "s(u)"},
    "vendor_standing": {"zmarty_api": "s", "zmarty_worker": "s"},
    "vendor_usage": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "user_references": {"zmarty_api": "s", "zmarty_worker": "s"},
    "watchers": {"zmarty_api": "s", "zmarty_worker": "s"},
    "win_rate": {"zmarty_api": "s", "zmarty_worker": "siu"},
    "worker_heartbeats": {"zmarty_api": "s", "zmarty_worker": "siud"},
}
CHAT_FUNCTIONS = {
    "private.grant_credits": {"zmarty_api"},
    "private.refund_charge": {"zmarty_api"},
    "public.get_user_credits": {"authenticated"},
    "public.spend_credits": {"authenticated"},
    "private.admit_call": {"zmarty_api"},
    "private.renew_stream": {"zmarty_api"},
    "private.end_stream": {"zmarty_api"},
    "private.hold_credits": {"zmarty_api"},
    "private.settle_hold": {"zmarty_api"},
    "private.release_hold": {"zmarty_api"},
    "private.reference_snapshots": {"zmarty_worker"},
    "private.users_after": {"zmarty_worker"},
    "private.repair_reference": {"zmarty_worker"},
    "private.repair_watchers": {"zmarty_worker"},
    "private.retry_outbox": {"zmarty_api"},
    "private.recent_cron_runs": {"zmarty_api", "zmarty_worker"},
}
TRADING_FUNCTIONS = {
    "private.admit_request": {"zmarty_worker"},
    "partitions.ensure_candle_partitions": {"zmarty_worker"},
    "queueing.send_once": {"zmarty_api", "zmarty_worker"},
    "queueing.dead_letters": {"zmarty_api"},
    "queueing.discard_dead": {"zmarty_api"},
    "queueing.peek": {"zmarty_api"},
    "queueing.purge": {"zmarty_api"},
    "queueing.require_few": {"zmarty_api"},
    "queueing.require_queue": {"zmarty_api"},
    "queueing.names": {"zmarty_api", "zmarty_worker"},
    "queueing.stats": {"zmarty_api", "zmarty_worker"},
    "queueing.horizon": {"zmarty_api", "zmarty_worker"},
    "queueing.pause": {"zmarty_api"},
    "queueing.resume": {"zmarty_api"},
    "queueing.repair_queues": {"zmarty_api", "zmarty_worker"},
    "queueing.retry_dead": {"zmarty_api"},
    "private.recent_cron_runs": {"zmarty_api", "zmarty_worker"},
}
ROLES = ("anon", "authenticated", "zmarty_api", "zmarty_worker")
OUR_SCHEMAS = ["public", "private", "queueing", "partitions"]


async def relations(pool: Pool) -> dict[str, dict[str, str]]:
    """What each role may do with each relation of schema public, in the notation above."""
    rows = await pool.fetch(
        """
        select c.relname, r.role, p.letter,
               has_table_privilege(r.role, c.oid, p.privilege) as whole,
               p.privilege in ('select', 'insert', 'update')
                 and has_any_column_privilege(r.role, c.oid, p.privilege) as some
        from pg_class c
        cross join unnest($1::text[]) as r (role)
        cross join (values ('s', 'select', 1), ('i', 'insert', 2), ('u', 'update', 3), ('d', 'delete', 4))
          as p (letter, privilege, place)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
        order by c.relname, r.role, p.place
        """,
        list(ROLES),
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        allowed = found.setdefault(row["relname"], {})
        letter = row["letter"] if row["whole"] else f"({row['letter']})" if row["some"] else ""
        if letter:
            allowed[row["role"]] = allowed.get(row["role"], "") + letter
    return found


async def reachable_functions(pool: Pool) -> dict[str, set[str]]:
    rows = await pool.fetch(
        """
        select n.nspname || '.' || p.proname as name, r.role
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        cross join unnest($1::text[]) as r (role)
        where n.nspname = any ($2::text[])
          and has_schema_privilege(r.role, n.oid, 'usage') and has_function_privilege(r.role, p.oid, 'execute')
        """,
        list(ROLES),
        OUR_SCHEMAS,
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["name"], set()).add(row["role"])
    return found


async def test_privileges_of_the_chat_database(chat: Pool) -> None:
    assert await relations(chat) == CHAT
    assert await reachable_functions(chat) == CHAT_FUNCTIONS


async def test_privileges_of_the_trading_database(trading: Pool) -> None:
    assert await relations(trading) == TRADING
    assert await reachable_functions(trading) == TRADING_FUNCTIONS


@pytest.mark.parametrize("kind", ["chat", "trading"])
async def test_every_table_is_row_secured(kind: str, chat: Pool, trading: Pool) -> None:
    pool = {"chat": chat, "trading": trading}[kind]
    bare = await pool.fetch(
        """
        select c.oid::regclass::text as name
        from pg_class c
        where c.relkind in ('r', 'p') and not c.relrowsecurity
          and (
            c.relnamespace::regnamespace::text = any ($1::text[])
            or c.relnamespace = to_regnamespace('pgmq') and c.relname ~ '^[qa]_'
          )
        """,
        OUR_SCHEMAS,
    )
    assert [row["name"] for row in bare] == []


@pytest.mark.parametrize("kind", ["chat", "trading"])
async def test_views_ask_with_the_callers_rights(kind: str, chat: Pool, trading: Pool) -> None:
    pool = {"chat": chat, "trading": trading}[kind]
    careless = await pool.fetch(
        """
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
          and not coalesce(reloptions @> array['security_invoker=true'], false)
        """
    )
    assert [row["relname"] for row in careless] == []


@pytest.mark.parametrize("kind", ["chat", "trading"])
async def test_definer_functions_fix_their_search_path(kind: str, chat: Pool, trading: Pool) -> None:
    pool = {"chat": chat, "trading": trading}[kind]
    careless = await pool.fetch(
        """
        select oid::regprocedure::text as name from pg_proc
        where pronamespace::regnamespace::text = any ($1::text[]) and prosecdef
          and not exists (select from unnest(proconfig) as setting where setting like 'search_path=%')
        """,
        OUR_SCHEMAS,
    )
    assert [row["name"] for row in careless] == []


async def test_the_browser_reaches_nothing_of_the_trading_database(trading: Pool) -> None:
    tables = await trading.fetch(
        "select oid::regclass::text as name from pg_class where relkind in ('r', 'p', 'v') and relnamespace::regnamespace::text = any ($1::text[])",
        [*OUR_SCHEMAS, "pgmq"],
    )
    assert len(tables) > 20
    for role in ("anon", "authenticated"):
        for table in tables:
            async with trading.acquire() as connection, connection.transaction():
                await connection.execute(f"set local role {role}")
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(f"select from {table['name']} limit 1")


@asynccontextmanager
async def as_role(pool: Pool, role: str, user_id: UUID | None = None) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"set local role {role}")
        if user_id:
            await connection.execute(
                "select set_config('request.jwt.claims', $1, true)",
                json.dumps({"sub": str(user_id), "role": role}),
            )
        yield connection
        await transaction.rollback()


async def sign_up(chat: Pool, email: str) -> UUID:
    user_id = uuid4()
    await chat.execute("insert into auth.users (id, email) values ($1, $2)", user_id, email)
    return user_id


@pytest.fixture
async def two_users(chat: Pool) -> tuple[UUID, UUID]:
    """Two users with a row in every table that belongs to users."""
    users = await sign_up(chat, "ada@example.com"), await sign_up(chat, "bob@example.com")
    for user_id in users:
        await chat.execute(
            "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC', '1h')", user_id
        )
        conversation = await chat.fetchval(
            "insert into conversations (user_id) values ($1) returning id", user_id
        )
        await chat.execute(
            "insert into messages (conversation_id, user_id, role, content) values ($1, $2, 'user', 'mine')",
            conversation,
            user_id,
        )
        await chat.execute("insert into spending_limits (user_id, per_day) values ($1, 50)", user_id)
        await chat.execute("select private.hold_credits($1, 5, 60)", user_id)
        recording = uuid4()
        await chat.execute(
            "insert into voice_recordings (id, user_id, message_id, path, byte_count, character_count)"
            " values ($1, $2, $1, '2026-11-26/' || $1::uuid || '.mp3', 1, 1)",
            recording,
            user_id,
        )
    return users


OWNED = [
    "profiles",
    "user_symbols",
    "conversations",
    "messages",
    "credit_accounts",
    "credits_ledger",
    "credit_grants",
    "credit_holds",
    "credits",
    "credit_transactions",
    "spending_limits",
    "credit_balance",
    "voice_recordings",
]


@pytest.mark.parametrize("table", OWNED)
async def test_users_read_their_own_rows_alone(chat: Pool, two_users: tuple[UUID, UUID], table: str) -> None:
    ada, bob = two_users
    async with as_role(chat, "authenticated", ada) as connection:
        owners = {row["user_id"] for row in await connection.fetch(f"select user_id from {table}")}
        assert owners == {ada}
    async with as_role(chat, "authenticated") as connection:
        assert await connection.fetch(f"select user_id from {table}") == [], (
            "signed in without a claim is nobody"
        )
    async with as_role(chat, "anon") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"select user_id from {table}")
    async with as_role(chat, "service_role") as connection:
        owners = {row["user_id"] for row in await connection.fetch(f"select user_id from {table}")}
        assert owners == {ada, bob}


@pytest.mark.parametrize(
    "statement",
    [
        "update profiles set tier = 'enterprise'",
        "update credit_accounts set balance = 1000000",
        "insert into credits_ledger (user_id, kind, amount, balance_after, idempotency_key, reason) values (auth.uid(), 'grant', 9, 9, 'x', 'x')",
        "delete from credits_ledger",
        "update credit_holds set state = 'released'",
        "select private.grant_credits(auth.uid(), 100, 'x', 'x')",
        "select private.release_hold((select id from credit_holds))",
        "select private.refund_charge(1, 1, 'x', 'x')",
        "select private.grant_monthly_to(auth.uid())",
        "update credit_grants set remaining = credits, expires_at = null",
        "insert into credit_grants (user_id, kind, credits, remaining) values (auth.uid(), 'bonus', 9, 9)",
        "update spending_limits set per_day = null",
        "delete from spending_limits",
        "select * from outbox",
        "insert into messages (conversation_id, user_id, role, content) select id, user_id, 'assistant', 'x' from conversations",
        "update messages set content = 'I never said that'",
        "update messages set credits = 0",
        "delete from messages",
        "update conversations set user_id = auth.uid()",
        "update tiers set credits_monthly = 1000000",
        "select * from audit_log",
        "select * from cached_answers",
        "select * from agent_calls",
        "update voice_recordings set user_id = auth.uid()",
    ],
)
async def test_users_cannot_help_themselves(chat: Pool, two_users: tuple[UUID, UUID], statement: str) -> None:
    async with as_role(chat, "authenticated", two_users[0]) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_a_user_writes_only_in_their_own_name(chat: Pool, two_users: tuple[UUID, UUID]) -> None:
    ada, bob = two_users
    async with as_role(chat, "authenticated", ada) as connection:
        await connection.execute("insert into user_symbols (symbol, timeframe) values ('eth-usdt', '1h')")
        assert (
            await connection.fetchval(
                "select symbol from user_symbols where user_id = $1 and symbol <> 'BTC/USDT'", ada
            )
            == "ETH/USDT"
        )
        assert (
            await connection.execute("update user_symbols set active = false where user_id = $1", bob)
            == "UPDATE 0"
        )
        assert await connection.execute("delete from user_symbols where user_id = $1", bob) == "DELETE 0"
        assert (
            await connection.execute("update profiles set bio = 'hi' where user_id = $1", bob) == "UPDATE 0"
        )
        assert (
            await connection.execute("update profiles set bio = 'hi' where user_id = $1", ada) == "UPDATE 1"
        )
        assert (
            await connection.execute("update conversations set title = 'hi' where user_id = $1", bob)
            == "UPDATE 0"
        )
        assert await connection.execute("delete from conversations where user_id = $1", bob) == "DELETE 0"
        assert (
            await connection.execute("update messages set rating_comment = null where user_id = $1", bob)
            == "UPDATE 0"
        )
        assert await connection.execute("delete from conversations where user_id = $1", ada) == "DELETE 1"
        assert await connection.fetch("select from messages") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'SOL', '1h')", bob
            )


async def test_only_answers_are_rated(chat: Pool, two_users: tuple[UUID, UUID]) -> None:
    async with as_role(chat, "authenticated", two_users[0]) as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("update messages set rating = 'up', rated_at = now()")
