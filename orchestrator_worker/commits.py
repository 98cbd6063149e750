"""Lets deliveries that complete at the same moment share one transaction: one archive statement, one commit, one fsync.

Each still has its block to itself, the fence before it and the durable commit behind it. When one block fails, nothing
of that transaction is kept: the others are delivered again, each in a transaction of its own.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

from zmarty import queue
from zmarty.errors import LeaseLost
from zmarty.postgres import TROUBLE, Connection, Pool
from zmarty.queue import Lease, completing_alone

# While one commits, the next one is written. More of them would only have fewer members each.
TRANSACTIONS_MAX = 2
MEMBERS_MAX = 32
# Sharing saves a commit of about a millisecond; who writes for longer would rather hold the others up.
SHORT_SECONDS = 0.01
# How long everybody is alone after a block has failed: what fails once tends to fail again.
ALONE_SECONDS = 5.0
# Of each new duration in the running mean.
NEWEST_SHARE = 0.2


class Unshared(Exception):
    """A neighbour in the shared transaction failed; nothing was written, and this delivery is to be handled again."""


class Commits:
    """One queue's shared transactions. `written` is told of each delivery whose block has ended and only waits."""

    def __init__(self, pool: Pool, written: Callable[[Lease], None]) -> None:
        self.written = written
        self._pool = pool
        self._waiting: deque[_Member] = deque()
        self._open: set[asyncio.Task[None]] = set()
        self._writing: asyncio.Task[None] | None = None
        self._block_seconds = SHORT_SECONDS
        self._alone_until = 0.0

    def completing(self, lease: Lease) -> AbstractAsyncContextManager[Connection]:
        """Yield a connection in whose transaction this lease's message is archived; raises as Delivery.completing does."""
        if self._block_seconds >= SHORT_SECONDS or time.monotonic() < self._alone_until:
            return self._completing_alone(lease)
        return _Member(self, lease)

    @asynccontextmanager
    async def _completing_alone(self, lease: Lease) -> AsyncIterator[Connection]:
        async with completing_alone(self._pool, lease) as connection:
            started = time.monotonic()
            yield connection
            self.measure(time.monotonic() - started)

    def join(self, member: "_Member") -> None:
        self._waiting.append(member)
        self._begin()

    def measure(self, seconds: float) -> None:
        self._block_seconds += (seconds - self._block_seconds) * NEWEST_SHARE

    def part(self) -> None:
        """A block has failed: nobody shares for a while."""
        self._alone_until = time.monotonic() + ALONE_SECONDS

    def _begin(self) -> None:
        """Begin the next transaction, unless one is being written or nobody waits."""
        if self._waiting and not self._writing and len(self._open) < TRANSACTIONS_MAX:
            self._writing = asyncio.create_task(self._transact())
            self._open.add(self._writing)
            self._writing.add_done_callback(self._ended)

    def _ended(self, transacted: asyncio.Task[None]) -> None:
        self._open.discard(transacted)
        if self._writing is transacted:
            self._writing = None
        self._begin()

    async def _transact(self) -> None:
        shared = _Shared()
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                # Not before: who joins meanwhile may come along.
                shared.gather(self._waiting)
                await shared.write(connection)
                self._writing = None
                self._begin()
        except Unshared:
            self._waiting.extendleft(reversed(shared.undo()))
        except TROUBLE as error:
            shared.gather(self._waiting)
            shared.fail(error)
        else:
            shared.succeed()


class _Shared:
    """One transaction, and its members, who write one after the other."""

    def __init__(self) -> None:
        self._members: list[_Member] = []
        self._ahead: deque[_Member] = deque()
        self._done: list[_Member] = []
        self._connection: Connection | None = None
        self._held: set[int] = set()
        self._written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def gather(self, waiting: "deque[_Member]") -> None:
        """Take in who waits, unless that has been done."""
        if self._members:
            return
        while waiting and len(self._members) < MEMBERS_MAX:
            member = waiting.popleft()
            # Else it was cancelled while it waited.
            if not member.turn.done():
                self._members.append(member)
        self._ahead.extend(self._members)

    async def write(self, connection: Connection) -> None:
        """Archive all messages and let each member write. Raises Unshared when one of them did not come through."""
        self._connection = connection
        if self._members:
            self._held = await queue.complete_all(connection, [member.lease for member in self._members])
        self._advance()
        if not await self._written:
            raise Unshared

    def leave(self, member: "_Member") -> None:
        self._done.append(member)
        self._advance()

    def give_up(self) -> None:
        if not self._written.done():
            self._written.set_result(False)

    def _advance(self) -> None:
        """Let the next one write. When all have, the transaction may commit."""
        while self._ahead:
            member = self._ahead.popleft()
            if member.lease.id in self._held:
                # Cancelled while it waited: it has written nothing, but its message is archived in here.
                if member.turn.done():
                    return self.give_up()
                member.shared = self
                return member.turn.set_result(self._connection)
            _refuse(member, LeaseLost(member.lease.queue, member.lease.id))
        self._written.set_result(True)
        return None

    def succeed(self) -> None:
        for member in self._done:
            member.lease.completed = True
            if not member.committed.done():
                member.committed.set_result(None)

    def undo(self) -> "list[_Member]":
        """Nothing was written: those who were done start again, those who had not begun are returned."""
        for member in self._members:
            member.lease.ending = False
        for member in self._done:
            _refuse(member, Unshared())
        return [member for member in self._members if not member.turn.done()]

    def fail(self, error: Exception) -> None:
        for member in self._members:
            member.lease.ending = False
            _refuse(member, error)


class _Member:
    """A delivery on its way through a shared transaction: what its handler enters and leaves."""

    __slots__ = ("_began", "_commits", "committed", "lease", "shared", "turn")

    def __init__(self, commits: Commits, lease: Lease) -> None:
        loop = asyncio.get_running_loop()
        self.lease = lease
        self.turn: asyncio.Future[Connection | None] = loop.create_future()
        self.committed: asyncio.Future[None] = loop.create_future()
        self.shared: _Shared | None = None
        self._commits = commits
        self._began = 0.0

    async def __aenter__(self) -> Connection:
        self._commits.join(self)
        try:
            connection = await self.turn
        except BaseException:
            # Cancelled in the moment in which its turn came.
            if self.shared:
                self.shared.give_up()
            raise
        assert connection is not None
        self._began = time.monotonic()
        return connection

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self.shared is not None
        if error is not None:
            self._commits.part()
            self.shared.give_up()
            return
        self._commits.measure(time.monotonic() - self._began)
        self.shared.leave(self)
        self._commits.written(self.lease)
        await self.committed


def _refuse(member: _Member, error: Exception) -> None:
    future: asyncio.Future[Any] = member.turn if not member.turn.done() else member.committed
    if not future.done():
        future.set_exception(error)
        # Nobody may be left to hear of it.
        future.exception()
