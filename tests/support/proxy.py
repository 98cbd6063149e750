"""A TCP proxy before Postgres that fails the way networks and poolers do: drops, goes silent, swallows notifications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
NOTIFICATION = b"A"
EXECUTE, QUERY = b"E", b"Q"


class Proxy:
    """Forwards whole protocol messages, so that it can count statements and leave notifications out."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._silent: set[asyncio.Task[None]] = set()
        self._refusing = False
        self.deaf = False
        self.statements = 0

    @property
    def dsn(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user, _, _ = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{user}@127.0.0.1:{port}"))

    def drop(self) -> None:
        """Cut every connection and refuse new ones until `restore`."""
        self._refusing = True
        for link in self._links:
            link.cancel()

    def restore(self) -> None:
        self._refusing = False

    def go_silent(self) -> None:
        """Leave the connections open and forward nothing on them any more; new ones work."""
        self._silent |= self._links

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        upstream: asyncio.StreamWriter | None = None
        try:
            if self._refusing:
                return
            answers, upstream = await asyncio.open_connection(self._target.hostname, self._target.port)
            start = await reader.readexactly(8)
            if start == SSL_REQUEST:
                writer.write(b"N")
                start = await reader.readexactly(8)
            length = int.from_bytes(start[:4], "big")
            upstream.write(start + await reader.readexactly(length - 8))
            pumps = (self._pump(reader, upstream, link), self._pump(answers, writer, link))
            with suppress(OSError, asyncio.IncompleteReadError):
                await asyncio.gather(*pumps)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(link)
            self._silent.discard(link)
            for end in (writer, upstream):
                if end is not None:
                    end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: asyncio.Task[None]
    ) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            if link in self._silent:
                continue
            if head[:1] in (EXECUTE, QUERY) and self._is_question(head[:1], body):
                self.statements += 1
            if not (self.deaf and head[:1] == NOTIFICATION):
                writer.write(head + body)
                await writer.drain()

    @staticmethod
    def _is_question(kind: bytes, body: bytes) -> bool:
        # An error answer is an E, too, and begins with the letter of its first field.
        return kind == QUERY or not body.startswith(b"S")


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(dsn)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
