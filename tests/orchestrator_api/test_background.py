"""Work that outlives its request ends well, whatever it does."""

import asyncio

import pytest
import structlog

from orchestrator_api.background import Background


async def test_closing_waits_for_work_that_ends() -> None:
    background, done = Background(), []

    async def settle() -> None:
        await asyncio.sleep(0.05)
        done.append("settled")

    background.start(settle(), name="settle")
    await background.close(drain_seconds=5)

    assert done == ["settled"]


async def test_closing_ends_loops_and_what_takes_too_long() -> None:
    background = Background()
    forever = [
        background.keep_running(asyncio.Event().wait(), name="loop"),
        background.start(asyncio.Event().wait(), name="stuck"),
    ]

    async with asyncio.timeout(20):
        await background.close(drain_seconds=0.05)

    assert all(task.cancelled() for task in forever)


async def test_a_failure_is_logged_and_ends_nothing_else() -> None:
    background = Background()
    other = background.start(asyncio.sleep(0.05, "fine"), name="other")

    async def fail() -> None:
        raise RuntimeError("broken")

    with structlog.testing.capture_logs() as logs:
        failing = background.start(fail(), name="failing")
        with pytest.raises(RuntimeError):
            await failing
        await background.close(drain_seconds=5)

    assert [(line["event"], line["task"]) for line in logs] == [("background_failed", "failing")]
    assert other.result() == "fine"
