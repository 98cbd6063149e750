"""`zmarty reconcile`: holds the mirror against its origin with the worker's own comparison; repairs are audited."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from console.accounts import connect
from console.audit import audited
from console.migrations import SQL
from console.settings import ConsoleSettings
from orchestrator_worker.reconcile import store
from orchestrator_worker.reconcile.difference import Findings
from orchestrator_worker.reconcile.reconcile import USERS_AT_ONCE, Report, Run
from zmarty.postgres import CHAT_PATIENCE, TRADING_PATIENCE, Patience, Pool, open_pool


async def compare(settings: ConsoleSettings, report: Report) -> Findings:
    """Compare every row and change nothing."""
    async with AsyncExitStack() as stack:
        chat, trading = await _open(stack, settings)
        return await Run(chat=chat, trading=trading, repair=False, report=report).compare()


async def repair(
    settings: ConsoleSettings, report: Report, *, actor: str, retry_parked: bool
) -> tuple[Findings, int]:
    """Compare every row and have what differs sent again; also answers how many parked rows are tried again."""
    async with AsyncExitStack() as stack:
        chat, trading = await _open(stack, settings)
        notes = await connect(settings.dsn("chat"))
        stack.push_async_callback(notes.close)
        asked: dict[str, Any] = {"retry_parked": retry_parked}
        async with audited(notes, actor, "mirror_repair", "mirror", asked) as result:
            # First, so that the comparison finds these on their way instead of lying.
            retried: int = await notes.fetchval(SQL["retry_parked"]) if retry_parked else 0
            findings = await Run(chat=chat, trading=trading, repair=True, report=report).compare()
            result |= {**findings.summary(), "retried": retried}
        return findings, retried


async def rows_to_compare(settings: ConsoleSettings) -> int:
    async with AsyncExitStack() as stack:
        return await store.rows_to_compare(*await _open(stack, settings))


async def _open(stack: AsyncExitStack, settings: ConsoleSettings) -> tuple[Pool, Pool]:
    chat = await _pool(stack, settings.dsn("chat"), CHAT_PATIENCE)
    return chat, await _pool(stack, settings.dsn("trading"), TRADING_PATIENCE)


async def _pool(stack: AsyncExitStack, dsn: str, patience: Patience) -> Pool:
    pool = await open_pool(
        dsn, application_name="zmarty-console", size_min=0, size_max=USERS_AT_ONCE, patience=patience
    )
    stack.push_async_callback(pool.close)
    return pool
