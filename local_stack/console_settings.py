"""Tells the operator's verbs where the local system is, when they are told nothing else and it runs."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import SecretStr

from local_stack.control import NotRunning, ask
from local_stack.home import Home


def local_settings() -> dict[str, Any]:
    """Values for the console's settings; none when nothing runs in this home."""
    home = Home.from_environment()
    try:
        status = asyncio.run(ask(home, {"verb": "status"}))
    except NotRunning:
        return {}
    return {
        "chat_owner_database_url": SecretStr(status["chat_database"]),
        "trading_owner_database_url": SecretStr(status["trading_database"]),
        "chat_supabase_url": status["auth"],
        "watchers_webhook_url": f"{status['edge_functions']}/watchers-upsert",
        "watchers_webhook_secrets": SecretStr(home.secrets().webhook),
    }
