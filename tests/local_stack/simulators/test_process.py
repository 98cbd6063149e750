"""The simulators as the supervisor starts and stops them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from .conftest import write_recording


@contextmanager
def started(*arguments: str, home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_stack.simulators", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "ZMARTY_HOME": str(home)},
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        yield process, first.split(" at ")[1].split(",")[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def healthy(url: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        with suppress(httpx.ConnectError):
            return httpx.get(f"{url}/_health")
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_replays_a_file_and_says_so(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "bars.parquet", symbol="ETHUSDT", timeframe="4h")

    with started("--market-data", str(path), home=tmp_path) as (_, url):
        assert healthy(url).status_code == 200
        market = httpx.get(f"{url}/_status").json()["market"]
        kline = httpx.get(
            f"{url}/exchange/api/v3/klines", params={"symbol": "ETHUSDT", "interval": "4h", "limit": 2}
        )

    assert {name: market[name] for name in ("source", "symbol", "timeframe")} == {
        "source": "replay",
        "symbol": "ETH/USDT",
        "timeframe": "4h",
    }
    assert kline.headers["x-market-source"] == "replay"


def test_sigterm_ends_it_at_once_even_with_requests_held(tmp_path: Path) -> None:
    with started(home=tmp_path) as (process, url):
        healthy(url)
        httpx.post(f"{url}/_control", json={"hold": True})
        ended = threading.Event()

        def ask() -> None:
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/exchange/api/v3/ping", timeout=60)
            ended.set()

        asking = threading.Thread(target=ask)
        asking.start()
        deadline = time.monotonic() + 60
        while httpx.get(f"{url}/_control").json()["exchange"]["waiting_count"] != 1:
            assert time.monotonic() < deadline
        stopped = time.monotonic()

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=30) == 0
        assert time.monotonic() - stopped < 15
        assert ended.wait(30)
        asking.join()


def test_an_unusable_file_stops_the_start_with_the_reason(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "local_stack.simulators",
            "--port",
            "0",
            "--market-data",
            str(tmp_path / "none.csv"),
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )

    assert ended.returncode == 2
    assert "none.csv cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
