"""A model's vendor that costs as little as possible: every request is answered with the same stream on OpenAI's wire.

Runs as a process of its own (`python -m benchmarks.upstream PORT`), so that neither contestant shares its loop with it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

import uvloop

CHUNKS = 50
WORD = "word "
PROMPT_TOKENS = 500
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)


def stream() -> bytes:
    """The whole response; chunk by chunk it is written in one go, because a vendor's pauses are not what is measured."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "grok-4.7"}

    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": CHUNKS,
        "total_tokens": PROMPT_TOKENS + CHUNKS,
    }
    documents = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": WORD}) for _ in range(CHUNKS)),
        chunk({}, "stop"),
        {**head, "choices": [], "usage": usage},
    ]
    frames = [f"data: {json.dumps(document)}\n\n".encode() for document in documents] + [b"data: [DONE]\n\n"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + body


RESPONSE = stream()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length.group(1)) if length else 0)
            writer.write(RESPONSE)
            await writer.drain()
            if b"connection: close" in head.lower():
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
