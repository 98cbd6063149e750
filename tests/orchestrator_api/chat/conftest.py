"""A user who watches a symbol, markets with a signal and its track record, and models that answer on a real wire."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import uvicorn

from local_stack.simulators.app import create_app as create_simulators
from local_stack.simulators.connection import BreakableProtocol
from local_stack.simulators.market import Market
from orchestrator_api.app import create_app
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import Ended, EndReason, Piece, Prompt, Text, ToolCall
from orchestrator_api.model_router.router import Deadlines, Router, open_router
from orchestrator_api.providers import Access
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.model_router.wire_server import (
    Refuse,
    WireServer,
    chat_completion,
    message,
    wire_server,
)
from tests.orchestrator_api.support import AuthServer, add_user, bearer, resources_for
from zmarty.postgres import Pool

# Quick where a model is silent, which few tests wait for; a model that speaks is not to be late on a busy machine.
QUICK = Deadlines(first_token=4.0, idle=4.0, total=40.0)
VENDORS = {"xai": "/xai/v1", "openai": "/openai/v1", "anthropic": "/anthropic"}
CLOSED_AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def accesses(url: str) -> dict[str, Access]:
    return {name: Access(url + path, "sim-key") for name, path in VENDORS.items()}


@dataclass
class Chat:
    """A signed-in user at the API, and a look into the databases behind it."""

    client: httpx2.AsyncClient
    resources: Resources
    user_id: UUID
    headers: dict[str, str]
    database: Pool = field(repr=False)
    models: WireServer | None = None

    async def ask(self, *, key: str | None = None, **body: Any) -> httpx2.Response:
        extra = {"Idempotency-Key": key} if key else {}
        asked = {"message": "What about BTC?", "stream": False, **body}
        return await self.client.post("/chat", json=asked, headers={**self.headers, **extra})

    async def account(self) -> tuple[int, int]:
        record = await self.database.fetchrow(
            "select balance, held from credit_accounts where user_id = $1", self.user_id
        )
        assert record is not None
        return record["balance"], record["held"]

    async def charges(self) -> list[tuple[int, str | None, str]]:
        records = await self.database.fetch(
            "select -amount as credits, provider, reason from credits_ledger where user_id = $1 and kind = 'charge' order by id",
            self.user_id,
        )
        return [(record["credits"], record["provider"], record["reason"]) for record in records]

    async def holds(self) -> list[str]:
        records = await self.database.fetch(
            "select state from credit_holds where user_id = $1 order by created_at", self.user_id
        )
        return [record["state"] for record in records]

    async def messages(self) -> list[tuple[str, str]]:
        records = await self.database.fetch(
            "select role, content from messages where user_id = $1 order by created_at, role desc",
            self.user_id,
        )
        return [(record["role"], record["content"]) for record in records]

    async def until_resolved(self) -> list[str]:
        """Wait until no hold is open, and say how they ended."""
        async with asyncio.timeout(40):
            while "held" in (states := await self.holds()):
                await asyncio.sleep(0.02)
        return states


@asynccontextmanager
async def served(resources: Resources) -> AsyncIterator[str]:
    """The API behind a real server, which is how a client can really leave."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Resources]:
        yield resources

    server = uvicorn.Server(uvicorn.Config(create_app(given), port=0, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(40):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


async def save_signal(trading: Pool, symbol: str = "BTC/USDT", timeframe: str = "1h", **changes: Any) -> None:
    row = {
        "symbol": symbol,
        "timeframe": timeframe,
        "opened_at": CLOSED_AT - timedelta(hours=1),
        "strategy_version": "1",
        "origin": "live",
        "direction": "long",
        "score": 0.42,
        "strength": 42,
        "confidence": 0.57,
        "entry_price": 43210.5,
        "targets": [44100.2],
        "stop_price": 42600.1,
        "verdict": "act",
        "expires_at": CLOSED_AT + timedelta(hours=24),
        **changes,
    }
    await trading.execute(
        f"insert into signals ({', '.join(row)}) values ({', '.join(f'${n}' for n in range(1, len(row) + 1))})",
        *row.values(),
    )


async def save_win_rates(trading: Pool, symbol: str = "BTC/USDT", timeframe: str = "1h") -> None:
    for origin, n, wins in (("all", 312, 165), ("backfill", 300, 160), ("live", 12, 5)):
        await trading.execute(
            "insert into win_rate (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n,"
            " n_effective, wins, losses, expired, rate, low, high, baseline)"
            " values ($1, $2, '1', 'long', '24h', 30, $3, $4, $4::integer, $5, $6, 0, 0.53, 0.47, 0.59, 0.5)",
            symbol,
            timeframe,
            origin,
            n,
            wins,
            n - wins,
        )


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    user = await add_user(chat)
    await chat.execute(
        "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC/USDT', '1h')", user
    )
    return user


@pytest.fixture
async def markets(trading: Pool) -> None:
    await save_signal(trading)
    await save_win_rates(trading)


@pytest.fixture
async def simulators() -> AsyncIterator[str]:
    """The vendors' simulators behind a real server: its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_simulators(Market(seed=7, clock=time.time))
    config = uvicorn.Config(app, http=BreakableProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(40):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await serving


class ScriptedProvider:
    """A model that says what is scripted, round by round, and remembers what it was told.

    A failure is raised, an event waited for.
    """

    def __init__(self, name: str, *rounds: Sequence[Piece | Exception | asyncio.Event]) -> None:
        self.name = name
        self.rounds = list(rounds)
        self.prompts: list[Prompt] = []
        self.outputs_max: list[int] = []

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        self.prompts.append(prompt)
        self.outputs_max.append(output_tokens_max)
        for piece in self.rounds.pop(0):
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, asyncio.Event):
                await piece.wait()
                continue
            yield piece

    async def close(self) -> None:
        pass


def calling(
    *calls: tuple[str, str], text: str = "", read: int = 500, written: int = 100
) -> list[Piece | Exception]:
    """A round that ends with calls: name and arguments."""
    return [
        *([Text(text)] if text else []),
        *(ToolCall(id=f"call-{at}", name=name, arguments=given) for at, (name, given) in enumerate(calls)),
        Usage(input_tokens=read, output_tokens=written),
        Ended(EndReason.TOOL_CALLS),
    ]


def saying(text: str, *, read: int = 500, written: int = 1000) -> list[Piece | Exception]:
    """A round that ends the answer."""
    return [Text(text), Usage(input_tokens=read, output_tokens=written), Ended(EndReason.STOP)]


class Chats:
    """Makes a Chat whose models answer as scripted, or are the simulators, or do not exist."""

    def __init__(
        self, chat: Pool, chat_api: Pool, trading_api: Pool, auth: AuthServer, user_id: UUID
    ) -> None:
        self._chat = chat
        self._resources = resources_for(chat_api, trading_api, auth)
        self._user_id = user_id
        self._headers = bearer(auth.token(user_id))
        self.stack = AsyncExitStack()

    async def scripted(self, deadlines: Deadlines = QUICK, **replies: Any) -> Chat:
        """Vendors that are not scripted answer healthily with their own name."""
        healthy = {
            "xai": [chat_completion("from ", "Grok")],
            "openai": [chat_completion("from ", "GPT", prompt=1500, completion=2000)],
            "anthropic": [message("from ", "Claude")],
        }
        models = await self.stack.enter_async_context(wire_server(**{**healthy, **replies}))
        return await self.on(models.url, deadlines, models)

    async def failing(self) -> Chat:
        return await self.scripted(xai=[Refuse(503)], openai=[Refuse(503)], anthropic=[Refuse(503)])

    async def on(self, url: str, deadlines: Deadlines = QUICK, models: WireServer | None = None) -> Chat:
        router = await self.stack.enter_async_context(open_router(accesses(url), deadlines=deadlines))
        return await self._chat_with(replace(self._resources, router=router), models)

    async def speaking(self, *providers: ScriptedProvider, deadlines: Deadlines = QUICK) -> Chat:
        """Models without a wire."""
        router = Router({provider.name: provider for provider in providers}, deadlines=deadlines)
        return await self._chat_with(replace(self._resources, router=router), None)

    async def without_models(self) -> Chat:
        return await self._chat_with(self._resources, None)

    async def _chat_with(self, resources: Resources, models: WireServer | None) -> Chat:
        client = await self.stack.enter_async_context(client_of(resources))
        return Chat(client, resources, self._user_id, self._headers, self._chat, models)

    async def close(self) -> None:
        # The answers first: they still talk to models and databases.
        await self._resources.background.close(drain_seconds=5)
        await self.stack.aclose()
        await self._resources.http.aclose()


@pytest.fixture
async def chats(
    chat: Pool, chat_api: Pool, trading_api: Pool, auth: AuthServer, user_id: UUID
) -> AsyncIterator[Chats]:
    made = Chats(chat, chat_api, trading_api, auth, user_id)
    yield made
    await made.close()
