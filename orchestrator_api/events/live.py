"""The one reader of a process: reads what happened in order, hands each event to the clients that it concerns."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog

from orchestrator_api.auth.user import User
from orchestrator_api.events import store
from orchestrator_api.events.event import Event, Pair, Position, frame
from orchestrator_api.events.subscriber import Frame, Subscriber
from zmarty.backoff import full_jitter
from zmarty.errors import ZmartyError
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

CHANNEL = "zmarty_changed"
READ_AT_ONCE = 500
# The fall-back when notifications do not come; and how soon to look again for what a slower transaction still hides.
POLL_SECONDS = 2.0
WAIT_BASE_SECONDS = 0.02
WAIT_CAP_SECONDS = 0.5
# A burst of notifications is answered by one look.
LOOK_SECONDS_MIN = 0.01
LOOK_SECONDS_MAX = 15.0
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 2.0

STREAMS_PER_USER_MAX = 16
STREAMS_MAX = 5_000
ROOM_SECONDS = 5

Key = TypeVar("Key")


class StreamsExhausted(ZmartyError):
    status: ClassVar[int] = 429
    code: ClassVar[str] = "rate_limited"


class Live:
    """Who listens, and how far this process has read. Nothing is read while nobody listens."""

    def __init__(self, trading: Pool) -> None:
        self._trading = trading
        self._subscribers: set[Subscriber] = set()
        self._by_user: dict[UUID, set[Subscriber]] = {}
        self._by_pair: dict[Pair, set[Subscriber]] = {}
        self._position: Position | None = None
        self._woken = asyncio.Event()
        self._is_reading = True
        self._is_closed = False
        # Set when somebody comes: those who poll what has no events look at once.
        self.arrival = asyncio.Event()

    @property
    def position(self) -> Position | None:
        """Up to where every event has been handed out."""
        return self._position

    @property
    def users(self) -> Sequence[UUID]:
        return list(self._by_user)

    def subscribers_of(self, user_id: UUID) -> Iterable[Subscriber]:
        return tuple(self._by_user.get(user_id, ()))

    @property
    def operators(self) -> Sequence[Subscriber]:
        return [subscriber for subscriber in self._subscribers if subscriber.is_operator]

    def wake(self) -> None:
        """Look now. What a notification says does not matter: each look finds everything."""
        self._woken.set()

    def require_room(self, user: User) -> None:
        """Refuse a stream too many, before its response starts."""
        if (
            len(self._by_user.get(user.id, ())) >= STREAMS_PER_USER_MAX
            or len(self._subscribers) >= STREAMS_MAX
        ):
            raise StreamsExhausted(
                "Too many event streams are open; close one and try again.",
                streams_max=STREAMS_PER_USER_MAX,
                retry_after_seconds=ROOM_SECONDS,
            )

    @contextmanager
    def joined(self, user: User) -> Iterator[Subscriber]:
        """Be handed what concerns this user. The first thing told is where that begins."""
        subscriber = Subscriber(user)
        self._subscribers.add(subscriber)
        self._by_user.setdefault(user.id, set()).add(subscriber)
        if self._is_closed:
            subscriber.end("restarting")
        elif not self._is_reading:
            subscriber.offer(_status(is_live=False))
        self.arrival.set()
        self.wake()
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)
            _remove(self._by_user, user.id, subscriber)
            for pair in subscriber.pairs:
                _remove(self._by_pair, pair, subscriber)

    def close(self) -> None:
        """End every stream, so that a server that wants to stop need not wait for clients who never leave."""
        self._is_closed = True
        for subscriber in self._subscribers:
            subscriber.end("restarting")

    async def read_forever(self) -> None:
        """Runs for ever; a database that is away is waited for, and those who listen are told."""
        try:
            await self._read_forever()
        finally:
            # Whatever ended the reader, a stream that nobody feeds must not look like one to which nothing happens.
            self.close()

    async def _read_forever(self) -> None:
        troubles = waits = 0
        while True:
            self._woken.clear()
            if not self._subscribers:
                self._position = None
                await self._woken.wait()
                continue
            try:
                async with asyncio.timeout(LOOK_SECONDS_MAX):
                    is_waiting = await self._look()
            except TROUBLE as error:
                troubles += 1
                self._tell_status(is_live=False, reason=type(error).__name__)
                await asyncio.sleep(_pause(troubles, TROUBLE_BASE_SECONDS, TROUBLE_CAP_SECONDS))
                continue
            troubles = 0
            self._tell_status(is_live=True)
            waits = waits + 1 if is_waiting else 0
            seconds = _pause(waits, WAIT_BASE_SECONDS, WAIT_CAP_SECONDS) if is_waiting else POLL_SECONDS
            await asyncio.sleep(LOOK_SECONDS_MIN)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)

    async def _look(self) -> bool:
        """Hand out what has been settled since the last look and seat who came; tells whether more is about to settle."""
        horizon = await store.horizon(self._trading)
        coming = [subscriber for subscriber in self._subscribers if not subscriber.is_seated]
        if self._position is not None and not (
            horizon.trimmed <= self._position and horizon.knows(self._position)
        ):
            # We were away for longer than events are kept. A new stream, with the client's last id, says so properly.
            for subscriber in self._subscribers:
                subscriber.end("behind")
            self._position = None
        if self._position is None:
            self._position = horizon.settled
        await self._hand_out(horizon.settled)
        if coming:
            await self._seat(coming)
        return horizon.is_waiting

    async def _hand_out(self, until: Position) -> None:
        assert self._position is not None
        while self._position < until:
            events = await store.events_between(self._trading, self._position, until, limit=READ_AT_ONCE)
            for event in events:
                self._dispatch(event)
                self._position = event.position
            if len(events) < READ_AT_ONCE:
                self._position = until

    def _dispatch(self, event: Event) -> None:
        if event.user_id is not None:
            concerned = self._by_user.get(event.user_id, set())
        elif event.pair is not None:
            concerned = self._by_pair.get(event.pair, set())
        else:
            concerned = set(self.operators)
        seated = [subscriber for subscriber in concerned if subscriber.is_seated]
        if seated:
            # Rendered once, shared by all who hear it.
            told = Frame(event.position, event.frame())
            for subscriber in seated:
                subscriber.offer(told)
                if event.type == "watcher" and event.pair is not None:
                    self._follow(subscriber, event.pair, is_watched=bool(event.data.get("active")))

    def _follow(self, subscriber: Subscriber, pair: Pair, *, is_watched: bool) -> None:
        if is_watched:
            subscriber.pairs.add(pair)
            self._by_pair.setdefault(pair, set()).add(subscriber)
        else:
            subscriber.pairs.discard(pair)
            _remove(self._by_pair, pair, subscriber)

    async def _seat(self, coming: Sequence[Subscriber]) -> None:
        # Read after the last event was handed out: a change of a watch list is either in here or still to come.
        watched = await store.watched_pairs(self._trading, [subscriber.user_id for subscriber in coming])
        assert self._position is not None
        for subscriber in coming:
            if subscriber in self._subscribers and not subscriber.is_ended:
                subscriber.seat(self._position, set(watched.get(subscriber.user_id, ())))
                for pair in subscriber.pairs:
                    self._by_pair.setdefault(pair, set()).add(subscriber)

    def _tell_status(self, *, is_live: bool, reason: str = "") -> None:
        if is_live != self._is_reading:
            if is_live:
                log.info("events_readable")
            else:
                log.warning("events_unreadable", reason=reason)
            self._is_reading = is_live
            for subscriber in self._subscribers:
                subscriber.offer(_status(is_live=is_live))


def tell_state(
    subscriber: Subscriber,
    key: tuple[str, ...],
    data: Mapping[str, Any],
    *,
    same_as: Mapping[str, Any] | None = None,
) -> None:
    """Tell a state of the moment, named by its type and key, unless it was told so last; `same_as` is what to compare."""
    compared = data if same_as is None else same_as
    if subscriber.states.get(key) != compared:
        subscriber.states[key] = compared
        subscriber.offer(Frame(None, frame(key[0], data)))


def _status(*, is_live: bool) -> Frame:
    return Frame(None, frame("status", {"live": is_live}))


def _pause(times: int, base_seconds: float, cap_seconds: float) -> float:
    return base_seconds + full_jitter(
        times, base_seconds=base_seconds, cap_seconds=cap_seconds, random=random.random
    )


def _remove(index: dict[Key, set[Subscriber]], key: Key, subscriber: Subscriber) -> None:
    """An index forgets a key with its last subscriber, so that it does not grow with everybody who ever listened."""
    found = index.get(key)
    if found is not None:
        found.discard(subscriber)
        if not found:
            del index[key]
