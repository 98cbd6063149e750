"""Who did what by hand: for an action in the trading database, its intent before and its result after, in the chat database."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from console.migrations import SQL
from zmarty.postgres import Connection

USER_AGENT = "zmarty console"


def operator(name: str | None = None) -> str:
    """Who is at the keyboard: as they say, else as far as the machine knows."""
    return f"console:{name or f'{getpass.getuser()}@{socket.gethostname()}'}"


@asynccontextmanager
async def audited(
    chat: Connection, actor: str, action: str, entity: str, asked: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Write down what is about to happen, let it happen, then write down what the body put into the yielded dict.

    No transaction spans two databases. Without the intent nothing is done; an intent without a result says that the
    action may have happened, and what to look at.
    """
    intent = await chat.fetchval(SQL["audit_intent"], actor, f"{action}_requested", entity, asked, USER_AGENT)
    result: dict[str, Any] = {}
    ending = "failed"
    try:
        yield result
        ending = "done"
    finally:
        await chat.execute(SQL["audit_result"], intent, f"{action}_{ending}", result)
