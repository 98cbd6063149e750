"""A server connection that an application can break off, because vendors' connections do break."""

import asyncio
import socket
import struct

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "zmarty.connection"
DISCONNECT_SECONDS_MAX = 2.0
# Closing a socket that lingers for zero seconds sends a TCP reset instead of an orderly end.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class BreakableProtocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"transport": self.transport}}


async def reset(scope: Scope, receive: Receive) -> None:
    """Break the connection off as a crashed peer does: whatever was not yet sent is lost."""
    transport = _transport(scope)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()
    await _until_gone(receive)


async def cut(scope: Scope, receive: Receive) -> None:
    """End the connection in the middle of an answer; what was written already still arrives."""
    _transport(scope).close()
    await _until_gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][EXTENSION]["transport"]
    return transport


async def _until_gone(receive: Receive) -> None:
    # An application that returned before the server noticed would be answered for with a 500.
    async with asyncio.timeout(DISCONNECT_SECONDS_MAX):
        while (await receive())["type"] != "http.disconnect":
            pass
