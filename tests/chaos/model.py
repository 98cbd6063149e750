"""What may be true after what was said: the model that the databases are held to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID


class Pair(NamedTuple):
    symbol: str
    timeframe: str


class Watched(NamedTuple):
    """A row of user_symbols: whether it is active, and the number of the change that gave it its strategy."""

    active: bool
    number: int


# None: there is no such row.
State = Watched | None
GONE: State = None


class WatchList:
    """One user's rows as they may be: a change that was answered is certain, one that broke off may have happened."""

    def __init__(self) -> None:
        self._may_be: dict[Pair, set[State]] = {}

    def states(self, pair: Pair) -> set[State]:
        return self._may_be.get(pair, {GONE})

    def pairs(self) -> Iterable[Pair]:
        return self._may_be.keys()

    def watched(self, pair: Pair, number: int, *, certain: bool) -> None:
        self._become(pair, {Watched(True, number)}, certain=certain)

    def unwatched(self, pair: Pair, *, certain: bool) -> None:
        after: set[State] = {
            Watched(False, state.number) for state in self.states(pair) if state and state.active
        }
        self._become(pair, after, certain=certain)

    def was_not_active(self, pair: Pair) -> None:
        self._learn(pair, {state for state in self.states(pair) if not (state and state.active)})

    def deleted(self, pair: Pair, *, certain: bool) -> None:
        self._become(pair, {GONE}, certain=certain)

    def moved(self, before: Pair, after: Pair, *, certain: bool) -> None:
        """A row changed its key, and was there to do so."""
        carried = self.states(before) - {GONE}
        self._become(after, carried, certain=certain)
        self._become(before, {GONE}, certain=certain)

    def was_missing(self, pair: Pair) -> None:
        self._learn(pair, self.states(pair) & {GONE})

    def was_there(self, pair: Pair) -> None:
        self._learn(pair, self.states(pair) - {GONE})

    def _become(self, pair: Pair, after: set[State], *, certain: bool) -> None:
        if certain:
            self._learn(pair, after)
        else:
            self._may_be[pair] = self.states(pair) | after

    def _learn(self, pair: Pair, states: set[State]) -> None:
        # An answer that no possible state explains leaves nothing possible, and the check at the end fails.
        self._may_be[pair] = states


@dataclass(frozen=True)
class JobSent:
    """A job message that an operator sent by hand; the id is None where the connection broke before it came back."""

    queue: str
    number: int
    is_hopeless: bool
    msg_id: int | None


@dataclass(frozen=True)
class Replayed:
    """A webhook of ours and its answer: 0 where nobody answered."""

    webhook_id: int
    skew_seconds: int
    status: int
    result: str | None


@dataclass(frozen=True)
class Shuffled:
    """One event of a user that exists in no database of ours, sent out of order until it was answered."""

    version: int
    pair: Pair
    result: str | None


@dataclass(frozen=True)
class Asked:
    """A question under one idempotency key: the message ids and charges of all its answers."""

    number: int
    answers: tuple[tuple[str, int], ...]


@dataclass
class Said:
    """Everything the load said to the system, and what it was answered."""

    watch_lists: dict[UUID, WatchList] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    unanswered_changes: int = 0
    unexpected: list[str] = field(default_factory=list)
    jobs: list[JobSent] = field(default_factory=list)
    replays: list[Replayed] = field(default_factory=list)
    shuffled: dict[UUID, list[Shuffled]] = field(default_factory=dict)
    questions: list[Asked] = field(default_factory=list)

    def count_change(self, kind: str) -> None:
        self.changes[kind] = self.changes.get(kind, 0) + 1


def keys_of(payload: Mapping[str, Any]) -> list[Pair]:
    """The watchers that one outbox payload of user_symbols must move."""
    rows = [row for row in (payload["old_record"], payload["record"]) if row is not None]
    return sorted({Pair(row["symbol"], row["timeframe"]) for row in rows})
