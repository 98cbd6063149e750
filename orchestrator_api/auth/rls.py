"""Reads and writes of the chat database in a user's own name, so that row level security is the second net."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestrator_api.auth.user import User
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


@asynccontextmanager
async def as_user(pool: Pool, user: User) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction that may see and change only what this user may."""
    async with pool.acquire() as connection, connection.transaction():
        # The claims first: once we are `authenticated`, nothing but they say who we are. Both end with the transaction.
        await connection.execute(SQL["assume_user"], json.dumps(dict(user.claims), default=str))
        yield connection
