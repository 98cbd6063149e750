"""Job messages on pgmq: sending, leasing and the ways a delivery ends, each fenced by the lease it was given.

Sending and metrics are pgmq's own, through tembo's client on the caller's connection. The lease statements are ours
(docs/zmarty-blueprint/decisions/0006): ordered by due time, read by column name, and safe when a lease was taken over.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from tembo_pgmq_python.async_queue import PGMQueue
from tembo_pgmq_python.messages import QueueMetrics

from zmarty import sql
from zmarty.errors import LeaseLost
from zmarty.messages import JobMessage
from zmarty.postgres import Connection, Pool

CHANNEL = "zmarty_queue"
DEPTH_COUNTED_MAX = 10_000
ERROR_LENGTH_MAX = 4_000

Message = TypeVar("Message", bound=JobMessage)

_TEMPLATES = sql.load(__package__)
# 47 characters are pgmq's bound for a queue name, and `_dead` must fit behind it.
_QUEUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,41}")


@cache
def statements(queue: str) -> Mapping[str, str]:
    """The statements of one queue. Static text per queue lets Postgres keep their plans, unlike pgmq's dynamic functions."""
    assert _QUEUE_NAME.fullmatch(queue), f"not a queue name: {queue}"
    return MappingProxyType({name: text.replace("{queue}", queue) for name, text in _TEMPLATES.items()})


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


@dataclass(frozen=True, slots=True)
class Lease:
    """A message as it was read, before anybody knows whether its body makes sense. `read_count` is the lease's token."""

    queue: str
    id: int
    read_count: int
    enqueued_at: datetime
    leased_until: datetime
    body: Any

    async def complete(self, connection: Connection) -> None:
        """Archive the message in the caller's transaction. Raises LeaseLost, and then nothing may be written."""
        texts = statements(self.queue)
        self._held(await connection.fetchval(texts["complete"], self.id, self.read_count))
        if self.read_count > 1:
            await connection.execute(texts["forget_failures"], self.id)

    async def renew(self, pool: Pool, *, seconds: float) -> None:
        """Hold the message `seconds` longer from now on. Raises LeaseLost."""
        self._held(await pool.fetchval(statements(self.queue)["move_due"], self.id, self.read_count, seconds))

    async def postpone(self, pool: Pool, *, seconds: float) -> None:
        """Give the message back, due in `seconds`. Raises LeaseLost."""
        self._held(await pool.fetchval(statements(self.queue)["move_due"], self.id, self.read_count, seconds))

    async def hand_back(self, pool: Pool) -> None:
        """Give an unstarted message back at once, as if it had not been read. Raises LeaseLost."""
        self._held(await pool.fetchval(statements(self.queue)["hand_back"], self.id, self.read_count))

    async def fail(self, pool: Pool, *, retry_seconds: float, code: str, error: str) -> None:
        """Remember a failed attempt and make the message due again in `retry_seconds`. Raises LeaseLost."""
        self._held(
            await pool.fetchval(
                statements(self.queue)["fail"],
                self.id,
                self.read_count,
                retry_seconds,
                code,
                error[:ERROR_LENGTH_MAX],
            )
        )

    async def bury(self, pool: Pool, *, code: str, error: str, traceback: str = "") -> None:
        """Move the message to `<queue>_dead` with the reason and the original. Raises LeaseLost."""
        self._held(
            await pool.fetchval(
                statements(self.queue)["bury"],
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
    rows = await pool.fetch(statements(queue)["lease"], quantity, lease_seconds)
    leases = [
        Lease(queue, row["msg_id"], row["read_ct"], row["enqueued_at"], row["vt"], row["message"])
        for row in rows
    ]
    # `update … returning` does not keep the order of the select that fed it.
    return sorted(leases, key=lambda taken: taken.id)


async def next_due(pool: Pool, queue: str) -> datetime | None:
    """When the next message becomes due, be it leased, postponed or due already; None for an empty queue."""
    return cast("datetime | None", await pool.fetchval(statements(queue)["next_due"]))


async def depth(pool: Pool, queue: str) -> int:
    """How many messages the queue holds, counted up to DEPTH_COUNTED_MAX."""
    return cast(int, await pool.fetchval(statements(queue)["depth"], DEPTH_COUNTED_MAX))


@dataclass(slots=True)
class Delivery(Generic[Message]):
    """A validated message and the lease it came with: what a handler gets."""

    message: Message
    lease: Lease
    completed: bool = field(default=False, init=False)

    @property
    def queue(self) -> str:
        return self.lease.queue

    @property
    def id(self) -> int:
        return self.lease.id

    @property
    def read_count(self) -> int:
        return self.lease.read_count

    @asynccontextmanager
    async def completing(self, pool: Pool) -> AsyncIterator[Connection]:
        """Yield the connection whose transaction also archives this message.

        Effects and follow-up messages written on it commit together with the archive, or not at all.
        Raises LeaseLost before anything is written when another worker has taken the message over.
        """
        async with pool.acquire() as connection, connection.transaction():
            # Archived before the work, not after: the row lock keeps other workers off this
            # message while we write, and the fence tells whether it is still our lease.
            await self.lease.complete(connection)
            yield connection
        self.completed = True
