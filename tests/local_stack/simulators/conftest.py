"""The simulators as their clients meet them: a real server on a free port, with a clock the test sets."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
import uvicorn

from local_stack.simulators.app import create_app
from local_stack.simulators.bars import ORIGIN, STEPS
from local_stack.simulators.connection import BreakableProtocol
from local_stack.simulators.market import Market

# 2026-11-21 03:14:42 UTC: in the middle of a bar of every timeframe.
NOW = 1_795_230_882.0
START_SECONDS_MAX = 60.0


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Simulators:
    url: str
    clock: Clock
    client: httpx.Client = field(repr=False)

    def control(self, vendor: str, **changes: object) -> None:
        self.client.post(f"/{vendor}/_control", json=changes).raise_for_status()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def market(clock: Clock) -> Market:
    return Market(seed=7, clock=clock)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulators]:
    clock = Clock()
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(Market(seed=7, clock=clock))
    config = uvicorn.Config(app, http=BreakableProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS_MAX
    while not server.started:
        assert time.monotonic() < deadline, "the simulators did not start"
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=url, timeout=40) as client:
        yield Simulators(url, clock, client)
    server.should_exit = server.force_exit = True
    thread.join(timeout=START_SECONDS_MAX)
    assert not thread.is_alive()


@pytest.fixture
def simulators(running: Simulators) -> Iterator[Simulators]:
    """The running simulators with every fault reset and nothing recorded."""
    running.client.delete("/_control").raise_for_status()
    running.client.delete("/_requests").raise_for_status()
    running.client.post("/_control", json={"piece_ms": 0}).raise_for_status()
    running.clock.now = NOW
    yield running
    running.client.delete("/_control").raise_for_status()


def write_recording(
    path: Path, *, timeframe: str = "1h", rows: int = 50, symbol: str = "BTCUSDT", opened_at: int = ORIGIN
) -> Path:
    """A file of candles of our own making, in the form of recorded ones."""
    random = np.random.default_rng(1)
    closes = np.round(30_000 * np.exp(np.cumsum(random.normal(0, 0.01, rows))), 2)
    opens = np.concatenate([[30_000.0], closes[:-1]])
    frame = pl.DataFrame(
        {
            "symbol": [symbol] * rows,
            "timeframe": [timeframe] * rows,
            "ts": opened_at + STEPS[timeframe] * np.arange(rows),
            "open": opens,
            "high": np.round(np.maximum(opens, closes) * 1.003, 2),
            "low": np.round(np.minimum(opens, closes) * 0.996, 2),
            "close": closes,
            "volume": np.round(random.uniform(10, 90, rows), 5),
        }
    ).with_columns(pl.from_epoch("ts", time_unit="s").dt.replace_time_zone("UTC"))
    if path.suffix == ".csv":
        frame.with_columns(pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%S%.6f+0000")).write_csv(path)
    else:
        frame.write_parquet(path)
    return path
