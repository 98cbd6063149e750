"""The two databases as both services reach them: pools with our types, and LISTEN that comes back after a loss."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import structlog

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _Plain = asyncpg.Connection[asyncpg.Record]
else:
    _Plain = asyncpg.Connection

log = structlog.get_logger(__name__)

# In quotes because only the stubs know these as generic; asyncpg itself does not.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

# Whatever a database that is away, restarting or refusing can raise through asyncpg. Loops wait it out.
TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

LISTEN_CONNECT_SECONDS = 5.0
IDLE_IN_TRANSACTION_SECONDS = 60.0
CONNECTION_QUERIES_MAX = 50_000
CONNECTION_IDLE_SECONDS = 300.0
RECONNECT_SECONDS_MIN = 0.1
RECONNECT_SECONDS_MAX = 2.0
PROBE_SECONDS = 15.0
PROBE_ANSWER_SECONDS = 3.0
# A pooler that hands out a backend for each transaction swallows LISTEN; it may be replaced by one that does not.
DEAF_SECONDS = 300.0
NOTICES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a database may take to accept a connection and to run a statement, in seconds."""

    connect_seconds: float
    statement_seconds: float


CHAT_PATIENCE = Patience(connect_seconds=2.0, statement_seconds=30.0)
TRADING_PATIENCE = Patience(connect_seconds=5.0, statement_seconds=60.0)


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    size_min: int,
    size_max: int,
    patience: Patience = CHAT_PATIENCE,
) -> Pool:
    """Open a pool whose connections read jsonb as Python objects, run in UTC and give up on slow statements."""
    pool = _Pool(
        dsn,
        min_size=size_min,
        max_size=size_max,
        max_queries=CONNECTION_QUERIES_MAX,
        max_inactive_connection_lifetime=CONNECTION_IDLE_SECONDS,
        setup=None,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        timeout=patience.connect_seconds,
        command_timeout=patience.statement_seconds,
        server_settings={
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": str(int(patience.statement_seconds * 1000)),
            "idle_in_transaction_session_timeout": str(int(IDLE_IN_TRANSACTION_SECONDS * 1000)),
        },
        init=set_types,
        reset=_keep_session,
    )
    pool.patience_seconds = patience.statement_seconds
    return await pool


class _Pool(asyncpg.pool.Pool):
    """A pool on which no wait is endless: not for a free connection, and not for giving back one that fell silent.

    asyncpg remembers the patience with which a connection was taken and gives it back with the same; it has no default.
    """

    patience_seconds: float

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=timeout or self.patience_seconds)


async def _keep_session(_: Connection) -> None:
    # asyncpg would run four statements at each release to undo what a session may have set. Nobody sets anything beyond
    # a transaction on these pools, and an open transaction is rolled back and listeners are removed before this is asked.
    return None


async def set_types(connection: Connection) -> None:
    """Read and write jsonb as Python objects on this connection."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_to_json, decoder=json.loads)


def _to_json(value: Any) -> str:
    # Text passes as it is: tembo's client hands us JSON that it has encoded already.
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


class Listener:
    """One LISTEN connection that restores itself. Notifications are hints: whoever waits must also poll.

    `changes()` yields `(channel, payload)`, and `None` each time the connection was (re)established or turned out to
    be deaf, because notifications sent in between are lost and the reader must look for itself. `deaf` says that
    notifications do not come through at all, as behind a transaction pooler.
    """

    def __init__(self, dsn: str, channels: Sequence[str], *, application_name: str) -> None:
        self._dsn = dsn
        self._channels = tuple(channels)
        self._application_name = application_name
        self._notices: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(NOTICES_MAX)
        # A channel nobody else has: what we say there, we must hear.
        self._probe_channel = f"zmarty_probe_{secrets.token_hex(8)}"
        self._echo = asyncio.Event()
        self.deaf = False

    async def changes(self) -> AsyncIterator[tuple[str, str] | None]:
        keeper = asyncio.create_task(self._keep_connected())
        try:
            while True:
                yield await self._notices.get()
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep_connected(self) -> None:
        pause = RECONNECT_SECONDS_MIN
        while True:
            connection: _Plain | None = None
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=LISTEN_CONNECT_SECONDS,
                    command_timeout=PROBE_ANSWER_SECONDS,
                    server_settings={"application_name": self._application_name},
                )
                lost = asyncio.Event()
                connection.add_termination_listener(partial(_set, lost))
                for channel in self._channels:
                    await connection.add_listener(channel, self._notice)
                await connection.add_listener(self._probe_channel, self._answer)
                self._offer(None)
                pause = RECONNECT_SECONDS_MIN
                await self._probe_until_lost(connection, lost)
            except TROUBLE as error:
                log.warning("listen_lost", channels=self._channels, error=type(error).__name__)
            finally:
                if connection is not None:
                    connection.terminate()
            if self.deaf:
                await asyncio.sleep(DEAF_SECONDS)
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RECONNECT_SECONDS_MAX)

    async def _probe_until_lost(self, connection: _Plain, lost: asyncio.Event) -> None:
        """Talk to ourselves: a half-open connection hears nothing and says nothing, and a pooler forgets who listens."""
        while not lost.is_set():
            self._echo.clear()
            await connection.execute("select pg_notify($1, '')", self._probe_channel)
            heard = await _within(PROBE_ANSWER_SECONDS, self._echo)
            if not heard and not lost.is_set():
                if not self.deaf:
                    log.warning("listen_impossible", channels=self._channels, instead="polling")
                self.deaf = True
                self._offer(None)
                return
            if heard and self.deaf:
                self.deaf = False
                log.info("listen_restored", channels=self._channels)
                self._offer(None)
            await _within(PROBE_SECONDS, lost)

    def _answer(self, *_notice: object) -> None:
        self._echo.set()

    def _notice(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._offer((channel, str(payload)))

    def _offer(self, notice: tuple[str, str] | None) -> None:
        # A full queue means that the reader is far behind; it will look at everything anyway.
        with suppress(asyncio.QueueFull):
            self._notices.put_nowait(notice)


def _set(event: asyncio.Event, _connection: object) -> None:
    event.set()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
