"""The two databases as both services reach them: pools with our types, and LISTEN that comes back after a loss."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import structlog

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

log = structlog.get_logger(__name__)

# In quotes because only the stubs know these as generic; asyncpg itself does not.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

# Whatever a database that is away, restarting or refusing can raise through asyncpg. Loops wait it out.
TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

LISTEN_CONNECT_SECONDS = 5.0
IDLE_IN_TRANSACTION_SECONDS = 60.0
RECONNECT_SECONDS_MAX = 4.0
PROBE_SECONDS = 15.0
PROBE_ANSWER_SECONDS = 3.0
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
    return await asyncpg.create_pool(
        dsn,
        min_size=size_min,
        max_size=size_max,
        timeout=patience.connect_seconds,
        command_timeout=patience.statement_seconds,
        server_settings={
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": str(int(patience.statement_seconds * 1000)),
            "idle_in_transaction_session_timeout": str(int(IDLE_IN_TRANSACTION_SECONDS * 1000)),
        },
        init=set_types,
    )


async def set_types(connection: Connection) -> None:
    """Read and write jsonb as Python objects on this connection."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_to_json, decoder=json.loads)


def _to_json(value: Any) -> str:
    # Text passes as it is: tembo's client hands us JSON that it has encoded already.
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


class Listener:
    """One LISTEN connection that restores itself. Notifications are hints: whoever waits must also poll.

    `changes()` yields `(channel, payload)`, and `None` each time the connection was (re)established, because
    notifications sent in between are lost and the reader must look for itself.
    """

    def __init__(self, dsn: str, channels: Sequence[str], *, application_name: str) -> None:
        self._dsn = dsn
        self._channels = tuple(channels)
        self._application_name = application_name
        self._notices: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(NOTICES_MAX)

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
        pause = 0.25
        while True:
            connection: asyncpg.Connection[asyncpg.Record] | None = None
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=LISTEN_CONNECT_SECONDS,
                    server_settings={"application_name": self._application_name},
                )
                for channel in self._channels:
                    await connection.add_listener(channel, self._notice)
                self._offer(None)
                pause = 0.25
                await self._probe_until_lost(connection)
            except TROUBLE as error:
                log.warning("listen_lost", channels=self._channels, error=type(error).__name__)
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(pause)
            pause = min(pause * 2, RECONNECT_SECONDS_MAX)

    async def _probe_until_lost(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        # A half-open connection hears nothing and says nothing; only a question shows that it is dead.
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        while not lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), PROBE_SECONDS)
            if not lost.is_set():
                await connection.execute("select 1", timeout=PROBE_ANSWER_SECONDS)

    def _notice(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._offer((channel, str(payload)))

    def _offer(self, notice: tuple[str, str] | None) -> None:
        # A full queue means that the reader is far behind; it will look at everything anyway.
        with suppress(asyncio.QueueFull):
            self._notices.put_nowait(notice)
