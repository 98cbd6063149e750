"""The streaming response: pings, endings, and a generator that is always closed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from orchestrator_api.event_stream import FRAMES_TOGETHER_MAX, PING, EventStream


class Connection:
    """An ASGI server's side: what was sent, and a client that may leave."""

    def __init__(self, *, breaks_after: int | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.breaks_after = breaks_after
        self.arrived = asyncio.Condition()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.breaks_after is not None and len(self.sent) > self.breaks_after:
            raise OSError("the connection is gone")
        self.sent.append(message)
        async with self.arrived:
            self.arrived.notify_all()

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.arrived:
            await self.arrived.wait_for(lambda: len(self.bodies) >= count)


class Frames:
    """A generator that tells whether it was closed."""

    def __init__(self, *frames: str, then_wait: bool = False, apart: bool = False) -> None:
        self.closed = False
        self.iterator = self._frames(frames, then_wait, apart)

    async def _frames(
        self, frames: tuple[str, ...], then_wait: bool, apart: bool
    ) -> AsyncGenerator[str, None]:
        try:
            for frame in frames:
                yield frame
                if apart:
                    await asyncio.sleep(0.01)
            if then_wait:
                await asyncio.Event().wait()
        finally:
            # An await in here fails when the closing was left to cancellation.
            await asyncio.sleep(0)
            self.closed = True


async def serve(frames: Frames, connection: Connection, **options: Any) -> None:
    async with asyncio.timeout(30):
        await EventStream(frames.iterator, **options)({"type": "http"}, connection.receive, connection.send)


async def test_frames_are_sent_in_order_and_ended() -> None:
    frames, connection = Frames("a", "b", apart=True), Connection()

    await serve(frames, connection, headers={"x-kind": "test"})

    assert connection.bodies == [b"a", b"b", b""]
    assert connection.sent[-1]["more_body"] is False
    headers = dict(connection.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"x-kind"] == b"test"
    assert b"content-length" not in headers
    assert frames.closed


async def test_what_is_ready_together_leaves_together() -> None:
    many = [f"{number}," for number in range(FRAMES_TOGETHER_MAX + 3)]
    frames, connection = Frames(*many), Connection()

    await serve(frames, connection)

    assert b"".join(connection.bodies) == "".join(many).encode()
    assert connection.bodies[0] == "".join(many[:FRAMES_TOGETHER_MAX]).encode()
    assert len(connection.bodies) == 3
    assert frames.closed


async def test_waiting_is_filled_with_pings() -> None:
    frames, connection = Frames("a", then_wait=True), Connection()
    serving = asyncio.create_task(serve(frames, connection, ping_seconds=0.01))

    await connection.until(4)
    connection.left.set()
    await serving

    assert connection.bodies[:4] == [b"a", PING, PING, PING]


async def test_a_client_that_leaves_while_we_wait_closes_the_generator() -> None:
    frames, connection = Frames("a", then_wait=True), Connection()
    serving = asyncio.create_task(serve(frames, connection))

    await connection.until(1)
    connection.left.set()
    await serving

    assert frames.closed


async def test_a_connection_that_breaks_while_we_send_closes_the_generator() -> None:
    frames, connection = Frames("a", "b", "c"), Connection(breaks_after=1)

    await serve(frames, connection)

    assert frames.closed


async def test_a_cancelled_response_closes_the_generator() -> None:
    frames, connection = Frames("a", then_wait=True), Connection()
    serving = asyncio.create_task(serve(frames, connection))
    await connection.until(1)

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert frames.closed


async def test_a_client_that_accepts_nothing_is_given_up() -> None:
    class Stalled(Connection):
        async def send(self, message: Any) -> None:
            if message.get("body") == b"b":
                await asyncio.Event().wait()
            await super().send(message)

    frames, connection = Frames("a", "b", "c", apart=True), Stalled()

    await serve(frames, connection, stalled_seconds=0.05)

    assert connection.bodies == [b"a"]
    assert frames.closed


async def test_a_failing_generator_is_not_hidden() -> None:
    async def failing() -> AsyncGenerator[str, None]:
        yield "a"
        raise RuntimeError("a bug")

    connection = Connection()
    with pytest.raises(RuntimeError, match="a bug"):
        await EventStream(failing())({"type": "http"}, connection.receive, connection.send)
    assert connection.bodies == [b"a"]
