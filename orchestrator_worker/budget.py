"""How many messages a worker runs at once, over all its queues: shared by priority, and nobody starves.

Stride scheduling (Waldspurger and Weihl, 1995): each place that a queue gets moves it back by a stride, a shorter one
for a higher priority; among those that wait, the one that is furthest ahead comes next.
"""

from collections.abc import Callable


class Budget:
    """Places for running messages. Who finds none is called when one is free and it is their turn."""

    def __init__(self, running_max: int) -> None:
        self._free = running_max
        self._strides: dict[str, float] = {}
        self._passed: dict[str, float] = {}
        self._reached = 0.0
        self._waiting: dict[str, Callable[[], None]] = {}

    def join(self, queue: str, priority: int) -> None:
        self._strides[queue] = 2.0**-priority
        self._passed[queue] = self._reached

    def take(self, queue: str, call_me: Callable[[], None]) -> bool:
        """Take a place. False: not now; `call_me` is called when it is worth asking again."""
        if queue not in self._waiting:
            # Who was idle has saved nothing up: it joins where the others are.
            self._passed[queue] = max(self._passed[queue], self._reached)
        if self._free == 0 or (self._waiting and self._next() != queue):
            self._waiting[queue] = call_me
            return False
        self._waiting.pop(queue, None)
        self._reached = self._passed[queue]
        self._passed[queue] += self._strides[queue]
        self._free -= 1
        return True

    def give_back(self) -> None:
        self._free += 1
        self._offer()

    def leave(self, queue: str) -> None:
        """Stop waiting: a queue that has nothing to start must not hold up the others."""
        if self._waiting.pop(queue, None) is not None:
            self._offer()

    def _offer(self) -> None:
        if self._waiting and self._free > 0:
            self._waiting[self._next()]()

    def _next(self) -> str:
        return min(self._waiting, key=lambda queue: self._passed[queue])
