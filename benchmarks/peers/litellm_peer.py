"""LiteLLM's proxy in a virtual environment of its own, because its pins are not ours: without auth, ledger or database.

`python -m benchmarks.peers.litellm_peer` makes the environment; `make bench` does that first.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.processes import environment, until_up
from local_stack.clusters import free_port
from local_stack.home import Home
from local_stack.process import start_tied, stop_process

VERSION = "1.98.1"
INSTALL_SECONDS = 900
MODEL = "grok-4.7"


def place() -> Path:
    return Home.from_environment().path.resolve() / "bench" / "litellm"


def is_installed() -> bool:
    return (place() / "bin" / "litellm").exists()


def install() -> None:
    """Make the environment, unless it is there."""
    if is_installed():
        return
    subprocess.run((sys.executable, "-m", "venv", place()), check=True, timeout=INSTALL_SECONDS)
    subprocess.run(
        (place() / "bin" / "pip", "install", "--quiet", f"litellm[proxy]=={VERSION}"),
        check=True,
        timeout=INSTALL_SECONDS,
    )


@asynccontextmanager
async def proxy(upstream: str, folder: Path) -> AsyncIterator[str]:
    """The proxy with one worker before this upstream; yields its address."""
    port = free_port()
    parameters = {"model": f"openai/{MODEL}", "api_base": f"{upstream}/v1", "api_key": "key"}
    config = folder / "litellm.yaml"
    # JSON is YAML too.
    config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": parameters}]}))
    log = folder / "litellm.log"
    process = start_tied(
        (
            os.fspath(place() / "bin" / "litellm"),
            "--config",
            config,
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
        ),
        log=log,
        death_signal=signal.SIGKILL,
        cwd=folder,
        # Its price map is fetched from the network otherwise.
        env=environment({"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await until_up(f"{url}/health/liveliness", process, log)
        yield url
    finally:
        await asyncio.to_thread(stop_process, process)


if __name__ == "__main__":
    install()
