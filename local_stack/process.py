"""How processes are started here: as whom, and so that none outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
TCP_LISTEN = "0A"
_libc = ctypes.CDLL(None, use_errno=True)


def server_account() -> dict[str, Any]:
    """Arguments of subprocess that start Postgres as its own account when we are root, which it refuses to run as."""
    if os.getuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}


def dying_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A preexec function: the kernel sends the child this signal when the thread that started it is gone."""
    parent = os.getpid()

    def ask_kernel() -> None:
        # Runs in the child after the change of account, which would clear the request.
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os.kill(os.getpid(), death_signal)

    return ask_kernel


def start_tied(
    command: Sequence[str | Path], *, log: Path, death_signal: signal.Signals, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, writing to a log, that dies with us."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dying_with_parent(death_signal),
            **options,
        )


def stop_process(
    process: subprocess.Popen[bytes],
    *,
    first: signal.Signals = signal.SIGTERM,
    last: signal.Signals = signal.SIGKILL,
    patience_seconds: float = 15,
) -> int:
    """Ask a process to stop, then make it; answer its exit code."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        return process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(last)
        return process.wait(patience_seconds)


def is_listening(pid: int, port: int) -> bool:
    """Whether it is this process that listens on this TCP port, and not a stranger who was faster."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == TCP_LISTEN and int(local.partition(":")[2], 16) == port:
            sockets.add(f"socket:[{rest[5]}]")
    try:
        return any(os.readlink(file) in sockets for file in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def process_started(pid: int) -> float | None:
    """Seconds since boot at which a living process began; None when there is none of this number.

    With the pid it names a process for good: the number alone may be somebody else's by now.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    is_zombie = fields[0] == "Z"
    return None if is_zombie else int(fields[19]) / os.sysconf("SC_CLK_TCK")
