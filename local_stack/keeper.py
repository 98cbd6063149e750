"""Keeps one process running: starts it, watches its health, restarts it with backoff when it dies, stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from local_stack.process import dying_with_parent, process_started

State: TypeAlias = Literal["starting", "healthy", "unhealthy", "restarting", "stopped"]

START_SECONDS = 60.0
START_DEATHS_MAX = 3
STARTING_POLL_SECONDS = 0.1
WATCH_SECONDS = 2.0
UNHEALTHY_AFTER_CHECKS = 3
LAST_LOOK_SECONDS = 10.0
RESTART_SECONDS_BASE = 0.25
RESTART_SECONDS_MAX = 15.0
STABLE_SECONDS = 60.0
LOG_BYTES_MAX = 20_000_000
LOG_TAIL_LINES = 15


class StartFailed(Exception):
    """A service did not become healthy; the text ends with what its log said last."""


@dataclass(frozen=True)
class Running:
    """The process whose health is asked for."""

    pid: int
    age_seconds: float


IsHealthy: TypeAlias = Callable[[Running], Awaitable[bool]]


@dataclass(frozen=True)
class Service:
    """One process to keep: how it starts, how it shows that it works, and how it is asked to stop."""

    name: str
    command: tuple[str, ...]
    log: Path
    is_healthy: IsHealthy = field(repr=False)
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    last_signal: signal.Signals = signal.SIGKILL
    # What the kernel sends it when we are gone. Nobody is left then to wait, so it is not a polite one.
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 40.0


class Keeper:
    """The life of one service. `changed` is called after each change of state."""

    def __init__(self, service: Service, changed: Callable[[], None]) -> None:
        self.service = service
        self.state: State = "stopped"
        self.restarts = 0
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._healthy = asyncio.Event()
        self._restart_wanted = False
        self._deaths = 0
        self._started = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def _age_seconds(self) -> float:
        return time.monotonic() - self._started

    async def start(self) -> None:
        """Return when the service is healthy; raise StartFailed when it dies again and again or takes too long."""
        self._life = asyncio.create_task(self._live(), name=f"keep {self.service.name}")
        healthy = asyncio.create_task(self._healthy.wait())
        deadline = time.monotonic() + START_SECONDS
        try:
            while not healthy.done():
                await asyncio.wait({healthy, self._life}, timeout=STARTING_POLL_SECONDS)
                if self._life.done() and self._life.exception():
                    raise StartFailed(f"{self.service.name}: {self._life.exception()}")
                if self._deaths >= START_DEATHS_MAX or time.monotonic() >= deadline:
                    why = "died again and again" if self._deaths >= START_DEATHS_MAX else "took too long"
                    raise StartFailed(f"{self.service.name} {why}; its log ends:\n{self.log_tail()}")
        finally:
            healthy.cancel()

    async def restart(self) -> None:
        """Ask the process to end and start it anew, without backoff; return when it is healthy again."""
        self._healthy.clear()
        self._restart_wanted = True
        self._set("restarting")
        await self._end_process()
        async with asyncio.timeout(START_SECONDS):
            await self._healthy.wait()

    async def stop(self) -> None:
        self._stopping.set()
        await self._end_process()
        if self._life is not None:
            # Its process is gone, so it ends by itself after its last look; a cancelled look would leave things open.
            await asyncio.wait({self._life}, timeout=LAST_LOOK_SECONDS)
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
        self._set("stopped")

    def log_tail(self) -> str:
        lines = self.service.log.read_text(errors="replace").splitlines() if self.service.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])

    async def _live(self) -> None:
        failures = 0
        self._set("starting")
        while not self._stopping.is_set():
            self._started = time.monotonic()
            self._process = await self._spawn()
            self._changed()
            await self._watch(self._process)
            self._healthy.clear()
            if self._stopping.is_set():
                return
            self.restarts += 1
            self._set("restarting")
            if self._restart_wanted:
                self._restart_wanted = False
                failures = 0
                continue
            self._deaths += 1
            failures = 0 if self._age_seconds > STABLE_SECONDS else failures + 1
            pause = min(RESTART_SECONDS_BASE * 2**failures, RESTART_SECONDS_MAX)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _spawn(self) -> asyncio.subprocess.Process:
        service = self.service
        trim_log(service.log)
        with service.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=service.environment,
                # A group of its own: Ctrl-C at our terminal is ours to hear, and its children end with it.
                start_new_session=True,
                preexec_fn=dying_with_parent(service.death_signal),
                **service.options,
            )

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Follow the process's health until it ends."""
        ended = asyncio.create_task(process.wait())
        misses = 0
        try:
            while not ended.done():
                if await self._is_healthy(process):
                    misses = 0
                    self._healthy.set()
                    self._set("healthy")
                elif self.state == "healthy":
                    misses += 1
                    if misses >= UNHEALTHY_AFTER_CHECKS:
                        self._set("unhealthy")
                trim_log(self.service.log)
                pause = WATCH_SECONDS if self.state == "healthy" else STARTING_POLL_SECONDS
                await asyncio.wait({ended}, timeout=pause)
        finally:
            ended.cancel()

    async def _is_healthy(self, process: asyncio.subprocess.Process) -> bool:
        try:
            return await self.service.is_healthy(Running(process.pid, self._age_seconds))
        except Exception as error:  # noqa: BLE001 — a check that breaks is a miss; it must never end the watch over a process
            print(f"health check of {self.service.name}: {error!r}", file=sys.stderr)  # noqa: T201 — our own terminal
            return False

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        signal_group(process.pid, self.service.stop_signal, whole=False)
        try:
            await asyncio.wait_for(process.wait(), self.service.stop_seconds)
        except TimeoutError:
            signal_group(process.pid, self.service.last_signal, whole=True)
            await process.wait()

    def _set(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._changed()


def signal_group(pid: int, number: signal.Signals, *, whole: bool) -> None:
    """Signal a process we started, or with it whatever it started itself."""
    with suppress(ProcessLookupError):
        if whole:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def trim_log(log: Path) -> None:
    """Keep one older part and start again; the writer appends, so it goes on at the new end."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.with_suffix(".log.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)


async def end_leftovers(recorded: Mapping[str, tuple[int, float]], *, seconds: float = 20.0) -> list[str]:
    """End what an earlier supervisor left running and answer its names; a pid that is somebody else's now is let be."""

    def remaining() -> dict[str, int]:
        return {name: pid for name, (pid, started) in recorded.items() if process_started(pid) == started}

    found = remaining()
    for name, pid in found.items():
        # Fast shutdown for Postgres, an ordinary end for the rest.
        signal_group(pid, signal.SIGINT if name.endswith("database") else signal.SIGTERM, whole=False)
    for _ in range(round(seconds / STARTING_POLL_SECONDS)):
        if not remaining():
            break
        await asyncio.sleep(STARTING_POLL_SECONDS)
    for pid in remaining().values():
        signal_group(pid, signal.SIGKILL, whole=True)
    return list(found)
