"""What the figures were measured on, in one line that travels with every row."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from local_stack.clusters import server_binaries

GIBIBYTE = 1 << 30
PACKAGES = (
    "asyncpg",
    "uvloop",
    "pgqueuer",
    "procrastinate",
    "deno",
    "polars",
    "numpy",
    "ta-lib",
    "backtesting",
    "openai",
    "httpx2",
)


@cache
def describe_machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    packages = ", ".join(f"{name} {found}" for name in PACKAGES if (found := installed(name)))
    return (
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB; {postgres()}, fsync on;"
        f" Python {platform.python_version()}; {packages}"
    )


def processor() -> str:
    names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def postgres() -> str:
    shown = subprocess.run(
        [server_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    return "Postgres " + shown.split()[2]


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
