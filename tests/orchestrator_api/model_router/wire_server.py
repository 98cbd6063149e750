"""A real HTTP server that answers with scripted bytes: models as they speak on the wire, in health and in every kind of failure."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Refuse:
    """Answer with a status and a JSON error."""

    status: int
    error: dict[str, Any] = field(default_factory=lambda: {"message": "scripted"})
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """Send frames one by one. `then`: end well, close without the last chunk, reset, or hang until the client goes."""

    frames: tuple[str, ...]
    then: str = "end"


class Reset:
    """Drop the connection without a word."""


class Hang:
    """Accept and say nothing."""


Reply: TypeAlias = Refuse | Stream | Reset | Hang


class WireServer:
    """Replies per vendor in order; the last one repeats. Keeps every call it got."""

    def __init__(self, replies: dict[str, list[Reply] | Callable[[Call], Reply]]) -> None:
        self.replies = replies
        self.calls: list[Call] = []
        self.hung = asyncio.Event()
        self.url = ""

    def calls_to(self, vendor: str) -> list[Call]:
        return [call for call in self.calls if call.path.startswith(f"/{vendor}/")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (call := await _read_call(reader)) is not None:
                self.calls.append(call)
                if not await self._reply(self._next_reply(call), writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _next_reply(self, call: Call) -> Reply:
        script = self.replies[call.path.split("/")[1]]
        if callable(script):
            return script(call)
        return script.pop(0) if len(script) > 1 else script[0]

    async def _reply(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if isinstance(reply, Refuse):
            body = json.dumps({"error": reply.error, "type": "error"}).encode()
            extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            head = f"HTTP/1.1 {reply.status} Scripted\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            return True
        if isinstance(reply, Reset):
            writer.transport.abort()
            return False
        if isinstance(reply, Stream):
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            for frame in reply.frames:
                data = frame.encode()
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                await writer.drain()
            if reply.then == "end":
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return True
            if reply.then == "reset":
                await asyncio.sleep(0.01)
                writer.transport.abort()
                return False
            if reply.then == "close":
                return False
        self.hung.set()
        await asyncio.sleep(30)
        return False


async def _read_call(reader: asyncio.StreamReader) -> Call | None:
    line = await reader.readline()
    if not line:
        return None
    path = line.split()[1].decode()
    headers = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(path, headers, json.loads(body) if body else {})


@asynccontextmanager
async def wire_server(**replies: Any) -> AsyncIterator[WireServer]:
    server = WireServer(replies)
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        # Cancelled only by the end of the test; asyncio's callback would report a cancelled task as an error.
        with suppress(asyncio.CancelledError):
            await server.serve(reader, writer)
        running.discard(task)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in set(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def data(document: Any) -> str:
    return f"data: {json.dumps(document)}\n\n"


def event(document: dict[str, Any]) -> str:
    return f"event: {document['type']}\n{data(document)}"


def chunk(text: str | None = None, *, finish: str | None = None, usage: dict[str, int] | None = None) -> str:
    """A frame of OpenAI's and xAI's stream."""
    choices = (
        [] if usage else [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]
    )
    document = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        "usage": usage,
    }
    return data(document)


def chat_completion(
    *texts: str, prompt: int = 500, completion: int = 1000, total: int | None = None
) -> Stream:
    """A healthy answer on OpenAI's wire."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total or prompt + completion,
    }
    return Stream((*map(chunk, texts), chunk(finish="stop"), chunk(usage=usage), "data: [DONE]\n\n"))


def message_frames(
    *texts: str, read: int = 2000, cached: int = 0, written: int = 3000, stop: str | None = "end_turn"
) -> tuple[str, ...]:
    """The frames of a healthy answer on Anthropic's wire; without a stop reason for `stop=None`."""
    start = {
        "type": "message_start",
        "message": {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": read - cached, "cache_read_input_tokens": cached, "output_tokens": 1},
        },
    }
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in texts
    ]
    frames = [
        event(start),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        event({"type": "ping"}),
        *map(event, deltas),
        event({"type": "content_block_stop", "index": 0}),
    ]
    if stop:
        delta = {"stop_reason": stop, "stop_sequence": None}
        frames.append(event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": written}}))
        frames.append(event({"type": "message_stop"}))
    return tuple(frames)


def message(*texts: str, **counts: Any) -> Stream:
    """A healthy answer on Anthropic's wire."""
    return Stream(message_frames(*texts, **counts))
