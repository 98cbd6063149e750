"""The one streaming response: pings while it waits, notices a client that leaves, and closes its iterator itself."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PING_SECONDS = 12.0
PING = b": ping\n\n"
FRAMES_TOGETHER_MAX = 64


class EventStream(Response):
    """Server-sent events from frames that are rendered already.

    However the response ends, the generator is closed before it returns: a client that leaves while the generator
    waits at `yield` would otherwise leave its `finally` to the garbage collector.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[str, None],
        *,
        headers: Mapping[str, str] | None = None,
        ping_seconds: float = PING_SECONDS,
        stalled_seconds: float | None = None,
    ) -> None:
        self.frames = frames
        self.ping_seconds = ping_seconds
        # How long a client may take to accept one frame before it is given up; None leaves that to the server.
        self.stalled_seconds = stalled_seconds
        self.status_code = 200
        self.background = None
        # Proxies would hold a stream back to compress or to fill a buffer.
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        self.body = b""
        super().init_headers(headers)
        # The length of a stream is not known when it starts.
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_leaving(receive))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            await self._send_frames(send, gone)
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
            await self.frames.aclose()

    async def _send_frames(self, send: Send, gone: "asyncio.Task[None]") -> None:
        following = asyncio.ensure_future(anext(self.frames, None))
        try:
            while True:
                await asyncio.wait(
                    {following, gone}, timeout=self.ping_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done():
                    return
                if not following.done():
                    await self._send(send, PING)
                    continue
                # What is ready together leaves together: each send is a write to the socket, which costs as much as a frame.
                ready: list[str] = []
                while following.done() and len(ready) < FRAMES_TOGETHER_MAX:
                    if ready and following.exception() is not None:
                        # First what was said before it.
                        break
                    if (frame := following.result()) is None:
                        break
                    ready.append(frame)
                    following = asyncio.ensure_future(anext(self.frames, None))
                    await asyncio.sleep(0)
                if ready:
                    await self._send(send, "".join(ready).encode())
                else:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
        except OSError:
            # The server says by this that the connection is gone; a TimeoutError, that the client has stalled, is one too.
            return
        finally:
            following.cancel()
            # Its outcome is either told above or nobody's any more; the generator is closed by the caller.
            await asyncio.wait({following})

    async def _send(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self.stalled_seconds):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
