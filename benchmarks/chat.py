"""What `/chat` adds to a model's stream, with auth, briefing and ledger, beside LiteLLM's proxy that has none of them.

Both stand as one process before the same upstream, and the same client asks each in turn. Every stream is read to its end
and checked; afterwards each of ours must have been charged exactly once.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import jwt
from openai import AsyncOpenAI

from benchmarks.databases import scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, percentile, ratio_at_least, ratio_at_most
from benchmarks.machine import describe_machine
from benchmarks.peers import litellm_peer
from benchmarks.processes import api, upstream
from benchmarks.upstream import CHUNKS, PROMPT_TOKENS, WORD
from orchestrator_api.model_router.provider import Prompt, Text, Turn
from orchestrator_api.model_router.providers.openai import OpenAIProvider
from zmarty.postgres import Connection

STREAMS_IN_TURN = 200
STREAMS_AT_ONCE = 16
STREAMS_TOGETHER = 480
STREAMS_PARSED = 100
WARM_UP = 10
USERS = 32
CREDITS = 1_000_000
ANSWER_SECONDS_MAX = 60.0
AUTH = "http://127.0.0.1:9"
QUESTION = "What about BTC?"
MODEL = "grok-4.7"
MILLISECONDS = 1_000.0
# More than the benchmark asks: what a tier may ask a minute is not what is measured.
UNLIMITED = "update tiers set requests_per_minute = 1000000, concurrent_streams = 100000"


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds from the request to its first text and to the end of its stream."""

    first: float
    whole: float


@dataclass
class Contestant:
    """Somebody who answers with the upstream's stream."""

    url: str
    path: str
    body: Callable[[], dict[str, object]]
    # What the first frame with text looks like.
    text: bytes
    tokens: Sequence[str] = ("none",)
    asked: int = 0
    runs: list[list[Timing]] = field(default_factory=list)

    async def ask(self) -> Timing:
        """Raises Incorrect when the stream is not whole."""
        token = self.tokens[self.asked % len(self.tokens)]
        self.asked += 1
        return await ask(self.url, self.path, self.body(), token=token, text=self.text)

    async def in_turn(self, count: int) -> None:
        self.runs.append([await self.ask() for _ in range(count)])

    async def together(self, count: int) -> float:
        """Streams a second, so many at once."""
        waiting = iter(range(count))

        async def ask_on() -> None:
            for _ in waiting:
                await self.ask()

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(STREAMS_AT_ONCE):
                group.create_task(ask_on())
        return count / (time.perf_counter() - started)

    def added(self, direct: Contestant, share: float, part: Callable[[Timing], float]) -> list[float]:
        """Of each run, how much later this percentile is than without anybody between."""
        return [
            percentile([part(timing) for timing in own], share)
            - percentile([part(timing) for timing in bare], share)
            for own, bare in zip(self.runs, direct.runs, strict=True)
        ]


async def run(effort: Effort) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmarty-bench-")))
        vendor = await stack.enter_async_context(upstream(folder))
        direct = Contestant(vendor, "/v1/chat/completions", completion, b'"content": "word')
        zmarty, admin = await stack.enter_async_context(ours(vendor, folder))
        contestants = {"direct": direct, "zmarty": zmarty}
        if litellm_peer.is_installed():
            proxy = await stack.enter_async_context(litellm_peer.proxy(vendor, folder))
            contestants["litellm"] = Contestant(proxy, "/v1/chat/completions", completion, b'"content":"word')
        rates = await measured(contestants, effort)
        await check_charged(admin, zmarty.asked)
        parsing = await effort.rounds(
            {
                "sdk": lambda: sdk_milliseconds(vendor, effort.of(STREAMS_PARSED)),
                "ours": lambda: our_milliseconds(vendor, effort.of(STREAMS_PARSED)),
                "by hand": lambda: hand_milliseconds(vendor, effort.of(STREAMS_PARSED)),
            }
        )
    return [*compared(contestants, rates), *parsed(parsing)]


async def measured(contestants: dict[str, Contestant], effort: Effort) -> dict[str, list[float]]:
    for contestant in contestants.values():
        for _ in range(WARM_UP):
            await contestant.ask()
    for _ in range(effort.runs):
        for contestant in contestants.values():
            await contestant.in_turn(effort.of(STREAMS_IN_TURN))
    together = effort.of(STREAMS_TOGETHER)
    return await effort.rounds(
        {name: partial(asked.together, together) for name, asked in contestants.items()}
    )


def compared(contestants: dict[str, Contestant], rates: dict[str, list[float]]) -> list[Figure]:
    machine = describe_machine()
    direct, zmarty, peer = contestants["direct"], contestants["zmarty"], contestants.get("litellm")
    figures = []
    for name, part in (
        ("first text", lambda timing: timing.first),
        ("whole stream", lambda timing: timing.whole),
    ):
        for share in (0.5, 0.99):
            theirs = peer.added(direct, share, part) if peer else []
            figures.append(
                figure(
                    f"/chat, {name}, added p{share * 100:.0f}",
                    zmarty.added(direct, share, part),
                    "ms",
                    machine=machine,
                    against=f"LiteLLM proxy {litellm_peer.VERSION}" if peer else "",
                    against_values=theirs,
                    target=ratio_at_most(0.5) if peer and name == "whole stream" else None,
                )
            )
    figures.append(
        figure(
            f"/chat, {STREAMS_AT_ONCE} at once",
            rates["zmarty"],
            "streams/s",
            machine=machine,
            against=f"LiteLLM proxy {litellm_peer.VERSION}" if peer else "",
            against_values=rates.get("litellm", ()),
            target=ratio_at_least(3.0) if peer else None,
        )
    )
    figures.append(
        figure(
            f"/chat, {STREAMS_AT_ONCE} at once, vs nobody between",
            rates["zmarty"],
            "streams/s",
            machine=machine,
            against="direct",
            against_values=rates["direct"],
        )
    )
    return figures


def parsed(parsing: dict[str, list[float]]) -> list[Figure]:
    machine = describe_machine()
    return [
        figure(
            f"our reading of a stream of {CHUNKS} chunks",
            parsing["ours"],
            "ms of CPU",
            machine=machine,
            against="the openai SDK's",
            against_values=parsing["sdk"],
            target=ratio_at_most(0.5),
        ),
        figure(
            "our reading, vs the least there can be",
            parsing["ours"],
            "ms of CPU",
            machine=machine,
            against="json.loads over httpx2",
            against_values=parsing["by hand"],
        ),
    ]


@asynccontextmanager
async def ours(vendor: str, folder: Path) -> AsyncIterator[tuple[Contestant, Connection]]:
    """The API's process on databases of its own, and users who may ask."""
    secret = secrets.token_hex(32)
    async with AsyncExitStack() as stack:
        chat = await (await stack.enter_async_context(scratch_cluster("chat"))).database()
        trading = await (await stack.enter_async_context(scratch_cluster("trading"))).database()
        admin = await stack.enter_async_context(chat.admin())
        users = await signed_up(admin)
        settings = {
            "CHAT_DATABASE_URL": chat.dsn("zmarty_api"),
            "TRADING_DATABASE_URL": trading.dsn("zmarty_api"),
            "CHAT_SUPABASE_URL": AUTH,
            "CHAT_JWT_SECRET": secret,
            "XAI_API_KEY": "key",
            "XAI_BASE_URL": f"{vendor}/v1",
            "LOG_LEVEL": "info",
        }
        url = await stack.enter_async_context(api(settings, folder))
        tokens = [token(user, secret) for user in users]
        yield Contestant(url, "/chat", question, b'"text-delta"', tokens), admin


async def signed_up(admin: Connection) -> list[UUID]:
    users = [uuid4() for _ in range(USERS)]
    await admin.execute(UNLIMITED)
    await admin.execute(
        "insert into auth.users (id, email) select id, id || '@example.com' from unnest($1::uuid[]) as ids (id)",
        users,
    )
    await admin.execute(
        "insert into user_symbols (user_id, symbol, timeframe) select id, 'BTC/USDT', '1h' from unnest($1::uuid[]) as ids (id)",
        users,
    )
    for user in users:
        await admin.execute("select private.grant_credits($1, $2, 'benchmark', 'benchmark')", user, CREDITS)
    return users


def token(user: UUID, secret: str) -> str:
    now = int(time.time())
    claims = {
        "iss": f"{AUTH}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(user),
        "iat": now,
        "exp": now + 36_000,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def completion() -> dict[str, object]:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def question() -> dict[str, object]:
    return {"message": QUESTION, "model": "grok"}


async def ask(url: str, path: str, body: dict[str, object], *, token: str, text: bytes) -> Timing:
    """Ask over a connection of its own and read the stream to its end: as little client as there can be."""
    address = urlsplit(url)
    content = json.dumps(body).encode()
    request = (
        f"POST {path} HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    ).encode() + content
    started = time.perf_counter()
    first = None
    received = bytearray()
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        while piece := await reader.read(1 << 16):
            received += piece
            if first is None and text in received:
                first = time.perf_counter()
        writer.close()
    ended = time.perf_counter()
    if first is None or received.count(WORD.encode()) < CHUNKS or b"[DONE]" not in received:
        raise Incorrect(f"a stream of {url}{path} is not whole: {bytes(received[-500:])!r}")
    return Timing((first - started) * MILLISECONDS, (ended - started) * MILLISECONDS)


async def check_charged(admin: Connection, asked: int) -> None:
    """Raise Incorrect unless every answer was charged once and no hold is left."""
    charged = await admin.fetchval("select count(*) from credits_ledger where kind = 'charge'")
    wrong = await admin.fetchval(
        "select count(*) from credits_ledger where kind = 'charge' and (input_tokens, output_tokens) <> ($1, $2)",
        PROMPT_TOKENS,
        CHUNKS,
    )
    held = await admin.fetchval("select coalesce(sum(held), 0) from credit_accounts")
    if (charged, wrong, held) != (asked, 0, 0):
        raise Incorrect(
            f"of {asked} answers {charged} were charged, {wrong} wrongly; {held} credits are held"
        )


async def sdk_milliseconds(vendor: str, streams: int) -> float:
    """CPU of this process for one stream through the openai SDK."""
    async with AsyncOpenAI(api_key="key", base_url=f"{vendor}/v1", max_retries=0) as client:

        async def read() -> int:
            words = 0
            async with await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": QUESTION}],
                stream=True,
                stream_options={"include_usage": True},
            ) as chunks:
                async for chunk in chunks:
                    words += sum(bool(choice.delta.content) for choice in chunk.choices)
            return words

        return await cpu_milliseconds(read, streams)


async def our_milliseconds(vendor: str, streams: int) -> float:
    """The same stream through the provider that the API uses."""
    provider = OpenAIProvider(api_key="key", base_url=f"{vendor}/v1")
    prompt = Prompt(system="", turns=(Turn("user", QUESTION),), conversation_id="c")

    async def read() -> int:
        words = 0
        async with aclosing(provider.stream(prompt, model=MODEL, output_tokens_max=500)) as pieces:
            async for piece in pieces:
                words += isinstance(piece, Text)
        return words

    try:
        return await cpu_milliseconds(read, streams)
    finally:
        await provider.close()


async def hand_milliseconds(vendor: str, streams: int) -> float:
    """The same stream, its frames found and parsed by us."""
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def read() -> int:
            words = 0
            async with client.stream("POST", f"{vendor}/v1/chat/completions", json=completion()) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        chunk = json.loads(line[6:])
                        words += sum(bool(choice["delta"].get("content")) for choice in chunk["choices"])
            return words

        return await cpu_milliseconds(read, streams)


async def cpu_milliseconds(read: Callable[[], Awaitable[int]], streams: int) -> float:
    await read()
    started = time.process_time()
    for _ in range(streams):
        if await read() != CHUNKS:
            raise Incorrect("a chunk was lost in parsing")
    return (time.process_time() - started) * MILLISECONDS / streams
