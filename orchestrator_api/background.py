"""Tasks that outlive the request that started them: kept from the garbage collector, logged when they fail, awaited at the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Background:
    """Owns every task that no request awaits. A failure is logged with its traceback and ends that task alone."""

    def __init__(self) -> None:
        self._finite: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> "asyncio.Task[Any]":
        """Run work that ends by itself, such as settling an answer. `close` waits for it."""
        return self._own(work, name, self._finite)

    def keep_running(self, work: Coroutine[Any, Any, Any], *, name: str) -> "asyncio.Task[Any]":
        """Run a loop that never ends. `close` cancels it."""
        return self._own(work, name, self._endless)

    async def close(self, *, drain_seconds: float) -> None:
        """Stop the loops, give the finite work up to `drain_seconds`, then cancel what is left."""
        for task in self._endless:
            task.cancel()
        if self._finite:
            await asyncio.wait(set(self._finite), timeout=drain_seconds)
        left = self._finite | self._endless
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _own(
        self, work: Coroutine[Any, Any, Any], name: str, kind: set["asyncio.Task[Any]"]
    ) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work, name=name)
        kind.add(task)
        task.add_done_callback(kind.discard)
        task.add_done_callback(_report)
        return task


def _report(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_failed", task=task.get_name(), exc_info=error)
