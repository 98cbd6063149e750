"""Fixtures every test may take: databases of its own, and a network that ends at this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import certifi
import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.support.databases import (
    BARE,
    ON_PGMQ,
    PGMQ_NEWEST,
    Database,
    TemplateCluster,
    running_cluster,
)
from tests.support.system import RunningSystem, running_system
from zmarty.postgres import Pool, open_pool

Dsn: TypeAlias = Callable[..., str]


# These start the whole system: they share one, and two at once would wait for each other on a small machine.
SHARING = ("tests/browser/", "tests/journeys/")
WHOLE_SYSTEM = (*SHARING, "tests/chaos/test_storm.py", "tests/local_stack/test_system.py")


# Seconds on a quiet machine, of what takes much longer than its number of tests tells.
HEAVY = {
    "the whole system": 400.0,
    "tests/benchmarks/test_harness.py": 80.0,
    "tests/orchestrator_worker/intelligence/patterns/test_planted.py": 50.0,
    "tests/orchestrator_api/events/test_events.py": 50.0,
    "tests/orchestrator_worker/test_consumer.py": 50.0,
    "tests/orchestrator_worker/relay/test_function.py": 30.0,
    "tests/local_stack/auth_server/test_accounts.py": 30.0,
    "tests/orchestrator_api/chat/test_ai_sdk.py": 30.0,
    "tests/orchestrator_api/simulation/test_simulation.py": 30.0,
    "tests/orchestrator_api/test_process.py": 30.0,
    "tests/orchestrator_worker/relay/test_backlog.py": 20.0,
    "tests/console/test_migrations.py": 20.0,
    "tests/ops/test_build.py": 20.0,
}
TEST_SECONDS = 0.15


class ByModule(LoadScopeScheduling):
    """Sends the tests of one module to one process, and all that start the whole system to the same.

    The longest go first, so that none is left for one process to run alone at the end.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "the whole system" if nodeid.startswith(WHOLE_SYSTEM) else str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = max(
            self.workqueue, key=lambda scope: HEAVY.get(scope, TEST_SECONDS * len(self.workqueue[scope]))
        )
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    return ByModule(config, log)


@dataclass
class Shared:
    """The one system that browsers and journeys look at: up when the first of them asks, ended after the last one in a row."""

    running: ExitStack = field(default_factory=ExitStack)
    system: RunningSystem | None = None

    def up(self) -> RunningSystem:
        if self.system is None:
            self.system = self.running.enter_context(running_system())
        return self.system

    def end(self) -> None:
        self.running.close()
        self.system = None


SHARED = Shared()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    # Not at the end of the session: until then it would take its share of the machine from all other tests.
    if nextitem is None or not nextitem.nodeid.startswith(SHARING):
        SHARED.end()


def pytest_sessionfinish() -> None:
    # Whoever interrupts a test leaves before its last words.
    SHARED.end()


@pytest.fixture
def system() -> RunningSystem:
    return SHARED.up()


@pytest.fixture(scope="session")
def chat_cluster() -> Iterator[TemplateCluster]:
    with running_cluster("chat") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def trading_cluster() -> Iterator[TemplateCluster]:
    with running_cluster("trading") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def bare_cluster() -> Iterator[TemplateCluster]:
    with running_cluster(BARE) as cluster:
        yield cluster


@pytest.fixture
def chat_database(chat_cluster: TemplateCluster) -> Iterator[Database]:
    with chat_cluster.clone() as database:
        yield database


@pytest.fixture(scope="session")
def older_clusters() -> Iterator[Callable[[str], TemplateCluster]]:
    """Trading clusters on older versions of pgmq, started when a test first asks."""
    with ExitStack() as running:
        yield cache(lambda version: running.enter_context(running_cluster(f"trading{ON_PGMQ}{version}")))


@pytest.fixture
def pgmq(request: pytest.FixtureRequest) -> str:
    """The version of pgmq in this test's trading database; see `on_every_pgmq`."""
    return str(getattr(request, "param", PGMQ_NEWEST))


@pytest.fixture
def trading_database(pgmq: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    if pgmq == PGMQ_NEWEST:
        cluster: TemplateCluster = request.getfixturevalue("trading_cluster")
    else:
        cluster = request.getfixturevalue("older_clusters")(pgmq)
    with cluster.clone() as database:
        yield database


@pytest.fixture
def bare_database(bare_cluster: TemplateCluster) -> Iterator[Database]:
    """A new Supabase project without our migrations."""
    with bare_cluster.clone() as database:
        yield database


@pytest.fixture
def chat_dsn(chat_database: Database) -> Dsn:
    """`chat_dsn()` or `chat_dsn("zmarty_api")`: this test's clone, logged in as that role."""
    return chat_database.dsn


@pytest.fixture
def trading_dsn(trading_database: Database) -> Dsn:
    return trading_database.dsn


@pytest.fixture
async def chat(chat_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(chat_database, "postgres") as pool:
        yield pool


@pytest.fixture
async def chat_api(chat_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(chat_database, "zmarty_api") as pool:
        yield pool


@pytest.fixture
async def chat_worker(chat_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(chat_database, "zmarty_worker") as pool:
        yield pool


@pytest.fixture
async def trading(trading_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(trading_database, "postgres") as pool:
        yield pool


@pytest.fixture
async def trading_api(trading_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(trading_database, "zmarty_api") as pool:
        yield pool


@pytest.fixture
async def trading_worker(trading_database: Database) -> AsyncIterator[Pool]:
    async with logged_in(trading_database, "zmarty_worker") as pool:
        yield pool


@asynccontextmanager
async def logged_in(database: Database, role: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database.dsn(role), application_name=f"test-{role}", size_min=0, size_max=10)
    try:
        yield pool
    finally:
        # Not close(): it would wait for a connection that a failed test never gave back.
        pool.terminate()


@pytest.fixture(autouse=True, scope="session")
def programs_of_the_set_up() -> Iterator[None]:
    """Let `.venv/bin/pytest` find the programs that `make test` finds."""
    with pytest.MonkeyPatch.context() as patch:
        # Where the machine has no Node, or one too old, the set-up puts it beside our Python and nowhere else.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Let no test reach beyond this machine, whatever keys its environment holds."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_outside(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_outside(self, address)
        return connect_ex(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def no_authorities() -> Iterator[None]:
    """Let no client read the certificates of the world's authorities, which is most of what making one costs.

    Nobody whom they certify can be reached from here.
    """
    load = ssl.SSLContext.load_verify_locations
    public = {certifi.where(), ssl.get_default_verify_paths().openssl_cafile}

    def load_own(self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if cafile not in public:
            load(self, cafile, capath, cadata)

    patch = pytest.MonkeyPatch()
    patch.setattr(ssl.SSLContext, "load_verify_locations", load_own)
    yield
    patch.undo()


def refuse_outside(endpoint: socket.socket, address: Any) -> None:
    if endpoint.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0])
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise RuntimeError(f"a test tried to reach {host}; only this machine is allowed")
