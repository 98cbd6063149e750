"""Jobs on a real Postgres: they end once, stop when told to, and outlive whoever works on them."""

from uuid import UUID, uuid4

import pytest

from zmarty import jobs, queue
from zmarty.messages import IngestIndicators
from zmarty.postgres import Pool

PAIR = {"symbol": "BTC/USDT", "timeframe": "1h"}


@pytest.fixture
async def job_id(trading_api: Pool) -> UUID:
    return await jobs.create(trading_api, kind="sync", user_id=uuid4(), detail={"scope": "all"})


async def state_of(pool: Pool, job_id: UUID) -> tuple[str, float]:
    job = await jobs.find(pool, job_id)
    assert job is not None
    return job.state, job.progress


async def test_a_job_from_its_wish_to_its_result(
    trading_api: Pool, trading_worker: Pool, job_id: UUID
) -> None:
    assert await state_of(trading_api, job_id) == ("queued", 0)
    assert await jobs.progress(trading_worker, job_id, 0.25, detail={"done": 1})
    assert await state_of(trading_api, job_id) == ("running", 0.25)
    assert await jobs.finish(trading_worker, job_id, {"repaired": 4})

    job = await jobs.find(trading_api, job_id)
    assert job is not None
    assert (job.state, job.progress, job.result, job.error) == ("done", 1, {"repaired": 4}, None)
    assert job.detail == {"scope": "all", "done": 1}
    assert job.ended_at is not None


async def test_a_job_and_its_message_are_one_transaction(trading_api: Pool) -> None:
    async with trading_api.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        lost = await jobs.create(connection, kind="sync", user_id=None)
        await queue.send(connection, IngestIndicators.model_validate(PAIR))
        await transaction.rollback()

    assert await jobs.find(trading_api, lost) is None
    assert await queue.depth(trading_api, "ingest_indicators") == 0


async def test_a_queued_job_is_cancelled_at_once(
    trading_api: Pool, trading_worker: Pool, job_id: UUID
) -> None:
    first = await jobs.cancel(trading_api, job_id)
    again = await jobs.cancel(trading_api, job_id)

    assert first == again
    assert first is not None
    assert first.state == "cancelled"
    assert not await jobs.progress(trading_worker, job_id, 0.1), "whoever takes its message learns of it"
    assert await jobs.is_cancelled(trading_worker, job_id)


async def test_a_running_job_learns_of_it_at_its_next_step(trading_worker: Pool, job_id: UUID) -> None:
    await jobs.progress(trading_worker, job_id, 0.5)
    asked = await jobs.cancel(trading_worker, job_id)
    assert asked is not None
    assert (asked.state, asked.cancel_requested_at is not None) == ("running", True)
    assert await jobs.is_cancelled(trading_worker, job_id)

    assert not await jobs.progress(trading_worker, job_id, 0.6)

    assert (await state_of(trading_worker, job_id))[0] == "cancelled"
    assert not await jobs.finish(trading_worker, job_id, {})


async def test_work_that_is_done_is_done(trading_worker: Pool, job_id: UUID) -> None:
    await jobs.progress(trading_worker, job_id, 0.9)
    await jobs.cancel(trading_worker, job_id)

    assert await jobs.finish(trading_worker, job_id)

    assert await state_of(trading_worker, job_id) == ("done", 1)
    assert not await jobs.is_cancelled(trading_worker, job_id)


async def test_a_job_ends_once(trading_worker: Pool, job_id: UUID) -> None:
    assert await jobs.fail(trading_worker, job_id, "the vendor is gone")
    assert not await jobs.finish(trading_worker, job_id)
    assert not await jobs.fail(trading_worker, job_id, "again")

    cancelled = await jobs.cancel(trading_worker, job_id)
    assert cancelled is not None
    assert (cancelled.state, cancelled.error) == ("failed", "the vendor is gone")
    assert cancelled.cancel_requested_at is None


async def test_a_job_begun_anew_does_not_fall_back(trading_worker: Pool, job_id: UUID) -> None:
    await jobs.progress(trading_worker, job_id, 0.7)

    assert await jobs.progress(trading_worker, job_id, 0.0)

    assert await state_of(trading_worker, job_id) == ("running", 0.7)


async def test_what_does_not_exist_is_none(trading_api: Pool) -> None:
    assert await jobs.find(trading_api, uuid4()) is None
    assert await jobs.cancel(trading_api, uuid4()) is None
    assert not await jobs.progress(trading_api, uuid4(), 0.5)
    assert not await jobs.is_cancelled(trading_api, uuid4())


async def test_upkeep_fails_the_silent_and_forgets_the_old(trading: Pool) -> None:
    silent, young, old = [await jobs.create(trading, kind="sync", user_id=None) for _ in range(3)]
    await jobs.finish(trading, old)
    await trading.execute("update jobs set updated_at = now() - interval '25 hours' where id = $1", silent)
    await trading.execute("update jobs set ended_at = now() - interval '31 days' where id = $1", old)

    await trading.execute("select private.keep_up_jobs()")

    assert (await state_of(trading, silent))[0] == "failed"
    assert (await state_of(trading, young))[0] == "queued"
    assert await jobs.find(trading, old) is None
