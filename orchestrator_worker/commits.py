"""Lets deliveries that complete at the same moment share one transaction: one archive statement, one commit, one fsync.

Each still has its block to itself, the fence before it and the durable commit behind it. When one block fails, nothing
of that transaction is kept: the others are delivered again, each in a transaction of its own.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from zmarty import queue
from zmarty.errors import LeaseLost
from zmarty.postgres import TROUBLE, Connection, Pool
from zmarty.queue import Lease, completing_alone

# One at a time gathers the most members; measured, a second one costs more than its overlap brings.
TRANSACTIONS_MAX = 1
MEMBERS_MAX = 32
# Sharing saves a commit of about a millisecond; who writes for longer would rather hold the others up.
SHORT_SECONDS = 0.01
# How long everybody is alone after a block has failed: what fails once tends to fail again.
ALONE_SECONDS = 5.0
# Of each new duration in the running mean.
NEWEST_SHARE = 0.2


class Unshared(Exception):
    """A neighbour in the shared transaction failed; nothing was written, and this delivery is to be handled again."""


class _Member:
    """A delivery on its way through a shared transaction."""

    __slots__ = ("committed", "lease", "left", "turn")

    def __init__(self, lease: Lease, loop: asyncio.AbstractEventLoop) -> None:
        self.lease = lease
        self.turn: asyncio.Future[Connection] = loop.create_future()
        self.left: asyncio.Future[bool] = loop.create_future()
        self.committed: asyncio.Future[None] = loop.create_future()


class Commits:
    """One queue's shared transactions. `written` is told of each delivery whose block has ended and only waits."""

    def __init__(self, pool: Pool, written: Callable[[Lease], None]) -> None:
        self._pool = pool
        self._written = written
        self._waiting: deque[_Member] = deque()
        self._open: set[asyncio.Task[None]] = set()
        self._block_seconds = SHORT_SECONDS
        self._alone_until = 0.0

    @asynccontextmanager
    async def completing(self, lease: Lease) -> AsyncIterator[Connection]:
        """Yield a connection in whose transaction this lease's message is archived; raises as Delivery.completing does."""
        if self._block_seconds >= SHORT_SECONDS or time.monotonic() < self._alone_until:
            async with completing_alone(self._pool, lease) as connection:
                started = time.monotonic()
                yield connection
                self._measure(time.monotonic() - started)
            return
        member = _Member(lease, asyncio.get_running_loop())
        self._waiting.append(member)
        if len(self._open) < TRANSACTIONS_MAX:
            opened = asyncio.create_task(self._share())
            self._open.add(opened)
            opened.add_done_callback(self._open.discard)
        written_since: float | None = None
        try:
            connection = await member.turn
            written_since = time.monotonic()
            yield connection
        except BaseException:
            member.left.set_result(False)
            if written_since is not None:
                self._alone_until = time.monotonic() + ALONE_SECONDS
            raise
        member.left.set_result(True)
        self._measure(time.monotonic() - written_since)
        self._written(lease)
        await member.committed

    def _measure(self, seconds: float) -> None:
        self._block_seconds += (seconds - self._block_seconds) * NEWEST_SHARE

    async def _share(self) -> None:
        """Commit transaction after transaction, until nobody waits."""
        while self._waiting:
            members = [self._waiting.popleft() for _ in range(min(MEMBERS_MAX, len(self._waiting)))]
            await self._transact([member for member in members if not member.turn.done()])

    async def _transact(self, members: list[_Member]) -> None:
        if not members:
            return
        done: list[_Member] = []
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                held = await queue.complete_all(connection, [member.lease for member in members])
                for member in members:
                    if member.lease.id not in held:
                        _refuse(member, LeaseLost(member.lease.queue, member.lease.id))
                        continue
                    # Cancelled while it waited: it has written nothing, but its message is archived in here.
                    if member.turn.done():
                        raise Unshared
                    member.turn.set_result(connection)
                    if not await member.left:
                        raise Unshared
                    done.append(member)
        except Unshared:
            self._part(members, done)
        except TROUBLE as error:
            for member in members:
                member.lease.ending = False
                _refuse(member, error)
        else:
            for member in done:
                if not member.committed.done():
                    member.committed.set_result(None)

    def _part(self, members: list[_Member], done: list[_Member]) -> None:
        """Nothing was written: those who were done start again, those who had not begun take the next transaction."""
        for member in members:
            member.lease.ending = False
        for member in done:
            _refuse(member, Unshared())
        self._waiting.extendleft(reversed([member for member in members if not member.turn.done()]))


def _refuse(member: _Member, error: Exception) -> None:
    future = member.turn if not member.turn.done() else member.committed
    if not future.done():
        future.set_exception(error)
        # Nobody may be left to hear of it.
        future.exception()
