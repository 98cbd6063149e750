"""Planted differences of every kind are found, repaired through the real relay and functions, and then gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from orchestrator_worker.ending import Discard
from orchestrator_worker.reconcile import handler, store
from orchestrator_worker.reconcile.difference import Findings
from orchestrator_worker.reconcile.reconcile import Run, RunStopped
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendors import Vendors
from tests.orchestrator_worker.jobs import delivered
from tests.orchestrator_worker.relay.conftest import Relaying, relaying
from tests.orchestrator_worker.relay.functions import REPOSITORY, EdgeFunction, sign_up, until
from zmarty import jobs
from zmarty.messages import Reconcile
from zmarty.postgres import Pool

__all__ = ["relaying"]


@dataclass
class Mirror:
    """Both databases as the owner sees them and as the worker does."""

    chat: Pool
    trading: Pool
    chat_worker: Pool
    trading_worker: Pool

    async def compare(self, *, repair: bool = False, user_id: UUID | None = None) -> Findings:
        async def report(_: int) -> bool:
            return True

        run = Run(chat=self.chat_worker, trading=self.trading_worker, repair=repair, report=report)
        return await run.compare(user_id)

    async def copy(self) -> None:
        """Put into the trading database what a perfect mirror would have put there."""
        await self.chat.execute("select private.mirror_references()")
        watched = await self.chat.fetch(
            "select user_id, symbol, timeframe, strategy, active from user_symbols"
        )
        await self.trading.executemany(
            "insert into watchers (user_id, symbol, timeframe, strategy, active, version) values ($1, $2, $3, $4, $5, 1)",
            [tuple(row) for row in watched],
        )
        users = await self.chat.fetch("select * from private.users_after($1, 10000)", UUID(int=0))
        await self.trading.executemany(
            "insert into user_references (user_id, email, tier, credits_balance, is_active, version) values ($1, $2, $3, $4, $5, 1)",
            [tuple(row) for row in users],
        )
        await self.chat.execute(
            "update outbox set delivered_at = now(), created_at = now() - interval '2 minutes'"
        )

    async def state(self) -> tuple[Any, ...]:
        """Everything a run could have changed."""
        return (
            await self.chat.fetchval("select count(*) from outbox"),
            await self.chat.fetchval("select count(*) from private.reference_marks"),
            await self.trading.fetch("select * from watchers order by 1, 2, 3"),
            await self.trading.fetch("select * from user_references order by 1"),
        )


@pytest.fixture
async def mirror(chat: Pool, trading: Pool, chat_worker: Pool, trading_worker: Pool) -> Mirror:
    """Twelve users who watch three pairs each, mirrored."""
    made = Mirror(chat, trading, chat_worker, trading_worker)
    for _ in range(12):
        user_id = uuid4()
        await sign_up(chat, user_id)
        for symbol in ("BTC", "ETH", "SOL"):
            await chat.execute(
                "insert into user_symbols (user_id, symbol, timeframe) values ($1, $2, '1h')", user_id, symbol
            )
    await chat.execute("update user_symbols set active = false where symbol = 'SOL/USDT'")
    await made.copy()
    return made


async def test_when_all_is_well_nothing_is_written(mirror: Mirror) -> None:
    before = await mirror.state()

    findings = await mirror.compare(repair=True)

    assert (findings.differences, findings.repaired, findings.counts) == (0, 0, {})
    assert findings.compared == {"watchers": 36, "user_references": 12}
    assert await mirror.state() == before


async def test_rows_beyond_a_page_are_compared(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE_ROWS", 5)
    await mirror.trading.execute("delete from watchers where symbol = 'BTC/USDT'")
    await mirror.trading.execute("delete from user_references")

    findings = await mirror.compare()

    assert findings.compared == {"watchers": 36, "user_references": 12}
    assert findings.counts == {"watchers": {"missing": 12}, "user_references": {"missing": 12}}


@pytest.fixture
async def edge(trading_dsn: Callable[..., str], tmp_path: Path) -> AsyncIterator[EdgeFunction]:
    """Both functions as the local system runs them."""
    started = EdgeFunction(trading_dsn("postgres"), tmp_path, entry=str(REPOSITORY / "local_stack/edge.ts"))
    await started.start()
    try:
        yield started
    finally:
        started.stop()


async def plant(mirror: Mirror) -> None:
    """One difference of every kind in each table, each at a user of its own."""
    users = [row["id"] for row in await mirror.chat.fetch("select id from auth.users order by id")]
    watchers = {
        "delete from watchers where user_id = $1 and symbol = 'BTC/USDT'": users[0],
        "update watchers set active = false where user_id = $1 and symbol = 'BTC/USDT'": users[1],
        "update watchers set active = true where user_id = $1 and symbol = 'SOL/USDT'": users[2],
        "update watchers set strategy = '{\"name\": \"other\"}' where user_id = $1 and symbol = 'ETH/USDT'": users[
            3
        ],
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'XRP/USDT', '1h', true, 2)": users[
            4
        ],
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'XRP/USDT', '1d', true, 2)": uuid4(),
        # As after a restore of the chat database: versions it has not given out yet.
        "update watchers set active = false, version = 5000000 where user_id = $1 and symbol = 'BTC/USDT'": users[
            5
        ],
        "delete from user_references where user_id = $1": users[6],
        "update user_references set credits_balance = 7 where user_id = $1": users[7],
        "update user_references set email = 'eve@example.com' where user_id = $1": users[8],
        "update user_references set tier = 'pro' where user_id = $1": users[9],
        "update user_references set is_active = false, version = 6000000 where user_id = $1": users[10],
        "insert into user_references values ($1, 'gone@example.com', 'free', 5, true, 3)": uuid4(),
    }
    for statement, user_id in watchers.items():
        await mirror.trading.execute(statement, user_id)


async def test_every_kind_of_difference_is_found_and_repaired(
    mirror: Mirror, edge: EdgeFunction, relaying: Relaying
) -> None:
    await plant(mirror)
    before = await mirror.state()

    found = await mirror.compare()
    assert found.counts == {
        "watchers": {"missing": 1, "different": 4, "extra": 2},
        "user_references": {"missing": 1, "different": 4, "extra": 1},
    }
    assert await mirror.state() == before, "without --repair it only looks"

    repaired = await mirror.compare(repair=True)
    assert (repaired.differences, repaired.repaired) == (13, 13)
    _, _, *in_trading = await mirror.state()
    assert in_trading == list(before[2:]), "the trading database is not for reconcile to write"

    again = await mirror.compare(repair=True)
    assert again.counts == {"watchers": {"pending": 7}, "user_references": {"pending": 6}}
    assert again.repaired == 0

    await mirror.chat.execute("select private.mirror_references()")
    async with relaying(edge.url):
        await until(lambda: all_delivered(mirror.chat))

    well = await mirror.compare(repair=True)
    assert (well.counts, well.repaired) == ({}, 0)
    assert await mirror.chat.fetchval("select max(id) > 6000000 from outbox")
    assert await mirror.chat.fetchval("select count(*) from outbox where parked_at is not null") == 0


async def all_delivered(chat: Pool) -> bool:
    return not await chat.fetchval("select exists (select from outbox where delivered_at is null)")


async def test_what_is_on_its_way_is_left_alone(mirror: Mirror) -> None:
    user_id = await mirror.chat.fetchval("select user_id from user_symbols limit 1")
    await mirror.chat.execute("update user_symbols set active = false where user_id = $1 and active", user_id)
    await mirror.chat.execute("select private.grant_credits($1, 5, 'key', 'test')", user_id)
    before = await mirror.state()

    findings = await mirror.compare(repair=True)

    assert findings.counts == {"watchers": {"pending": 2}, "user_references": {"pending": 1}}
    assert (findings.differences, findings.repaired) == (0, 0)
    assert await mirror.state() == before


async def test_a_change_made_meanwhile_is_no_difference(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror is read after its origin: what arrives in between looks wrong at first, and is not."""
    user_id = await mirror.chat.fetchval("select user_id from user_symbols limit 1")
    read: Callable[..., Awaitable[Any]] = store.standing
    looks = 0

    async def changing(chat: Pool, looked_at: UUID) -> Any:
        nonlocal looks
        looks += 1
        standing = await read(chat, looked_at)
        if looks == 1:
            await mirror.chat.execute("delete from user_symbols where user_id = $1", user_id)
            await mirror.chat.execute("update outbox set delivered_at = now()")
        return standing

    monkeypatch.setattr(store, "standing", changing)
    findings = await mirror.compare(repair=True, user_id=user_id)

    assert findings.counts["watchers"] == {"pending": 2}
    assert findings.repaired == 0


async def test_parked_changes_are_told_of_and_not_repeated(mirror: Mirror) -> None:
    user_id = await mirror.chat.fetchval("select user_id from user_symbols order by 1 limit 1")
    await mirror.chat.execute(
        "update user_symbols set active = true where user_id = $1 and not active", user_id
    )
    await mirror.chat.execute("update outbox set parked_at = now() where delivered_at is null")
    await mirror.trading.execute("delete from watchers where user_id = $1 and symbol = 'BTC/USDT'", user_id)

    first = await mirror.compare(repair=True)

    assert first.counts == {"watchers": {"parked": 1, "missing": 1}}, "the other pair is repaired"
    assert (first.repaired, first.parked_rows, first.differences) == (1, 1, 2)
    assert await mirror.chat.fetchval("select private.retry_parked()") == 1
    assert (await mirror.compare()).counts == {"watchers": {"pending": 2}}


async def test_a_repair_waits_for_a_change_under_way(mirror: Mirror) -> None:
    """Else it could send what was, with an id greater than that of what is."""
    user_id = await mirror.chat.fetchval("select user_id from user_symbols order by 1 limit 1")
    await mirror.trading.execute("delete from watchers where user_id = $1 and symbol = 'BTC/USDT'", user_id)
    repair = "select private.repair_watchers($1, array['BTC/USDT'], array['1h'], 0)"
    async with mirror.chat.acquire() as connection, mirror.chat_worker.acquire() as repairing:
        change = connection.transaction()
        await change.start()
        await connection.execute(
            "update user_symbols set active = false where user_id = $1 and symbol = 'BTC/USDT'", user_id
        )
        waiting = asyncio.create_task(repairing.fetchval(repair, user_id))
        await until(lambda: mirror.chat.fetchval("select count(*) > 0 from pg_locks where not granted"))
        await change.commit()
        assert await waiting == 1

    newest = await mirror.chat.fetchrow("select payload from outbox order by id desc limit 1")
    assert newest is not None
    assert newest["payload"]["record"]["active"] is False


def resources(mirror: Mirror) -> Resources:
    return Resources(chat=mirror.chat_worker, trading=mirror.trading_worker, vendors=cast(Vendors, None))


async def test_the_schedule_compares_everybody(mirror: Mirror) -> None:
    await plant(mirror)
    await mirror.trading.execute("select queueing.enqueue_reconcile()")
    assert await mirror.trading.fetchval("select queueing.enqueue_reconcile()") is None, "one waits already"
    delivery = await delivered(mirror.trading_worker, Reconcile())

    assert await handler.handle(delivery, resources(mirror)) is None

    [job] = await mirror.trading.fetch("select user_id, kind, state, result from jobs")
    assert (job["user_id"], job["kind"], job["state"]) == (None, "sync", "done")
    assert (job["result"]["differences"], job["result"]["repaired"]) == (13, 13)
    assert await mirror.trading.fetchval("select count(*) from pgmq.a_reconcile") == 1


async def job_of(mirror: Mirror, user_id: UUID) -> tuple[UUID, Any]:
    async with mirror.trading_worker.acquire() as connection, connection.transaction():
        job_id = await jobs.create(connection, kind="sync", user_id=user_id)
    return job_id, await delivered(mirror.trading_worker, Reconcile(user_id=user_id, job_id=job_id))


async def test_a_job_hears_how_its_user_stands(mirror: Mirror) -> None:
    user_id = await mirror.chat.fetchval("select user_id from user_symbols limit 1")
    await mirror.trading.execute("delete from watchers")
    job_id, delivery = await job_of(mirror, user_id)

    assert await handler.handle(delivery, resources(mirror)) is None

    job = await jobs.find(mirror.trading, job_id)
    assert job is not None
    assert job.result is not None
    assert (job.state, job.progress) == ("done", 1)
    assert job.result["counts"] == {"watchers": {"missing": 2}}
    assert job.result["repaired"] == 2
    others = "select count(*) from outbox where delivered_at is null and user_id <> $1"
    assert await mirror.chat.fetchval(others, user_id) == 0


async def test_a_cancelled_job_compares_nothing(mirror: Mirror) -> None:
    job_id, delivery = await job_of(mirror, uuid4())
    await jobs.cancel(mirror.trading, job_id)

    assert isinstance(await handler.handle(delivery, resources(mirror)), Discard)


async def test_a_job_that_failed_for_good_says_so(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise OSError("the chat database is away")

    monkeypatch.setattr(store, "standing", broken)
    job_id, delivery = await job_of(mirror, uuid4())
    object.__setattr__(delivery.lease, "read_count", handler.ATTEMPTS_MAX)

    with pytest.raises(ExceptionGroup):
        await handler.handle(delivery, resources(mirror))

    job = await jobs.find(mirror.trading, job_id)
    assert job is not None
    assert job.state == "failed"


async def test_whoever_is_told_may_end_the_run(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_worker.reconcile.reconcile.ROWS_BETWEEN_REPORTS", 10)
    told: list[int] = []

    async def report(rows: int) -> bool:
        told.append(rows)
        return len(told) < 3

    with pytest.raises(RunStopped):
        await Run(
            chat=mirror.chat_worker, trading=mirror.trading_worker, repair=True, report=report
        ).compare()

    assert told == [10, 20, 30]
