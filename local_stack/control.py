"""How another terminal talks to the supervisor: one JSON line there, one back, over a socket only its owner may use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from local_stack.home import Home

Request: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Request], Awaitable[dict[str, Any]]]

ANSWER_SECONDS = 120.0
LINE_BYTES_MAX = 64_000


class NotRunning(Exception):
    """No supervisor answers in this home."""


@asynccontextmanager
async def listening(home: Home, handle: Handler) -> AsyncIterator[None]:
    """Answer requests while the block runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await handle(request)).encode() + b"\n")
            await writer.drain()
        except (ValueError, ConnectionError):
            # Whoever called went away or spoke nonsense; nothing was asked of us.
            return
        finally:
            writer.close()

    # A socket that a killed supervisor left is in the way; the home's lock says that nobody uses it.
    home.control_socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, home.control_socket, limit=LINE_BYTES_MAX)
    home.control_socket.chmod(0o600)
    try:
        async with server:
            yield
    finally:
        home.control_socket.unlink(missing_ok=True)


async def ask(home: Home, request: Request) -> dict[str, Any]:
    """Send one request and answer its reply; NotRunning when nobody is there."""
    try:
        reader, writer = await asyncio.open_unix_connection(home.control_socket, limit=LINE_BYTES_MAX)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(f"nothing runs in {home.path}; `zmarty up` starts it") from None
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), ANSWER_SECONDS)
    finally:
        writer.close()
    if not line:
        raise NotRunning(f"the supervisor in {home.path} went away")
    answer: dict[str, Any] = json.loads(line)
    return answer
