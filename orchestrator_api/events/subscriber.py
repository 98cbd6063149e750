"""One client's place in the fan-out: what it may hear, and a bounded buffer of what it has not been sent yet."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from orchestrator_api.auth.user import User
from orchestrator_api.events.event import Pair, Position

BUFFERED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Seated:
    """From this position on everything comes by the buffer; what lies before it is the client's to catch up with."""

    position: Position


@dataclass(frozen=True, slots=True)
class Frame:
    """A rendered event. `position` is None for the state of the moment."""

    position: Position | None
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    reason: str


Told: TypeAlias = Seated | Frame | Ended


class Subscriber:
    """Filled by the reader, emptied by the stream. A client that does not keep up is ended; memory never grows."""

    def __init__(self, user: User, *, buffered_max: int = BUFFERED_MAX) -> None:
        self.user_id: UUID = user.id
        self.is_operator = user.is_operator
        self.pairs: set[Pair] = set()
        # What was told last of each state that is polled, by its key.
        self.states: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self.is_seated = False
        self.is_ended = False
        self._told: deque[Told] = deque()
        self._told_max = buffered_max
        self._something = asyncio.Event()

    @property
    def has_caught_up(self) -> bool:
        return self.is_seated and not self._told

    def offer(self, frame: Frame) -> None:
        if len(self._told) >= self._told_max:
            # Its newest events are lost to this stream; with its last id the client gets them from the next one.
            self.end("too_slow")
        elif not self.is_ended:
            self._tell(frame)

    def seat(self, position: Position, pairs: set[Pair]) -> None:
        self.pairs = pairs
        self.is_seated = True
        self._tell(Seated(position))

    def end(self, reason: str) -> None:
        if not self.is_ended:
            self.is_ended = True
            self._told.clear()
            self._tell(Ended(reason))

    async def next(self, seconds: float) -> Told | None:
        """What comes next, or None when nothing does for so long."""
        if not self._told:
            self._something.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._something.wait()
            except TimeoutError:
                return None
        return self._told.popleft()

    def _tell(self, told: Told) -> None:
        self._told.append(told)
        self._something.set()
