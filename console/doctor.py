"""Looks at everything Zmarty needs and says of each thing whether it is well and, if not, what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx

from console.migrations import (
    SQL,
    MigrationsMissing,
    migrations_folder,
    read_migrations,
    read_standing,
)
from console.settings import DATABASES, ConsoleSettings, DatabaseKind, DatabaseUnnamed
from orchestrator_worker.relay.relay import REFERENCES_FUNCTION
from orchestrator_worker.relay.webhook import beside
from zmarty.messages import QUEUES

SERVICE_ROLES = ["zmarty_api", "zmarty_worker"]
SUPABASE_ROLES = ["anon", "authenticated", "service_role"]
SCHEMAS: dict[DatabaseKind, list[str]] = {
    "chat": ["auth", "cron", "private"],
    "trading": ["cron", "pgmq", "queueing", "partitions"],
}
PROBE_SECONDS = 10.0
EDGE_FUNCTIONS = ("watchers-upsert", REFERENCES_FUNCTION)


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well, what was seen, and what to do when it is not."""

    subject: str
    is_well: bool
    seen: str
    advice: str = ""


async def examine(settings: ConsoleSettings) -> AsyncIterator[Finding]:
    yield env_finding(settings)
    for database in DATABASES:
        async for finding in examine_database(settings, database):
            yield finding
    yield await jwks_finding(settings.chat_supabase_url)
    yield await edge_finding(settings.watchers_webhook_url)


def env_finding(settings: ConsoleSettings) -> Finding:
    needed = {
        "CHAT_DATABASE_URL": settings.chat_owner_database_url,
        "TRADING_DATABASE_URL": settings.trading_owner_database_url,
        "CHAT_SUPABASE_URL": settings.chat_supabase_url,
        "WATCHERS_WEBHOOK_URL": settings.watchers_webhook_url,
        "WATCHERS_WEBHOOK_SECRETS": settings.watchers_webhook_secrets,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        return Finding("environment", False, f"missing {', '.join(missing)}", "set them; see .env.example")
    return Finding("environment", True, "complete")


async def examine_database(settings: ConsoleSettings, database: DatabaseKind) -> AsyncIterator[Finding]:
    try:
        dsn = settings.dsn(database)
    except DatabaseUnnamed as error:
        yield Finding(f"{database}: connection", False, "no address", str(error))
        return
    started = time.perf_counter()
    try:
        connection = await asyncpg.connect(dsn, timeout=PROBE_SECONDS, command_timeout=PROBE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        yield Finding(
            f"{database}: connection",
            False,
            f"{type(error).__name__}: {error}",
            "check the address and password; on Supabase use the session pooler (port 5432)",
        )
        return
    try:
        version = await connection.fetchval(SQL["server_version"])
        elapsed = (time.perf_counter() - started) * 1000
        yield Finding(f"{database}: connection", True, f"Postgres {version.split()[0]}, {elapsed:.0f} ms")
        async for finding in examine_connected(connection, database):
            yield finding
    finally:
        await connection.close()
    yield await migrations_finding(database, dsn)


async def examine_connected(
    connection: asyncpg.Connection[asyncpg.Record], database: DatabaseKind
) -> AsyncIterator[Finding]:
    yield await absence_finding(
        connection,
        f"{database}: roles",
        "roles_missing",
        SUPABASE_ROLES + SERVICE_ROLES,
        "run `zmarty migrate`",
    )
    yield await absence_finding(
        connection,
        f"{database}: logins",
        "roles_without_login",
        SERVICE_ROLES,
        "give each a password: alter role … login password '…' (docs/DEPLOY.md)",
    )
    schemas = await absence_finding(
        connection,
        f"{database}: schemas and extensions",
        "schemas_missing",
        SCHEMAS[database],
        "enable the extension in the dashboard (pg_cron, pgmq), then run `zmarty migrate`",
    )
    yield schemas
    if not schemas.is_well:
        return
    if database == "trading":
        yield await queues_finding(connection)
        yield await vendors_finding(connection)
        yield await sources_finding(connection)
    yield await cron_finding(connection, database)


async def absence_finding(
    connection: asyncpg.Connection[asyncpg.Record], subject: str, query: str, names: list[str], advice: str
) -> Finding:
    """Well when the query, which names what is missing of these, names nothing."""
    missing = [row["name"] for row in await connection.fetch(SQL[query], names)]
    if missing:
        return Finding(subject, False, f"missing: {', '.join(missing)}", advice)
    return Finding(subject, True, ", ".join(names))


async def queues_finding(connection: asyncpg.Connection[asyncpg.Record]) -> Finding:
    wanted = [name for kind in QUEUES for name in (kind.queue, f"{kind.queue}_dead")]
    finding = await absence_finding(
        connection, "trading: queues", "queues_missing", wanted, "run `zmarty migrate --database trading`"
    )
    dead = await connection.fetch(SQL["dead_letters"]) if finding.is_well else []
    if dead:
        seen = ", ".join(f"{row['queue_name']} {row['queue_length']}" for row in dead)
        return Finding(
            "trading: queues",
            False,
            f"dead letters: {seen}",
            "look at them with `zmarty queue peek QUEUE --dead`, or at /admin",
        )
    return finding


async def vendors_finding(connection: asyncpg.Connection[asyncpg.Record]) -> Finding:
    subject = "trading: vendors"
    try:
        vendors = await connection.fetch(SQL["vendors"])
    except asyncpg.UndefinedTableError:
        return Finding(subject, False, "no limits", "run `zmarty migrate --database trading`")
    for row in vendors:
        if row["paused_until"]:
            seen = f"{row['vendor']} {row['paused_because']}, paused until {row['paused_until']:%Y-%m-%d %H:%M:%SZ}"
            return Finding(subject, False, seen, "it ends by itself; docs: ONCALL.md, a vendor is limited")
        if row["is_low"]:
            seen = f"{row['vendor']}: {_spent(row)} of this month"
            return Finding(
                subject,
                False,
                seen,
                "ask the vendor for more, then raise vendor_limits.monthly_quota or monthly_dollars",
            )
    used = ", ".join(f"{row['vendor']} {row['requests']:,}" for row in vendors)
    return Finding(subject, True, f"asked this month: {used}")


def _spent(row: asyncpg.Record) -> str:
    parts = []
    if row["monthly_quota"] is not None:
        parts.append(f"{row['requests']:,} of {row['monthly_quota']:,} requests")
    if row["monthly_dollars"] is not None:
        parts.append(f"{row['dollars']:.2f} of {row['monthly_dollars']:.2f} dollars")
    return " and ".join(parts)


async def sources_finding(connection: asyncpg.Connection[asyncpg.Record]) -> Finding:
    """Which readings are missing, and why. A source that nobody has configured was never asked and is no row."""
    subject = "trading: sources"
    try:
        sources = await connection.fetch(SQL["sources"])
    except asyncpg.UndefinedTableError:
        return Finding(subject, False, "unknown", "run `zmarty migrate --database trading`")
    missing = [f"{row['source']} ({reason})" for row in sources if (reason := _why_missing(row))]
    if missing:
        return Finding(
            subject,
            False,
            f"missing: {', '.join(missing)}",
            "signals and chat go without them; docs: 41-ORCHESTRATOR-WORKER.md, the reading plan",
        )
    if not sources:
        seen = "none asked: set CRYPTOMETER_API_KEY for readings, SENTIMENT_ENABLED and XAI_API_KEY for sentiment"
        return Finding(subject, True, seen)
    return Finding(subject, True, f"answering: {', '.join(row['source'] for row in sources)}")


def _why_missing(row: asyncpg.Record) -> str | None:
    if row["failure"]:
        return str(row["failure"])
    asked_at, dropped_at = row["asked_at"], row["dropped_at"]
    if dropped_at and (asked_at is None or dropped_at > asked_at):
        return "left out to keep the month's quota"
    return None


async def cron_finding(connection: asyncpg.Connection[asyncpg.Record], database: DatabaseKind) -> Finding:
    jobs = await connection.fetch(SQL["cron_jobs"])
    subject = f"{database}: schedules"
    if not jobs:
        return Finding(subject, False, "none", f"run `zmarty migrate --database {database}`")
    bad = [row for row in jobs if not row["active"] or row["status"] == "failed"]
    if bad:
        seen = "; ".join(f"{row['jobname']}: {row['return_message'] or 'inactive'}" for row in bad)
        return Finding(subject, False, seen, "see cron.job_run_details")
    newest = max((row["start_time"] for row in jobs if row["start_time"]), default=None)
    ran = f"last run {newest:%Y-%m-%d %H:%M:%SZ}" if newest else "none has run yet"
    return Finding(subject, True, f"{len(jobs)} active, {ran}")


async def migrations_finding(database: DatabaseKind, dsn: str) -> Finding:
    subject = f"{database}: migrations"
    try:
        standing = await read_standing(dsn, read_migrations(migrations_folder(database)))
    except MigrationsMissing as error:
        return Finding(subject, False, str(error), "run from a checkout of the repository")
    if standing.pending:
        names = ", ".join(migration.file for migration in standing.pending)
        return Finding(subject, False, f"pending: {names}", f"run `zmarty migrate --database {database}`")
    if standing.changed:
        names = ", ".join(migration.file for migration in standing.changed)
        return Finding(subject, False, f"changed since applied: {names}", "restore the files; add a new one")
    return Finding(subject, True, f"{len(standing.applied)} applied")


async def jwks_finding(supabase_url: str | None) -> Finding:
    if supabase_url is None:
        return Finding("auth: signing keys", False, "no address", "set CHAT_SUPABASE_URL")
    url = f"{supabase_url}/auth/v1/.well-known/jwks.json"
    try:
        answer = await fetch(url)
        keys = answer.raise_for_status().json()["keys"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return Finding("auth: signing keys", False, f"{type(error).__name__}: {error}", f"is {url} right?")
    return Finding("auth: signing keys", True, f"{len(keys)} published")


async def edge_finding(url: str | None) -> Finding:
    """Functions that answer a plain GET by 405 are deployed, and need no signature for saying so."""
    subject = f"edge functions: {', '.join(EDGE_FUNCTIONS)}"
    if url is None:
        return Finding(subject, False, "no address", "set WATCHERS_WEBHOOK_URL")
    for name in EDGE_FUNCTIONS:
        try:
            answer = await fetch(beside(url, name))
        except httpx.HTTPError as error:
            seen = f"{name}: {type(error).__name__}: {error}"
            return Finding(subject, False, seen, "deploy it: ops/deploy.sh")
        if answer.status_code != httpx.codes.METHOD_NOT_ALLOWED:
            seen = f"{name} answered {answer.status_code}"
            return Finding(subject, False, seen, "deploy it with verify_jwt = false: ops/deploy.sh")
    return Finding(subject, True, "both answer")


async def fetch(url: str) -> httpx.Response:
    async with asyncio.timeout(PROBE_SECONDS), httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
        return await client.get(url)
