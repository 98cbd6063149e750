"""The mirror on real processes and real schedules: users arrive within their minute, and what was broken by hand is mended."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest

from tests.journeys.conftest import World
from tests.journeys.test_blueprint import until, watch
from tests.journeys.test_failures import all_done

# A minute of the schedule, and the way there.
MINUTE_SECONDS = 120
# What the schedule of the comparison is, where it has been taken away.
AS_MIGRATED = ("*/5 * * * *", "select queueing.enqueue_reconcile()")


async def reference(world: World, user_id: str) -> asyncpg.Record | None:
    return await world.trading.fetchrow(
        "select email, tier, credits_balance, is_active from user_references where user_id = $1", user_id
    )


async def is_watching(world: World, user_id: str) -> bool:
    return bool(await world.trading.fetchval("select active from watchers where user_id = $1", user_id))


async def settled(world: World) -> bool:
    rows = await world.chat.fetchval(
        "select (select count(*) from outbox where delivered_at is null) + (select count(*) from private.reference_marks)"
    )
    return bool(rows == 0)


async def reconcile(world: World, *arguments: str) -> dict[str, Any]:
    done = await asyncio.to_thread(world.system.zmarty, "reconcile", "--json", *arguments, check=False)
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if said["differences"] <= said["repaired"] else 1), done.stderr
    return said


async def schedule(world: World) -> asyncpg.Record | None:
    return await world.trading.fetchrow("select schedule, command from cron.job where jobname = 'reconcile'")


@asynccontextmanager
async def unscheduled(world: World) -> AsyncIterator[None]:
    """Without the comparison of every five minutes, which comes back however this ends."""
    # There is none when an earlier try was killed before it could put it back.
    found = await schedule(world) or AS_MIGRATED
    try:
        await world.trading.execute(
            "select cron.unschedule(jobname) from cron.job where jobname = 'reconcile'"
        )
        yield
    finally:
        await world.trading.execute("select cron.schedule('reconcile', $1, $2)", *found)


@pytest.fixture
async def by_hand_only(world: World) -> AsyncIterator[None]:
    """Without a comparison whose mark may come between what is broken here and our look at it.

    What an earlier try left broken is mended first.
    """
    async with unscheduled(world):
        await until(lambda: all_done(world, "reconcile"))
        await reconcile(world, "--repair")
        yield


async def test_a_schedule_that_was_taken_away_comes_back(world: World) -> None:
    with suppress(InterruptedError):
        async with unscheduled(world):
            assert await schedule(world) is None
            raise InterruptedError
    assert tuple(await schedule(world) or ()) == AS_MIGRATED

    # As a try leaves it that was killed.
    await world.trading.execute("select cron.unschedule('reconcile')")
    async with unscheduled(world):
        assert await schedule(world) is None
    assert tuple(await schedule(world) or ()) == AS_MIGRATED


@pytest.mark.usefixtures("by_hand_only")
async def test_a_user_is_mirrored_within_a_minute_and_mended_when_broken(world: World) -> None:
    headers = world.sign_up()
    await watch(world, headers, "ETH/USDT", "4h")
    user_id = str(await world.chat.fetchval("select id from auth.users order by created_at desc limit 1"))

    await until(lambda: reference(world, user_id), seconds=MINUTE_SECONDS)
    row = await reference(world, user_id)
    assert row is not None
    assert (row["tier"], row["credits_balance"], row["is_active"]) == ("free", 100, True)

    await until(lambda: settled(world), seconds=MINUTE_SECONDS)
    await world.trading.execute("update watchers set active = false where user_id = $1", user_id)
    await world.trading.execute("update user_references set tier = 'pro' where user_id = $1", user_id)
    found = await reconcile(world)
    assert found["counts"] == {"watchers": {"different": 1}, "user_references": {"different": 1}}

    # By the way of a user who asks for it; the worker compares and repairs.
    queued = await world.api.post("/v1/orchestration/sync/queue", json={}, headers=headers)
    assert queued.status_code == 202
    path = f"/v1/orchestration/sync/status/{queued.json()['task_id']}"

    async def done() -> bool:
        return bool((await world.api.get(path, headers=headers)).json()["state"] == "done")

    await until(done)
    assert (await world.api.get(path, headers=headers)).json()["result"]["repaired"] == 2
    # The snapshot waits for its minute, which is no difference.
    await until(lambda: is_watching(world, user_id))
    assert (await reconcile(world))["differences"] == 0
