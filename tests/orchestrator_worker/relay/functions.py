"""What a relay can meet: the real function under Deno, and one that answers by script and remembers who was in flight."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from deno import find_deno_bin

from zmarty.signing import sign

REPOSITORY = Path(__file__).parents[3]
FUNCTIONS = REPOSITORY / "supabase" / "trading" / "functions"
START_SECONDS = 60
# Their budget is 0.9 s; on a busy machine an answer within it comes later, and what waits for a lock does not come at all.
SOON_SECONDS = 10
DELIVERED_SECONDS = 120
LISTENING = re.compile(r"Listening on (http://[\d.]+:(\d+)/)")


def secret_of(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


SECRET = secret_of("a")


@dataclass
class EdgeFunction:
    """A function in a process of its own, by its own entry, or both by the local system's; stop and start keep its port."""

    database_url: str
    folder: Path
    name: str = "watchers-upsert"
    entry: str = "index.ts"
    secrets: str = SECRET
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.name}"

    @property
    def log(self) -> Path:
        return self.folder / "function.log"

    async def start(self) -> None:
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "DENO_DIR") if name in os.environ}
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    find_deno_bin(),
                    "run",
                    "--cached-only",
                    "--frozen",
                    "--allow-net",
                    "--allow-env",
                    "--config=deno.json",
                    self.entry,
                ],
                cwd=FUNCTIONS / self.name,
                env={
                    **kept,
                    "NO_COLOR": "1",
                    "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{self.port}",
                    "SUPABASE_DB_URL": self.database_url,
                    "WATCHERS_WEBHOOK_SECRETS": self.secrets,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        await until(lambda: self._find_port(offset), START_SECONDS)

    async def _find_port(self, offset: int) -> bool:
        assert self.process is not None
        text = self.log.read_text()[offset:]
        assert self.process.poll() is None, text
        found = LISTENING.search(text)
        self.port = int(found[2]) if found else self.port
        return found is not None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    async def post(
        self,
        payload: object = None,
        *,
        webhook_id: int | str = 1,
        secret: str = SECRET,
        age_seconds: float = 0,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send what `payload` says, signed well; `body` and `headers` spoil it afterwards."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        sent_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
        signed = sign(secret, webhook_id=str(webhook_id), sent_at=sent_at, body=text)
        async with httpx.AsyncClient(timeout=30) as client:
            return await client.post(
                self.url,
                content=(text if body is None else body).encode(),
                headers={**signed, **(headers or {})},
            )

    async def deliver(self, payload: object, **how: Any) -> httpx.Response:
        """Post until it is answered with anything but 503, as the relay does: on a busy machine the budget may be too short."""
        async with asyncio.timeout(DELIVERED_SECONDS):
            while (answer := await self.post(payload, **how)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
                await asyncio.sleep(random.uniform(0.05, 0.5))
        return answer


@dataclass
class ScriptedFunction:
    """Answers what `script` says of each event and takes `seconds` for it; remembers what arrived and who was in flight.

    In a batch a 422 is that event's own; any other failure is the whole request's.
    """

    script: Callable[[int, int], tuple[int, object]] = lambda event_id, attempt: (200, {"result": "applied"})
    batch: Callable[[list[dict[str, Any]], list[tuple[int, object]]], tuple[int, object]] = field(
        default_factory=lambda: batch_answer
    )
    seconds: float = 0.0
    url: str = ""
    requests: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    attempts: Counter[int] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)
    in_flight_max: Counter[str] = field(default_factory=Counter)
    batches: list[list[int]] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    requests_at_once: int = 0
    requests_at_once_max: int = 0

    @property
    def ids(self) -> list[int]:
        return [event_id for event_id, _, _ in self.requests]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                first, *head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                self.paths.append(first.split()[1])
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
                body = await reader.readexactly(int(headers["content-length"]))
                status, answer = await self._take(headers, body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content
                )
                await writer.drain()
        writer.close()

    async def _take(self, headers: dict[str, str], body: bytes) -> tuple[int, object]:
        payload = json.loads(body)
        batch = payload.get("events")
        events = batch or [{**payload, "id": int(headers["webhook-id"])}]
        users = {
            (event.get("record") or event.get("old_record") or {}).get("user_id", "") for event in events
        }
        self.batches.append([event["id"] for event in events])
        for event in events:
            self.requests.append((event["id"], body, headers))
            self.attempts[event["id"]] += 1
        self.requests_at_once += 1
        self.requests_at_once_max = max(self.requests_at_once_max, self.requests_at_once)
        for user in users:
            self.in_flight[user] += 1
            self.in_flight_max[user] = max(self.in_flight_max[user], self.in_flight[user])
        try:
            await asyncio.sleep(self.seconds)
            answers = [self.script(event["id"], self.attempts[event["id"]]) for event in events]
            status, answer = self.batch(events, answers) if batch else answers[0]
            if status == 200:
                self.delivered.extend(event["id"] for event in events)
            return status, answer
        finally:
            self.requests_at_once -= 1
            for user in users:
                self.in_flight[user] -= 1


def batch_answer(events: list[dict[str, Any]], answers: list[tuple[int, object]]) -> tuple[int, object]:
    for status, answer in answers:
        if status not in {200, 422}:
            return status, answer
    results = [
        {"id": event["id"], **(answer if status == 200 else {"error": "field_invalid", **answer})}
        for event, (status, answer) in zip(events, answers, strict=True)
        if isinstance(answer, dict)
    ]
    return 200, {"results": results}


@asynccontextmanager
async def scripted(**settings: Any) -> AsyncIterator[ScriptedFunction]:
    function = ScriptedFunction(**settings)
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(asyncio.CancelledError):
            await function.answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    function.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield function
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[object]], seconds: float = 30) -> Any:
    """Wait until `holds` answers something true, and return it; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not (value := await holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.01)
    return value


async def sign_up(chat: asyncpg.Pool[asyncpg.Record], user_id: object) -> None:
    await chat.execute("insert into auth.users (id, email) values ($1, $1::uuid || '@example.com')", user_id)
