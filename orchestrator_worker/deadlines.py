"""Ends what runs too long. One timer watches over all of a queue's handlers, because all are given the same time."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


class Deadlines:
    """Like asyncio.timeout around each call, for a fraction of its price when there are thousands a second."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # In the order in which they come due; who is not in here any more has been cut.
        self._due_at: dict[asyncio.Task[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, awaited: Awaitable[Result]) -> Result:
        """Await within the time given. Raises TimeoutError after it; one call for each task at a time."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._due_at[task] = due_at = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(due_at, self._cut)
        try:
            return await awaited
        except asyncio.CancelledError:
            # Somebody else may have cancelled it as well, and then it is not ours to turn into something else.
            if task not in self._due_at and task.cancelling() == 1:
                raise TimeoutError from None
            raise
        finally:
            if self._due_at.pop(task, None) is None:
                task.uncancel()

    def _cut(self) -> None:
        """Cut those whose time has come, and look again when the next one's comes, if it still runs then."""
        self._timer = None
        for task, due_at in list(self._due_at.items()):
            loop = task.get_loop()
            if due_at > loop.time():
                self._timer = loop.call_at(due_at, self._cut)
                return
            del self._due_at[task]
            task.cancel()
