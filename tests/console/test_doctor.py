"""The doctor names each thing that is not well, and what to do about it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from console.doctor import Finding, edge_finding, examine, jwks_finding
from console.settings import ConsoleSettings, DatabaseUnnamed
from tests.support.databases import Database
from zmarty.postgres import Pool

Dsn = Callable[..., str]


def settings(chat: str | None = None, trading: str | None = None) -> ConsoleSettings:
    return ConsoleSettings.model_construct(
        chat_owner_database_url=SecretStr(chat) if chat else None,
        trading_owner_database_url=SecretStr(trading) if trading else None,
    )


async def findings(chosen: ConsoleSettings) -> dict[str, Finding]:
    return {finding.subject: finding async for finding in examine(chosen)}


async def test_migrated_databases_are_well(chat_dsn: Dsn, trading_dsn: Dsn) -> None:
    found = await findings(settings(chat_dsn(), trading_dsn()))

    databases = {
        subject: finding for subject, finding in found.items() if subject.startswith(("chat", "trading"))
    }
    assert [finding for finding in databases.values() if not finding.is_well] == []
    assert len(databases) == 15


async def test_what_is_missing_is_named(bare_database: Database, chat_dsn: Dsn) -> None:
    found = await findings(settings(chat_dsn(), bare_database.dsn()))

    assert "WATCHERS_WEBHOOK_URL" in found["environment"].seen
    assert "queueing" in found["trading: schemas and extensions"].seen
    assert "zmarty migrate" in found["trading: migrations"].advice
    assert not found["auth: signing keys"].is_well


async def test_an_unreachable_database_is_a_finding(trading_dsn: Dsn) -> None:
    found = await findings(settings("postgresql://nobody@127.0.0.1:1/none", trading_dsn()))

    assert not found["chat: connection"].is_well
    assert found["trading: connection"].is_well


async def test_dead_letters_are_a_finding(chat_dsn: Dsn, trading_dsn: Dsn, trading: Pool) -> None:
    await trading.execute("select pgmq.send('ingest_indicators_dead', '{}')")

    found = await findings(settings(chat_dsn(), trading_dsn()))

    assert "ingest_indicators_dead 1" in found["trading: queues"].seen


async def test_a_vendor_that_is_paused_or_nearly_used_up_is_a_finding(
    chat_dsn: Dsn, trading_dsn: Dsn, trading: Pool
) -> None:
    chosen = settings(chat_dsn(), trading_dsn())
    await trading.execute(
        "insert into vendor_usage (vendor, month, requests) values ('cryptometer', date_trunc('month', now()), 81234)"
    )
    assert (await findings(chosen))["trading: vendors"].seen == (
        "cryptometer: 81,234 of 100,000 requests of this month"
    )

    await trading.execute(
        "update vendor_limits set paused_until = now() + interval '1 hour', paused_because = 'answered 418'"
        " where vendor = 'binance'"
    )

    assert "binance answered 418, paused until" in (await findings(chosen))["trading: vendors"].seen


async def test_sources_that_are_missing_are_a_finding_with_the_reason(
    chat_dsn: Dsn, trading_dsn: Dsn, trading: Pool
) -> None:
    chosen = settings(chat_dsn(), trading_dsn())
    assert "set CRYPTOMETER_API_KEY" in (await findings(chosen))["trading: sources"].seen

    await trading.execute(
        """
        insert into source_usage (vendor, source, month, asked_at, answered_at, dropped_at, failure)
        values
          ('cryptometer', 'trend', date_trunc('month', now()), now(), now(), null, null),
          ('cryptometer', 'volume_flow', date_trunc('month', now()), now(), null, null, 'answered 403: Paid endpoint'),
          ('cryptometer', 'coin_list', date_trunc('month', now()), now() - interval '1 day', null, now(), null)
        """
    )

    found = (await findings(chosen))["trading: sources"]
    assert not found.is_well
    assert found.seen == (
        "missing: coin_list (left out to keep the month's quota), volume_flow (answered 403: Paid endpoint)"
    )


async def test_a_failed_schedule_is_a_finding(chat_dsn: Dsn, trading_dsn: Dsn, chat: Pool) -> None:
    admin = chat_dsn("supabase_admin")
    await run_sql(
        admin,
        "insert into cron.job_run_details (jobid, status, return_message, start_time)"
        " select min(jobid), 'failed', 'no such table', now() from cron.job",
    )

    found = await findings(settings(chat_dsn(), trading_dsn()))

    assert "no such table" in found["chat: schedules"].seen


@pytest.mark.parametrize(("status", "is_well"), [(405, True), (401, False), (404, False)])
async def test_the_function_is_known_by_its_405(status: int, is_well: bool) -> None:
    async with answering(status, b"{}") as address:
        assert (await edge_finding(f"{address}/watchers-upsert")).is_well is is_well


async def test_keys_are_counted_or_missed() -> None:
    async with answering(200, b'{"keys": [{}]}') as address:
        assert (await jwks_finding(address)).seen == "1 published"
    async with answering(200, b"<html>") as address:
        assert not (await jwks_finding(address)).is_well
    assert not (await jwks_finding("http://127.0.0.1:1")).is_well


def test_an_unnamed_database_says_which_variable() -> None:
    with pytest.raises(DatabaseUnnamed, match="CHAT_OWNER_DATABASE_URL"):
        settings().dsn("chat")


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[str]:
    """An HTTP server with one answer for everything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} Answer\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def run_sql(dsn: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
