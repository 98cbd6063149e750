"""Reads a stream of server-sent events whose data are JSON, as OpenAI's wire sends them; see decision 0026.

The SDK's own reading builds an object of several classes for each piece of text; this costs a quarter of it.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

DONE = b"[DONE]"
# Longer than any frame of an answer of ours; a line without end must not fill the memory.
FRAME_BYTES_MAX = 1_000_000
# The end of the response follows at once; having read it, the connection can be used again.
DRAIN_SECONDS = 0.05


async def json_frames(body: AsyncIterator[bytes]) -> AsyncGenerator[Any, None]:
    """Yield the JSON of each `data:` line until [DONE] or the end. Raises ValueError for what is no JSON or too long."""
    # Split at line feeds alone: other separators of lines may stand in a JSON text as they are.
    rest = b""
    async for piece in body:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > FRAME_BYTES_MAX:
            raise ValueError("a frame without end")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == DONE:
                await _drain(body)
                return
            if data:
                yield json.loads(data)


async def _drain(body: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
    except TimeoutError:
        # Whoever goes on after [DONE] gets a closed connection.
        pass
