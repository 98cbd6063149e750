"""What a relay can meet: the real function under Deno, and one that answers by script and remembers who was in flight."""

from __future__ import annotations

import asyncio
import base64
import json
import os
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

FOLDER = Path(__file__).parents[3] / "supabase" / "trading" / "functions" / "watchers-upsert"
START_SECONDS = 10
LISTENING = re.compile(r"Listening on (http://[\d.]+:(\d+)/)")


def secret_of(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


SECRET = secret_of("a")


@dataclass
class EdgeFunction:
    """watchers-upsert in a process of its own; stop and start keep its port."""

    database_url: str
    folder: Path
    secrets: str = SECRET
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/watchers-upsert"

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
                    "index.ts",
                ],
                cwd=FOLDER,
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
            self.process.wait(timeout=5)
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
        async with httpx.AsyncClient(timeout=5) as client:
            return await client.post(
                self.url,
                content=(text if body is None else body).encode(),
                headers={**signed, **(headers or {})},
            )


@dataclass
class ScriptedFunction:
    """Answers what `script` says and takes `seconds` for it; remembers what arrived and how many at once per user."""

    script: Callable[[int, int], tuple[int, object]] = lambda event_id, attempt: (200, {"result": "applied"})
    seconds: float = 0.0
    url: str = ""
    requests: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    attempts: Counter[int] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)
    in_flight_max: Counter[str] = field(default_factory=Counter)
    users_at_once_max: int = 0

    @property
    def ids(self) -> list[int]:
        return [event_id for event_id, _, _ in self.requests]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
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
        event_id = int(headers["webhook-id"])
        payload = json.loads(body)
        user = (payload.get("record") or payload.get("old_record") or {}).get("user_id", "")
        self.requests.append((event_id, body, headers))
        self.attempts[event_id] += 1
        self.in_flight[user] += 1
        self.in_flight_max[user] = max(self.in_flight_max[user], self.in_flight[user])
        self.users_at_once_max = max(
            self.users_at_once_max, sum(count > 0 for count in self.in_flight.values())
        )
        try:
            await asyncio.sleep(self.seconds)
            return self.script(event_id, self.attempts[event_id])
        finally:
            self.in_flight[user] -= 1


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


async def until(holds: Callable[[], Awaitable[object]], seconds: float = 8) -> Any:
    """Wait until `holds` answers something true, and return it; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not (value := await holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.01)
    return value


async def sign_up(chat: asyncpg.Pool[asyncpg.Record], user_id: object) -> None:
    await chat.execute("insert into auth.users (id, email) values ($1, $1::uuid || '@example.com')", user_id)
