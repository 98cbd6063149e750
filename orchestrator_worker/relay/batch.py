"""Which outbox rows travel together. Pure: rows in the order they were claimed, batches in the order they may leave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

# What an event grows by in a batch: its id, and the comma behind it.
EVENT_BYTES_EXTRA = 32


@dataclass(frozen=True)
class Event:
    """An outbox row in flight. `attempts` counts this attempt; one that made a whole batch fail travels `alone`."""

    id: int
    user_id: UUID
    payload: Mapping[str, Any]
    attempts: int
    bytes: int
    alone: bool

    @property
    def table(self) -> str:
        return str(self.payload.get("table"))


@dataclass
class Batch:
    """Rows for one function, each user's in order. A user is in one batch at a time."""

    table: str
    events: list[Event] = field(default_factory=list)
    bytes: int = 0

    def has_room(self, event: Event, *, events_max: int, bytes_max: int) -> bool:
        if not self.events:
            return True  # Too large for any request: the function says so, and the row is parked.
        if event.alone or self.events[0].alone or len(self.events) >= events_max:
            return False
        return self.bytes + event.bytes + EVENT_BYTES_EXTRA <= bytes_max

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.bytes += event.bytes + EVENT_BYTES_EXTRA


def pack(
    events: Sequence[Event], *, batches_max: int, events_max: int, bytes_max: int
) -> tuple[list[Batch], list[Event]]:
    """Return the batches and what did not fit. Users travel side by side first, and share a batch only beyond that."""
    batches: list[Batch] = []
    left: list[Event] = []
    for run in _runs(events):
        batch = _place(run[0], batches, batches_max=batches_max)
        for number, event in enumerate(run):
            if (
                batch is None
                or event.table != batch.table
                or not batch.has_room(event, events_max=events_max, bytes_max=bytes_max)
            ):
                # Nor any behind it: a user's rows do not overtake each other.
                left.extend(run[number:])
                break
            batch.add(event)
    return batches, left


def _runs(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Each user's rows, users by their oldest row."""
    by_user = [
        list(rows) for _, rows in groupby(sorted(events, key=_user_then_id), key=lambda row: row.user_id)
    ]
    return iter(sorted(by_user, key=lambda run: run[0].id))


def _user_then_id(event: Event) -> tuple[UUID, int]:
    return event.user_id, event.id


def _place(event: Event, batches: list[Batch], *, batches_max: int) -> Batch | None:
    if len(batches) < batches_max:
        batches.append(Batch(event.table))
        return batches[-1]
    fitting = [batch for batch in batches if batch.table == event.table]
    return min(fitting, key=lambda batch: len(batch.events), default=None)
