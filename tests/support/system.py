"""The whole system as `zmarty up` runs it, in a home of its own, for tests that need real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local_stack.control import ask
from local_stack.home import Home
from local_stack.process import stop_process
from local_stack.tokens import token_for
from tests.support import command_line

Found = TypeVar("Found")

UP_SECONDS = 240.0
STOP_SECONDS = 90.0
REPOSITORY = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class RunningSystem:
    home: Home
    process: subprocess.Popen[bytes]
    output: Path

    def zmarty(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line in this system's home, as from another terminal."""
        return run_zmarty(self.home, *arguments, check=check)

    def status(self) -> dict[str, Any]:
        """What `zmarty status --json` prints, without starting a process for it."""
        return _apart(ask(self.home, {"verb": "status"}))

    def token(self, email: str, *, is_operator: bool = False) -> str:
        """What `zmarty token` prints, without starting a process for it."""
        return _apart(token_for(self.home, self.status(), email, is_operator=is_operator))


def _apart(awaited: Coroutine[Any, Any, Found]) -> Found:
    # Tests that run in a loop of their own call this, too.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, awaited).result()


def run_zmarty(home: Home, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = command_line.zmarty(*arguments, ZMARTY_HOME=str(home.path))
    assert not check or done.returncode == 0, f"zmarty {' '.join(arguments)}: {done.stderr}"
    return done


@contextmanager
def running_system(*arguments: str) -> Iterator[RunningSystem]:
    """Start `zmarty up` with these arguments in a fresh home; stop it and remove the home at the end."""
    home = Home(Path(tempfile.mkdtemp(prefix="zmarty-test-home-")))
    try:
        with started_system(home, *arguments) as system:
            yield system
    finally:
        home.remove()


@contextmanager
def started_system(home: Home, *arguments: str) -> Iterator[RunningSystem]:
    """Start `zmarty up` in this home and stop it at the end."""
    output = home.path / "up.log"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "console", "up", *arguments],
            env=environment(home),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: is_up(process, output), seconds=UP_SECONDS, what="the system to come up")
        yield RunningSystem(home, process, output)
    finally:
        stop_process(process, patience_seconds=STOP_SECONDS)


def is_up(process: subprocess.Popen[bytes], output: Path) -> bool:
    text = output.read_text(errors="replace")
    if process.poll() is not None:
        raise AssertionError(f"`zmarty up` ended with {process.returncode}:\n{text}")
    return "Zmarty runs" in text


def environment(home: Home) -> dict[str, str]:
    return {**os.environ, **command_line.SCREEN, "ZMARTY_HOME": str(home.path)}


def wait_for(look: Callable[[], Found], *, seconds: float, what: str) -> Found:
    """Look again and again until there is something; fail with what was awaited."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)
    return found
