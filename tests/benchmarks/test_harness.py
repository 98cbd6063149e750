"""The harness itself: a tiny run of every benchmark reports its rows, and a run that lost or doubled work counts for nothing."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks import consuming, effects, pgbench, queue
from benchmarks.__main__ import parsed
from benchmarks.catalog import BENCHMARKS
from benchmarks.databases import (
    _MIGRATED,
    SETTINGS,
    TEMPLATE,
    Database,
    copy_data,
    made_for_server,
    running,
)
from benchmarks.effort import Contestant, Effort
from benchmarks.figures import RUNS_MIN, Incorrect
from benchmarks.waiting import until
from local_stack.clusters import Cluster, free_port
from tests.support import databases
from zmarty.postgres import Pool

TINY = Effort(runs=1, share=0.01)
SCRATCH_SECONDS = 400
QUEUE = queue.QUEUE


@pytest.fixture
async def database(trading_database: databases.Database) -> Database:
    database = Database(trading_database.cluster, trading_database.name)
    await effects.prepare(database)
    return database


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with database.pool() as pool:
        yield pool


@pytest.fixture(scope="module")
def trading_from_template() -> Iterator[None]:
    """Let the benchmarks' trading clusters come from the tests' template; chat is made as benchmarks make their own."""
    kind = "trading"
    template = databases.kept_template(kind)
    passwords = json.loads((template / "passwords.json").read_text())
    with tempfile.TemporaryDirectory(prefix="zmarty-bench-trading-") as name:
        folder = Path(name)
        place = made_for_server(folder)
        cluster = Cluster(kind, place / "data", place, free_port(), passwords, SETTINGS)
        copy_data(template / "pg" / "data", cluster.data)

        async def extend() -> None:
            async with running(cluster, folder / "log"), Database(cluster, TEMPLATE).admin() as admin:
                await admin.execute("create extension pg_stat_statements schema public")

        asyncio.run(extend())
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(_MIGRATED, kind, cluster)
            yield


@pytest.mark.usefixtures("trading_from_template")
@pytest.mark.timeout(SCRATCH_SECONDS)
@pytest.mark.parametrize("name", BENCHMARKS)
async def test_a_tiny_run_reports_its_figures(name: str) -> None:
    figures = await BENCHMARKS[name](TINY)

    assert figures
    assert len({figure.name for figure in figures}) == len(figures)
    assert all(figure.runs >= TINY.runs and "fsync on" in figure.machine for figure in figures)
    assert any(figure.target for figure in figures)
    assert all((figure.target is None) == (figure.holds is None) for figure in figures)


async def test_the_real_consumer_drains_what_was_filled(database: Database, pool: Pool) -> None:
    await effects.start_afresh(database, QUEUE, 30)

    rate = await consuming.drain_single(pool, QUEUE, 30, concurrency=10)

    assert rate > 0
    await effects.check_drained(pool, QUEUE, 30)


async def test_the_real_consumer_drains_in_batches(database: Database, pool: Pool) -> None:
    await effects.start_afresh(database, QUEUE, 30)

    rate = await consuming.drain_batches(pool, QUEUE, 30, batch=8)

    assert rate > 0
    await effects.check_drained(pool, QUEUE, 30)


async def test_pgbench_does_as_many_transactions_as_asked(database: Database, pool: Pool) -> None:
    await effects.start_afresh(database, QUEUE, 300)

    rate = await pgbench.transactions_per_second(database, queue.RAW_BATCH, transactions=3)

    assert rate > 0
    await effects.check_archived(pool, QUEUE, 300)


async def test_pgbench_says_why_it_failed(database: Database) -> None:
    with pytest.raises(pgbench.PgbenchFailed, match="no_such_function"):
        await pgbench.transactions_per_second(database, "select no_such_function()", transactions=1)


@pytest.mark.parametrize(
    "fault",
    [
        "insert into bench.effects values (1)",
        "delete from bench.effects where job = 1",
        f"delete from pgmq.a_{QUEUE} where msg_id = 1",
        f"select pgmq.send('{QUEUE}', '{{}}')",
    ],
    ids=["doubled", "without an effect", "lost", "left over"],
)
async def test_a_run_that_lost_or_doubled_work_is_refused(database: Database, pool: Pool, fault: str) -> None:
    async with database.admin() as admin:
        await effects.fill(admin, QUEUE, 3)
        await admin.execute("insert into bench.effects values (1), (2), (3)")
        await admin.execute(f"select pgmq.archive('{QUEUE}', array[1, 2, 3]::bigint[])")
        await effects.check_drained(admin, QUEUE, 3)

        await admin.execute(fault)

    with pytest.raises(Incorrect):
        await effects.check_drained(pool, QUEUE, 3)


async def test_contestants_take_turns() -> None:
    turns: list[str] = []

    def contestant(name: str) -> Contestant:
        async def run() -> float:
            turns.append(name)
            return len(turns)

        return run

    rates = await Effort(runs=2).rounds({name: contestant(name) for name in ("ours", "theirs")})

    assert turns == ["ours", "theirs", "ours", "theirs"]
    assert rates == {"ours": [1, 3], "theirs": [2, 4]}


async def test_waiting_has_an_end() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(TimeoutError):
        await until(never, seconds=0.02, every=0.005)


def test_all_benchmarks_run_unless_some_are_named() -> None:
    assert parsed([]).only == list(BENCHMARKS)
    assert parsed(["--only", "mirror, queue"]).only == ["mirror", "queue"]
    assert parsed([]).runs == RUNS_MIN


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(["--only", "queue,nonsense"])

    assert "no benchmark is called nonsense; there are queue" in capsys.readouterr().err
