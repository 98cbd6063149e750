"""The processes that a benchmark measures as they are deployed: the edge function under Deno, the worker, the API."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from deno import find_deno_bin

from console.migrations import REPOSITORY
from local_stack.clusters import free_port
from local_stack.process import start_tied, stop_process

FUNCTION = REPOSITORY / "supabase" / "trading" / "functions" / "watchers-upsert"
DENO_RUN = ("run", "--quiet", "--cached-only", "--frozen", "--allow-net", "--allow-env", "index.ts")
# Nothing else of the caller's environment: no key of a vendor, no database.
KEPT = ("HOME", "PATH", "DENO_DIR", "TMPDIR", "LANG")
READY_SECONDS = 20.0
# Some peers import for half a minute.
SLOW_READY_SECONDS = 90.0
LOOK_SECONDS = 0.05


class ProcessFailed(Exception):
    """A process ended or did not come up; the text ends with what it said last."""


@dataclass(frozen=True)
class EdgeFunction:
    url: str
    secret: str


@asynccontextmanager
async def edge_function(trading_dsn: str, folder: Path) -> AsyncIterator[EdgeFunction]:
    """watchers-upsert, as deployed, on the trading database."""
    port = free_port()
    function = EdgeFunction(
        f"http://127.0.0.1:{port}/watchers-upsert",
        "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
    )
    log = folder / "edge.log"
    process = start_tied(
        (os.fsdecode(find_deno_bin()), *DENO_RUN),
        log=log,
        death_signal=signal.SIGKILL,
        cwd=FUNCTION,
        env=environment(
            {
                "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}",
                "DENO_NO_UPDATE_CHECK": "1",
                "SUPABASE_DB_URL": trading_dsn,
                "WATCHERS_WEBHOOK_SECRETS": function.secret,
            }
        ),
    )
    try:
        await until_answering(function.url, process, log)
        yield function
    finally:
        await asyncio.to_thread(stop_process, process)


async def until_answering(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                # It refuses a plain GET, and that it does so shows that it runs.
                if (await client.get(url)).status_code == httpx.codes.METHOD_NOT_ALLOWED:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(LOOK_SECONDS)
    raise ProcessFailed(f"the edge function did not come up: {last_words(log)}")


@asynccontextmanager
async def worker(settings: Mapping[str, str], folder: Path) -> AsyncIterator[int]:
    """`python -m orchestrator_worker` with these settings; yields its process id."""
    log = folder / "worker.log"
    process = start_tied(
        (sys.executable, "-m", "orchestrator_worker"),
        log=log,
        death_signal=signal.SIGKILL,
        # Not in the checkout: a .env there is for its owner's own runs.
        cwd=folder,
        env=environment({**settings, "PYTHONPATH": str(REPOSITORY)}),
    )
    try:
        yield process.pid
        if process.poll() is not None:
            raise ProcessFailed(f"the worker ended with {process.returncode}: {last_words(log)}")
    finally:
        await asyncio.to_thread(stop_process, process)


@asynccontextmanager
async def api(settings: Mapping[str, str], folder: Path) -> AsyncIterator[str]:
    """`python -m orchestrator_api` with these settings; yields its address."""
    port = free_port()
    log = folder / "api.log"
    process = start_tied(
        (sys.executable, "-m", "orchestrator_api"),
        log=log,
        death_signal=signal.SIGKILL,
        cwd=folder,
        env=environment({**settings, "HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(REPOSITORY)}),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await until_up(f"{url}/livez", process, log)
        yield url
    finally:
        await asyncio.to_thread(stop_process, process)


@asynccontextmanager
async def upstream(folder: Path) -> AsyncIterator[str]:
    """The vendor of `benchmarks.upstream`; yields its address."""
    port = free_port()
    log = folder / "upstream.log"
    process = start_tied(
        (sys.executable, "-m", "benchmarks.upstream", str(port)),
        log=log,
        death_signal=signal.SIGKILL,
        cwd=REPOSITORY,
        env=environment({}),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await until_up(url, process, log)
        yield url
    finally:
        await asyncio.to_thread(stop_process, process)


async def until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the process answers well at this address."""
    deadline = time.monotonic() + SLOW_READY_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(LOOK_SECONDS)
    raise ProcessFailed(f"{log.stem} did not come up: {last_words(log)}")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **settings}


def last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-1000:]
