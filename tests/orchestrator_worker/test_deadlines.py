"""Deadlines end what runs too long, like asyncio.timeout does, and nothing else."""

import asyncio

import pytest

from orchestrator_worker.deadlines import Deadlines


async def sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


async def test_what_ends_in_time_is_left_alone() -> None:
    deadlines = Deadlines(0.05)

    assert await deadlines.keep(sleep(0)) == "slept"
    await asyncio.sleep(0.1)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_each_is_cut_when_its_own_time_has_come() -> None:
    deadlines = Deadlines(0.1)
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def cut_after(pause: float) -> float:
        await asyncio.sleep(pause)
        with pytest.raises(TimeoutError):
            await deadlines.keep(sleep(60))
        return loop.time() - started - pause

    lasted = await asyncio.gather(*(cut_after(pause) for pause in (0, 0.03, 0.06)))

    assert all(0.1 <= seconds < 10 for seconds in lasted)


async def test_a_task_that_was_cut_is_whole_afterwards() -> None:
    deadlines = Deadlines(0.01)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadlines.keep(sleep(60))
    assert await deadlines.keep(sleep(0)) == "slept"


async def test_who_is_cancelled_by_others_is_cancelled() -> None:
    task = asyncio.create_task(Deadlines(60).keep(sleep(60)))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_by_others_while_being_cut_is_cancelled() -> None:
    cleaning = asyncio.Event()

    async def slow_to_leave() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaning.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(Deadlines(0.01).keep(slow_to_leave()))
    await cleaning.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_does_not_mind_being_cut_keeps_its_result() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done anyway"
        return "slept"

    assert await Deadlines(0.01).keep(stubborn()) == "done anyway"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
