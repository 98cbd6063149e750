"""`zmarty …` as a person types it: a process of its own each time, forked from one that has imported everything already.

Importing the command line takes a second of a core, and the tests type some eighty commands.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

from console.migrations import REPOSITORY

COMMAND_SECONDS = 120.0
START_SECONDS = 60.0
# How a terminal of theirs would print: without colours, and wide enough for a table.
SCREEN = {"NO_COLOR": "1", "COLUMNS": "200"}
REQUEST_BYTES_MAX = 1 << 20


@dataclass
class Command:
    """A command that runs, or has ended."""

    arguments: Sequence[str]
    pid: int
    _line: socket.socket
    _out: IO[bytes]
    _err: IO[bytes]

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self, seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Wait until it has ended. Kills what takes longer, and raises TimeoutExpired with what it has said so far."""
        with self._line, self._out, self._err:
            self._line.settimeout(seconds)
            try:
                code = int(self._line.recv(16).decode())
            except TimeoutError:
                self.send_signal(signal.SIGKILL)
                raise subprocess.TimeoutExpired(
                    list(self.arguments), seconds, _said(self._out), _said(self._err)
                ) from None
            return subprocess.CompletedProcess(
                list(self.arguments), code, _said(self._out).decode(), _said(self._err).decode()
            )


def _said(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def begin(*arguments: str, **environment: str) -> Command:
    """Type `zmarty` and these arguments, in our environment and what is added to it."""
    out, err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 — `ended` closes them
    asked = json.dumps({"arguments": arguments, "environment": {**os.environ, **SCREEN, **environment}})
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(START_SECONDS)
    line.connect(_template())
    socket.send_fds(line, [asked.encode()], [out.fileno(), err.fileno()])
    return Command(arguments, int(line.recv(16).decode()), line, out, err)


def zmarty(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type it and wait for its end."""
    return begin(*arguments, **environment).ended()


@cache
def _template() -> str:
    """The address of the process to fork from, started when first asked for; it ends when we do."""
    folder = tempfile.TemporaryDirectory(prefix="zmarty-test-commands-")
    _KEPT.append(folder)
    address = str(Path(folder.name) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command_line", address],
        env={**os.environ, **SCREEN},
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _KEPT.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", f"it ended with {process.wait()}"
    return address


# The socket's folder goes when we end, and so does the pipe that the other process watches.
_KEPT: list[object] = []


def serve(address: str, main: Callable[[], None]) -> None:
    """Fork for every connection, until nobody is left who could connect."""
    # Nobody waits for the forks that answer: the kernel is to forget them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        while True:
            heard, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in heard:
                return
            line, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(line, main)
            line.close()


def _answer(line: socket.socket, main: Callable[[], None]) -> NoReturn:
    """Fork once more for the command itself, and say how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, _, _ = socket.recv_fds(line, REQUEST_BYTES_MAX, 2)
    pid = os.fork()
    if pid == 0:
        line.close()
        asked = json.loads(request)
        _run(asked["arguments"], asked["environment"], streams, main)
    # Whoever asked may have lost patience meanwhile.
    with suppress(OSError):
        line.send(str(pid).encode())
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    os._exit(0)


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], streams: list[int], main: Callable[[], None]
) -> NoReturn:
    # Even where all of us run behind a script's `&`, which makes a shell's jobs ignore interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["zmarty", *arguments]
    for number, stream in enumerate([os.open(os.devnull, os.O_RDONLY), *streams]):
        os.dup2(stream, number)
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 — as the interpreter does with what nobody catches
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    from console.__main__ import main

    serve(sys.argv[1], main)
