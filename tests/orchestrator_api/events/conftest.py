"""Streams of events as clients see them: real servers, real connections, frames as they come."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.app import keep_live
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import serving
from tests.orchestrator_api.support import AuthServer, bearer, resources_for
from zmarty.postgres import Pool

PATIENCE_SECONDS = 40
DURABLE = {"watcher", "candle", "signal", "win_rate", "job"}


@dataclass
class Stream:
    """What one client has received: events in order, and what was said beside them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    has_ended: bool = False
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self, response: httpx2.Response) -> None:
        fields: dict[str, str] = {}
        with suppress(httpx2.TransportError):
            async for line in response.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                else:
                    await self._take(fields)
                    fields = {}
        self.has_ended = True
        async with self._arrived:
            self._arrived.notify_all()

    async def _take(self, fields: dict[str, str]) -> None:
        async with self._arrived:
            if "event" in fields:
                self.events.append(
                    {"type": fields["event"], "id": fields.get("id"), "data": json.loads(fields["data"])}
                )
            elif "id" in fields:
                self.marks.append(fields["id"])
            self._arrived.notify_all()

    async def until(self, seen: Callable[["Stream"], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._arrived:
                await self._arrived.wait_for(lambda: seen(self))
        except TimeoutError:
            raise AssertionError(f"waited for {what}; came: {self.events}") from None

    async def first(self, type: str, **data: Any) -> dict[str, Any]:
        """Wait for an event of this type whose data has these fields."""
        await self.until(lambda _: bool(self.of(type, **data)), f"{type} {data}")
        return self.of(type, **data)[0]

    async def count(self, type: str, count: int) -> list[dict[str, Any]]:
        await self.until(lambda _: len(self.of(type)) >= count, f"{count} of {type}")
        return self.of(type)

    async def end(self) -> str:
        await self.until(lambda _: self.has_ended, "the end")
        assert self.events[-1]["type"] == "end"
        reason: str = self.events[-1]["data"]["reason"]
        return reason

    def of(self, type: str, **data: Any) -> list[dict[str, Any]]:
        return [
            event for event in self.events if event["type"] == type and data.items() <= event["data"].items()
        ]

    def told(self) -> list[tuple[str, str]]:
        """What is durable, as it came: ids and types."""
        return [(event["id"], event["type"]) for event in self.events if event["type"] in DURABLE]

    @property
    def last_id(self) -> str:
        ids = [event["id"] for event in self.events if event["id"]]
        return str(ids[-1])


Listen: TypeAlias = Callable[..., AbstractAsyncContextManager[Stream]]


@pytest.fixture
async def live_resources(resources: Resources, trading_dsn: Callable[..., str]) -> Resources:
    keep_live(resources, trading_dsn("zmarty_api"))
    return resources


@pytest.fixture
async def server(live_resources: Resources) -> AsyncIterator[str]:
    async with serving(live_resources) as url:
        yield url
        live_resources.live.close()


@pytest.fixture
async def other_server(
    chat_api: Pool, trading_api: Pool, auth: AuthServer, trading_dsn: Callable[..., str]
) -> AsyncIterator[str]:
    """A second instance of the API on the same databases."""
    resources = resources_for(chat_api, trading_api, auth)
    keep_live(resources, trading_dsn("zmarty_api"))
    async with serving(resources) as url:
        yield url
        resources.live.close()
    await resources.background.close(drain_seconds=5)
    await resources.http.aclose()


@asynccontextmanager
async def listening(url: str, token: str, **headers: str) -> AsyncIterator[Stream]:
    """Open a stream and wait for its first word; leave it at the end."""
    stream = Stream()
    async with (
        httpx2.AsyncClient(timeout=httpx2.Timeout(40, read=120)) as client,
        client.stream("GET", f"{url}/v1/events", headers={**bearer(token), **headers}) as response,
    ):
        assert response.status_code == 200, await response.aread()
        reading = asyncio.create_task(stream.read(response))
        try:
            await stream.until(lambda seen: bool(seen.of("ready") or seen.of("reset")), "ready or reset")
            yield stream
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


@dataclass
class Person:
    id: UUID
    token: str


@pytest.fixture
def ada(auth: AuthServer) -> Person:
    return person(auth)


@pytest.fixture
def bob(auth: AuthServer) -> Person:
    return person(auth)


def person(auth: AuthServer) -> Person:
    user_id = uuid4()
    return Person(user_id, auth.token(user_id))


async def watch(
    trading: Pool,
    user: Person,
    symbol: str = "BTC/USDT",
    timeframe: str = "1h",
    *,
    active: bool = True,
    version: int = 1,
) -> None:
    """As the mirror's function writes it."""
    await trading.execute(
        """
        insert into watchers (user_id, symbol, timeframe, active, version) values ($1, $2, $3, $4, $5)
        on conflict (user_id, symbol, timeframe) do update set active = excluded.active, version = excluded.version
        """,
        user.id,
        symbol,
        timeframe,
        active,
        version,
    )


SAVE_CANDLES = """
insert into candles (symbol, timeframe, opened_at, exchange, open, high, low, close, volume, source)
select $1, $2, date_trunc('hour', now()) - n * interval '1 minute', 'binance', 1, 1, 1, 1, $3, 'exchange'
from generate_series(1, $4::integer) as n
on conflict (symbol, timeframe, opened_at, exchange) do update set volume = excluded.volume
"""


async def save_candles(
    trading: Any, symbol: str = "BTC/USDT", timeframe: str = "1h", *, volume: int = 1, count: int = 1
) -> None:
    await trading.execute(SAVE_CANDLES, symbol, timeframe, volume, count)
