"""Other Python queues on Postgres, at their best settings, with the same one-row effect. Only `make bench` installs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from benchmarks import effects
from benchmarks.databases import Database, ScratchCluster

NAMES = ("pgqueuer", "procrastinate")
DRAIN_SECONDS_MAX = 120.0


class Peer(Protocol):
    """One other queue, with a database of its own on the cluster that we are measured on."""

    async def fill(self, jobs: int) -> None:
        """Leave this many jobs in the queue and nothing else."""

    async def drain(self, jobs: int) -> float:
        """Jobs per second until the last handler ended. Raises Incorrect when one was lost or doubled."""

    def listening(self, started: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """A worker that runs and calls `started` at the first line of each job."""

    async def send(self) -> None:
        """Enqueue one job."""


def missing() -> list[str]:
    return [name for name in NAMES if find_spec(name) is None]


@asynccontextmanager
async def opened(name: str, cluster: ScratchCluster) -> AsyncIterator[Peer]:
    database: Database = await cluster.database()
    await effects.prepare(database)
    async with database.admin() as admin:
        # Peers own what they install; with this role they may do as they like in their own database.
        await admin.execute(
            "grant all on schema public, bench to postgres; grant all on bench.effects to postgres"
        )
    async with import_module(f"benchmarks.peers.{name}_peer").opened(database) as peer:
        yield peer
