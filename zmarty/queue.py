"""Job messages on pgmq: sending, leasing and the ways a delivery ends, each fenced by the lease it was given.

Sending and metrics are pgmq's own, through tembo's client on the caller's connection. The lease statements are ours
(docs/zmarty-blueprint/decisions/0006): ordered by due time, read by column name, and safe when a lease was taken over.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar, cast

from tembo_pgmq_python.async_queue import PGMQueue
from tembo_pgmq_python.messages import QueueMetrics

from zmarty import sql
from zmarty.errors import LeaseLost
from zmarty.messages import JobMessage
from zmarty.postgres import Connection, Pool

CHANNEL = "zmarty_queue"
DEPTH_COUNTED_MAX = 10_000
ERROR_LENGTH_MAX = 4_000
# Taking and renewing are quick or not at all: a connection that died silently must not hold the loop for a minute.
LEASE_ANSWER_SECONDS = 5.0
LEARNED_MAX = 256

Message = TypeVar("Message", bound=JobMessage)

_TEMPLATES = sql.load(__package__)
# 47 characters are pgmq's bound for a queue name, and `_dead` must fit behind it.
_QUEUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,41}")
# What every pgmq has, and what only newer ones have: an archive keeps those that its tables know.
_COLUMNS = ("msg_id", "read_ct", "enqueued_at", "vt", "message")
_NEWER_COLUMNS = ("last_read_at", "headers")

Statements = Mapping[str, str]


@cache
def statements(queue: str, columns: tuple[str, ...] = _COLUMNS) -> Statements:
    """The statements of one queue. Static text per queue lets Postgres keep their plans, unlike pgmq's dynamic functions."""
    assert _QUEUE_NAME.fullmatch(queue), f"not a queue name: {queue}"
    filled = {"{queue}": queue, "{columns}": ", ".join(columns)}
    return MappingProxyType({name: _fill(text, filled) for name, text in _TEMPLATES.items()})


def _fill(text: str, filled: Mapping[str, str]) -> str:
    for place, value in filled.items():
        text = text.replace(place, value)
    return text


_learned: dict[tuple[Pool, str], Statements] = {}


async def statements_for(pool: Pool, queue: str) -> Statements:
    """The statements that fit this database's pgmq: one question for each queue, the first time."""
    known = _learned.get((pool, queue))
    if known is None:
        rows = await pool.fetch(_TEMPLATES["shared_columns"], f"q_{queue}", f"a_{queue}")
        shared = {row["attname"] for row in rows}
        known = statements(queue, _COLUMNS + tuple(name for name in _NEWER_COLUMNS if name in shared))
        if len(_learned) >= LEARNED_MAX:
            _learned.clear()
        _learned[pool, queue] = known
    return known


@cache
def _pgmq() -> PGMQueue:
    # Never its init(): that opens a pool of its own and runs `create extension`. Every call gets our connection by keyword.
    return PGMQueue()


async def send(connection: Connection, message: JobMessage, *, delay_seconds: int = 0) -> int:
    """Send a message in the caller's transaction and return its id. Equal messages are kept apart."""
    sent = await _pgmq().send(message.queue, message.payload(), delay=delay_seconds, conn=connection)
    return cast(int, sent)


async def send_once(connection: Connection, message: JobMessage) -> int | None:
    """Send a message unless equal work of ours waits unread; None says that it does. A running job absorbs nothing."""
    sent = await connection.fetchval(_TEMPLATES["send_once"], message.queue, message.payload())
    return cast("int | None", sent)


async def metrics(connection: Connection, queue: str) -> QueueMetrics:
    """Length, ages in seconds and total of one queue, as pgmq counts them."""
    return cast(QueueMetrics, await _pgmq().metrics(queue, conn=connection))


# Not frozen: a frozen one costs three times as much to make, and this is made for every message.
@dataclass(slots=True, eq=False)
class Lease:
    """A message as it was read, before anybody knows whether its text makes sense. `read_count` is the lease's token."""

    queue: str
    id: int
    read_count: int
    enqueued_at: datetime
    # Undecoded: text that no decoder takes must not keep the others of its lease from being read. None is SQL's null.
    text: str | None
    texts: Statements = field(repr=False)
    # Being completed: the row is locked by our transaction, and renewing would wait for its end.
    ending: bool = field(default=False, init=False)
    # The transaction that archived the message is committed.
    completed: bool = field(default=False, init=False)

    async def complete(self, connection: Connection) -> None:
        """Archive the message in the caller's transaction. Raises LeaseLost, and then nothing may be written."""
        self.ending = True
        self._held(await connection.fetchval(self.texts["complete"], self.id, self.read_count))
        if self.read_count > 1:
            await connection.execute(self.texts["forget_failures"], [self.id])

    async def renew(self, pool: Pool, *, seconds: float) -> None:
        """Hold the message `seconds` longer from now on. Raises LeaseLost."""
        self._held(await pool.fetchval(self.texts["move_due"], self.id, self.read_count, seconds))

    async def postpone(self, pool: Pool, *, seconds: float) -> None:
        """Give the message back, due in `seconds`. Raises LeaseLost."""
        self._held(await pool.fetchval(self.texts["move_due"], self.id, self.read_count, seconds))

    async def fail(
        self, pool: Pool, *, retry_seconds: float, code: str, error: str, counts: bool = True
    ) -> None:
        """Remember a failed attempt and make the message due again in `retry_seconds`. Raises LeaseLost."""
        self._held(
            await pool.fetchval(
                self.texts["fail"],
                self.id,
                self.read_count,
                retry_seconds,
                code,
                error[:ERROR_LENGTH_MAX],
                counts,
            )
        )

    async def bury(self, pool: Pool, *, code: str, error: str, traceback: str = "") -> None:
        """Move the message to `<queue>_dead` with the reason and the original. Raises LeaseLost."""
        self._held(
            await pool.fetchval(
                self.texts["bury"],
                self.id,
                self.read_count,
                code,
                error[:ERROR_LENGTH_MAX],
                traceback[-ERROR_LENGTH_MAX:],
            )
        )

    def _held(self, message_id: object) -> None:
        if message_id is None:
            raise LeaseLost(self.queue, self.id)


async def lease(pool: Pool, queue: str, *, quantity: int, lease_seconds: float) -> list[Lease]:
    """Take up to `quantity` due messages, oldest due time first. Runs in a transaction of its own that ends at once."""
    texts = await statements_for(pool, queue)
    async with _impatient(pool) as connection:
        rows = await connection.fetch(texts["lease"], quantity, lease_seconds)
    leases = [Lease(queue, row[0], row[1], row[2], row[3], texts) for row in rows]
    # `update … returning` does not keep the order of the select that fed it.
    leases.sort(key=lambda taken: taken.id)
    return leases


async def complete_all(connection: Connection, leases: Sequence[Lease]) -> set[int]:
    """Archive messages of one queue in the caller's transaction; the ids of those whose lease still held."""
    texts, ids = leases[0].texts, [lease.id for lease in leases]
    for lease in leases:
        lease.ending = True
    rows = await connection.fetch(texts["complete_all"], ids, [lease.read_count for lease in leases])
    if failed_before := [lease.id for lease in leases if lease.read_count > 1]:
        await connection.execute(texts["forget_failures"], failed_before)
    return {row[0] for row in rows}


async def renew_all(pool: Pool, leases: Sequence[Lease], *, seconds: float) -> set[int]:
    """Hold messages of one queue `seconds` longer from now on; the ids of those whose lease still held."""
    ids, tokens = [lease.id for lease in leases], [lease.read_count for lease in leases]
    async with _impatient(pool) as connection:
        rows = await connection.fetch(leases[0].texts["renew_all"], ids, tokens, seconds)
    return {row[0] for row in rows}


async def hand_back(pool: Pool, leases: Sequence[Lease]) -> None:
    """Give unstarted messages of one queue back at once, as if they had not been read."""
    if leases:
        ids, tokens = [lease.id for lease in leases], [lease.read_count for lease in leases]
        async with _impatient(pool) as connection:
            await connection.execute(leases[0].texts["hand_back"], ids, tokens)


async def next_due(pool: Pool, queue: str) -> datetime | None:
    """When the next message becomes due, be it leased, postponed or due already; None for an empty or paused queue."""
    async with _impatient(pool) as connection:
        return cast("datetime | None", await connection.fetchval(statements(queue)["next_due"]))


async def depth(pool: Pool, queue: str) -> int:
    """How many messages the queue holds, counted up to DEPTH_COUNTED_MAX."""
    async with _impatient(pool) as connection:
        return cast(int, await connection.fetchval(statements(queue)["depth"], DEPTH_COUNTED_MAX))


@asynccontextmanager
async def _impatient(pool: Pool) -> AsyncIterator[Connection]:
    async with (
        asyncio.timeout(LEASE_ANSWER_SECONDS),
        pool.acquire(timeout=LEASE_ANSWER_SECONDS) as connection,
    ):
        yield connection


async def repair(pool: Pool) -> list[str]:
    """Make again what our queues need and an upgrade of pgmq took away; names what was missing. Cheap when nothing is."""
    # An upgrade may have brought columns, too: look again at what the archives keep.
    for known in [key for key in _learned if key[0] is pool]:
        del _learned[known]
    return [row["repaired"] for row in await pool.fetch(_TEMPLATES["repair"])]


class Completion(Protocol):
    """How deliveries complete when several share a transaction; the worker brings it along."""

    def completing(self, lease: Lease) -> AbstractAsyncContextManager[Connection]: ...


@asynccontextmanager
async def completing_alone(pool: Pool, lease: Lease) -> AsyncIterator[Connection]:
    """Yield the connection whose transaction archives this one message."""
    try:
        async with pool.acquire() as connection, connection.transaction():
            # Archived before the work, not after: the row lock keeps other workers off this
            # message while we write, and the fence tells whether it is still our lease.
            await lease.complete(connection)
            yield connection
    except BaseException:
        lease.ending = False
        raise
    lease.completed = True


@dataclass(slots=True)
class Delivery(Generic[Message]):
    """A validated message and the lease it came with: what a handler gets."""

    message: Message
    lease: Lease
    completion: Completion | None = field(default=None, repr=False)

    @property
    def queue(self) -> str:
        return self.lease.queue

    @property
    def id(self) -> int:
        return self.lease.id

    @property
    def read_count(self) -> int:
        return self.lease.read_count

    @property
    def completed(self) -> bool:
        return self.lease.completed

    def completing(self, pool: Pool) -> AbstractAsyncContextManager[Connection]:
        """Yield the connection whose transaction also archives this message.

        Effects and follow-up messages written on it commit together with the archive, or not at all; when the block is
        left, they are durable. Deliveries that complete at the same moment may share the transaction, so write in here
        and wait for nothing else. Raises LeaseLost before anything is written when another worker has the message.
        """
        together = self.completion
        return together.completing(self.lease) if together else completing_alone(pool, self.lease)


@dataclass(slots=True)
class Batch(Generic[Message]):
    """Deliveries of one queue that are handled together: what a batch handler gets."""

    deliveries: Sequence[Delivery[Message]]
    completed: bool = field(default=False, init=False)

    @asynccontextmanager
    async def completing(self, pool: Pool) -> AsyncIterator[Connection]:
        """Yield the connection whose transaction also archives every message of the batch, or none.

        Raises LeasesLost before anything is written when another worker has one of them; the rest is delivered again.
        """
        leases = [delivery.lease for delivery in self.deliveries]
        try:
            async with pool.acquire() as connection, connection.transaction():
                held = await complete_all(connection, leases)
                if len(held) < len(leases):
                    raise LeasesLost(lease.id for lease in leases if lease.id not in held)
                yield connection
        except BaseException:
            for lease in leases:
                lease.ending = False
            raise
        self.completed = True


class LeasesLost(Exception):
    """Other workers hold these messages of a batch now; nothing of it was written."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = frozenset(ids)
        super().__init__(f"the leases of {len(self.ids)} messages were taken over")
