"""Waiting for what only shows when one looks, with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(look: Callable[[], Awaitable[object]], *, seconds: float, every: float) -> None:
    """Return when `look` finds something true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await look():
                return
            await asyncio.sleep(every)
