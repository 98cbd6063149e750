"""`zmarty backfill` as a person types it, on this test's database, with a worker or without one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from console.backfill import since_from
from tests.support import command_line
from tests.support.command_line import Command
from zmarty import jobs
from zmarty.errors import FieldInvalid
from zmarty.jobs import Job
from zmarty.postgres import Pool

JOB_SECONDS = 90

Zmarty: TypeAlias = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]
Start: TypeAlias = Callable[..., Awaitable[Command]]


@pytest.fixture
def start(trading_dsn: Callable[..., str]) -> Start:
    async def begin(*arguments: str) -> Command:
        return await asyncio.to_thread(
            command_line.begin, "backfill", *arguments, TRADING_OWNER_DATABASE_URL=trading_dsn()
        )

    return begin


@pytest.fixture
def zmarty(start: Start) -> Zmarty:
    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await ended(await start(*arguments))

    return run


async def ended(command: Command) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(command.ended)


async def newest_job(trading: Pool) -> Job:
    async with asyncio.timeout(JOB_SECONDS):
        while (
            job_id := await trading.fetchval("select id from jobs order by created_at desc limit 1")
        ) is None:
            await asyncio.sleep(0.05)
    job = await jobs.find(trading, job_id)
    assert job is not None
    return job


@pytest.mark.timeout(240)
async def test_a_backfill_is_followed_to_its_end(trading: Pool, start: Start) -> None:
    command = await start("btc", "--timeframe", "4h", "--since", "2024-01-01")
    job = await newest_job(trading)
    told = {
        "exchange": "okx",
        "bars_missing": 900,
        "bars_saved": 890,
        "bars_absent": 10,
        "bars_unreachable": 0,
    }
    await jobs.progress(
        trading, job.id, 0.5, detail={**told, "bars_saved": 400, "reached": "2025-03-01T00:00:00"}
    )
    await jobs.finish(trading, job.id, told)

    done = await ended(command)

    assert done.returncode == 0
    assert "✓ BTC/USDT 4h: 890 candles from okx" in done.stdout
    assert "10 more were never traded" in done.stdout
    [message] = await trading.fetch("select message from pgmq.q_backfill_candles")
    assert message["message"] == {
        "symbol": "BTC/USDT",
        "timeframe": "4h",
        "since": "2024-01-01T00:00:00Z",
        "job_id": str(job.id),
        "has_saved": False,
    }


@pytest.mark.timeout(240)
async def test_an_interrupt_leaves_the_work_and_says_how_to_go_on(trading: Pool, start: Start) -> None:
    command = await start("BTC/USDT", "--since", "2024-01-01")
    job = await newest_job(trading)

    command.send_signal(signal.SIGINT)
    left = await ended(command)

    assert left.returncode == 130
    assert "Follow it: zmarty backfill BTC/USDT --timeframe 1h" in left.stdout
    assert "Traceback" not in left.stderr
    assert (await newest_job(trading)).ended_at is None
    assert job.detail["since"] == "2024-01-01T00:00:00+00:00"


@pytest.mark.timeout(240)
async def test_a_backfill_under_way_is_joined_and_cancelled(trading: Pool, zmarty: Zmarty) -> None:
    begun = await zmarty("BTC", "--since", "2024-01-01", "--detach")
    again = await zmarty("BTC", "--since", "2023-01-01", "--detach")
    stopped = await zmarty("BTC", "--cancel")
    nothing = await zmarty("BTC", "--cancel")

    assert begun.returncode == again.returncode == stopped.returncode == 0
    assert "is under way: job" in begun.stdout
    assert "under way already" in again.stdout
    assert await trading.fetchval("select count(*) from jobs") == 1
    assert "is cancelled" in stopped.stdout
    assert (await newest_job(trading)).state == "cancelled"
    assert (nothing.returncode, nothing.stderr.strip()) == (1, "✗ no backfill of BTC/USDT 1h is under way")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["BTC"], "since: is needed"),
        (
            ["BTC", "--since", "1704067200"],
            "since: must be a date like 2024-01-01; 1704067200 looks like seconds",
        ),
        (["BTC", "--since", "2008-01-01"], "since: must not lie before 2009-01-03"),
        (["BTC", "--since", "2099-01-01"], "since: must not lie in the future"),
        (["NOPE", "--since", "2024-01-01"], "symbol: NOPE/USDT is no instrument"),
        (["BTC", "--timeframe", "2h", "--since", "2024-01-01"], "timeframe: must be one of 1m"),
    ],
)
async def test_what_cannot_be_filled_is_one_clear_line(
    arguments: list[str], reason: str, trading: Pool, zmarty: Zmarty
) -> None:
    refused = await zmarty(*arguments)

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"✗ {reason}")
    assert await trading.fetchval("select count(*) from jobs") == 0


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1704067200000", "milliseconds"), ("1704067200000000", "microseconds"), ("17", "a count")],
)
def test_a_count_since_1970_is_named_by_its_unit(text: str, unit: str) -> None:
    with pytest.raises(FieldInvalid, match=f"looks like {unit} since 1970"):
        since_from(text)


def test_dates_and_times_are_read_in_utc() -> None:
    assert since_from("2024-01-01").isoformat() == "2024-01-01T00:00:00+00:00"
    assert since_from("2024-01-01T06:00:00+02:00").isoformat() == "2024-01-01T04:00:00+00:00"
