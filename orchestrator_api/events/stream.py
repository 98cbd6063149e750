"""One client's stream: where it begins, what it missed, what happens from then on, and why it ends."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from orchestrator_api.auth.user import User
from orchestrator_api.events import store
from orchestrator_api.events.event import Event, Pair, Position, frame, mark
from orchestrator_api.events.live import Live
from orchestrator_api.events.subscriber import Ended, Frame, Seated, Subscriber
from zmarty.backoff import full_jitter
from zmarty.postgres import TROUBLE, Pool

RETRY_MS = 2_000
MARK_SECONDS = 60.0
MISSED_AT_ONCE = 500
TROUBLE_BASE_SECONDS = 0.25
TROUBLE_CAP_SECONDS = 2.0

Found = TypeVar("Found")


async def event_frames(
    live: Live,
    trading: Pool,
    user: User,
    *,
    last_event_id: str | None,
    mark_seconds: float = MARK_SECONDS,
) -> AsyncGenerator[str, None]:
    """Server-sent events for one user, from `last_event_id` on or from now on, until their token expires."""
    with live.joined(user) as subscriber:
        yield f"retry: {RETRY_MS}\n\n"
        sent: Position | None = None
        while (seconds := user.claims["exp"] - time.time()) > 0:
            match await subscriber.next(min(seconds, mark_seconds)):
                case Seated(begin):
                    async for position, text in _beginning(
                        trading, user, subscriber.pairs, last_event_id, begin
                    ):
                        sent = position
                        yield text
                case Frame(None, text):
                    yield text
                # Another instance, further ahead than this one, may have sent the client what is only now told here.
                case Frame(Position() as position, text) if sent is None or position > sent:
                    sent = position
                    yield text
                case Ended(reason):
                    yield frame("end", {"reason": reason})
                    return
                case None if (reached := _reached(live, subscriber)) and sent is not None and reached > sent:
                    sent = reached
                    yield mark(reached)
        yield frame("end", {"reason": "token_expired"})


async def _beginning(
    trading: Pool, user: User, pairs: Iterable[Pair], last_event_id: str | None, until: Position
) -> AsyncGenerator[tuple[Position, str], None]:
    """`ready` and what was missed up to `until`, or `reset` when that cannot be told any more. Each frame with its position."""
    if last_event_id is None:
        yield until, frame("ready", {"resumed": False}, id=until)
        return
    look = partial(store.horizon, trading)
    last = Position.parse(last_event_id)
    horizon = await _patiently(look)
    if last is None or not horizon.knows(last):
        yield until, frame("reset", {"reason": "unknown"}, id=until)
        return
    if last < horizon.trimmed:
        yield until, frame("reset", {"reason": "too_old"}, id=until)
        return
    yield last, frame("ready", {"resumed": True}, id=last)
    # The watch list is that of now, also where it was another one while the client was away.
    watched = frozenset(pairs)
    while last < until:
        missed = await _patiently(partial(_missed, trading, last, until, user, watched))
        # Asked after reading: what was trimmed before it may be missing from what was read.
        if last < (await _patiently(look)).trimmed:
            yield until, frame("reset", {"reason": "too_old"}, id=until)
            return
        for event in missed:
            last = event.position
            yield last, event.frame()
        if len(missed) < MISSED_AT_ONCE:
            return


async def _missed(
    trading: Pool, after: Position, until: Position, user: User, pairs: Iterable[Pair]
) -> list[Event]:
    return await store.missed_events(trading, after, until, user=user, pairs=pairs, limit=MISSED_AT_ONCE)


async def _patiently(read: Callable[[], Awaitable[Found]]) -> Found:
    """Wait out a database that is away: the stream goes on when it is back, and a client that leaves ends the waiting."""
    troubles = 0
    while True:
        try:
            return await read()
        except TROUBLE:
            troubles += 1
            await asyncio.sleep(
                TROUBLE_BASE_SECONDS
                + full_jitter(
                    troubles,
                    base_seconds=TROUBLE_BASE_SECONDS,
                    cap_seconds=TROUBLE_CAP_SECONDS,
                    random=random.random,
                )
            )


def _reached(live: Live, subscriber: Subscriber) -> Position | None:
    """How far this client is when it has been sent everything: as far as the process has read."""
    return live.position if subscriber.has_caught_up else None
