"""Asking the worker: a job and its message together, an answer as soon as there is one, a charge only for what was done."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from orchestrator_api.app import hear_changes
from orchestrator_api.credits.pricing import CreditsExhausted
from orchestrator_api.jobs import asking
from orchestrator_api.jobs.asking import JobCancelled, JobFailed, JobsExhausted, NotEnoughData
from orchestrator_api.resources import Resources
from tests.orchestrator_api.support import add_user
from zmarty import jobs
from zmarty.messages import RunSimulation
from zmarty.postgres import Listener, Pool


class Told(BaseModel):
    n: int


@pytest.fixture
async def ada(chat: Pool) -> UUID:
    return await add_user(chat)


async def ask(resources: Resources, user_id: UUID, *, credits: int = 0) -> UUID:
    return await asking.ask(
        resources,
        user_id,
        kind="simulation",
        message_of=lambda job_id: RunSimulation(job_id=job_id, spec={"what": "ever"}),
        credits=credits,
    )


async def balance_of(chat: Pool, user_id: UUID) -> tuple[int, int]:
    record = await chat.fetchrow("select balance, held from credit_accounts where user_id = $1", user_id)
    assert record is not None
    return record["balance"], record["held"]


async def settled(resources: Resources) -> None:
    """Wait until what runs behind the request has ended."""
    async with asyncio.timeout(40):
        await resources.background.close(drain_seconds=10)


async def test_a_job_and_its_message_come_together(resources: Resources, trading: Pool, ada: UUID) -> None:
    job_id = await ask(resources, ada)

    message = json.loads(await trading.fetchval("select message::text from pgmq.q_run_simulation"))
    assert message["job_id"] == str(job_id)
    job = await jobs.find(trading, job_id)
    assert job is not None
    assert (job.kind, job.user_id, job.state) == ("simulation", ada, "queued")


async def test_an_answer_comes_as_soon_as_there_is_one(
    resources: Resources, trading: Pool, ada: UUID
) -> None:
    job_id = await ask(resources, ada)
    waiting = asyncio.create_task(asking.answer_of(resources, job_id, wait_seconds=60))
    await asyncio.sleep(0)
    await jobs.finish(trading, job_id, {"n": 3})
    resources.waiting.ring(f"jobs:{job_id}")

    answer = asking.answered(await waiting, Told)

    assert answer.status_code == 200
    assert json.loads(bytes(answer.body)) == {"n": 3}


async def test_a_notification_wakes_who_waits(
    resources: Resources, trading: Pool, trading_dsn: Callable[..., str], ada: UUID
) -> None:
    listener = Listener(trading_dsn("zmarty_api"), ["zmarty_changed"], application_name="test-listen")
    resources.background.keep_running(hear_changes(listener, resources), name="hear")
    job_id = await ask(resources, ada)
    waiting = asyncio.create_task(asking.answer_of(resources, job_id, wait_seconds=60))
    await asyncio.sleep(0)

    await jobs.finish(trading, job_id, {"n": 1})

    async with asyncio.timeout(30):
        assert (await waiting).state == "done"


async def test_a_slow_job_is_to_be_followed(resources: Resources, ada: UUID) -> None:
    job_id = await ask(resources, ada)

    answer = asking.answered(await asking.answer_of(resources, job_id, wait_seconds=0.01), Told)

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job_id}"
    assert json.loads(bytes(answer.body))["state"] == "queued"


@pytest.mark.parametrize(
    ("error", "refusal"),
    [("not_enough_data: have 3, need 300 candles", NotEnoughData), ("it broke", JobFailed)],
)
async def test_a_failed_job_says_why(
    resources: Resources, trading: Pool, ada: UUID, error: str, refusal: type[Exception]
) -> None:
    job_id = await ask(resources, ada)
    await jobs.fail(trading, job_id, error)

    with pytest.raises(refusal) as refused:
        asking.answered(await asking.answer_of(resources, job_id), Told)

    assert error.removeprefix("not_enough_data: ") in str(refused.value)


async def test_a_cancelled_job_is_named(resources: Resources, trading: Pool, ada: UUID) -> None:
    job_id = await ask(resources, ada)
    await jobs.cancel(trading, job_id)

    with pytest.raises(JobCancelled):
        asking.answered(await asking.answer_of(resources, job_id), Told)


async def test_what_was_done_is_charged_once(
    resources: Resources, chat: Pool, trading: Pool, ada: UUID
) -> None:
    job_id = await ask(resources, ada, credits=1)
    assert await balance_of(chat, ada) == (100, 1)

    await jobs.finish(trading, job_id, {"n": 1})
    await settled(resources)

    assert await balance_of(chat, ada) == (99, 0)
    entry = await chat.fetchrow("select amount, reason, metadata from credits_ledger where kind = 'charge'")
    assert entry is not None
    assert (entry["amount"], entry["reason"]) == (-1, "simulation")
    assert entry["metadata"] == {"job_id": str(job_id)}


@pytest.mark.parametrize("ending", ["fail", "cancel"])
async def test_what_was_not_done_costs_nothing(
    resources: Resources, chat: Pool, trading: Pool, ada: UUID, ending: str
) -> None:
    job_id = await ask(resources, ada, credits=1)
    await (jobs.fail(trading, job_id, "it broke") if ending == "fail" else jobs.cancel(trading, job_id))

    await settled(resources)

    assert await balance_of(chat, ada) == (100, 0)


async def test_without_credits_no_job_is_made(resources: Resources, chat: Pool, trading: Pool) -> None:
    with pytest.raises(CreditsExhausted):
        await ask(resources, uuid4(), credits=1)

    assert await trading.fetchval("select count(*) from jobs") == 0


async def test_a_user_has_a_bound_of_open_jobs(resources: Resources, trading: Pool, ada: UUID) -> None:
    for _ in range(asking.OPEN_JOBS_MAX):
        await jobs.create(trading, kind="simulation", user_id=ada)

    with pytest.raises(JobsExhausted):
        await ask(resources, ada)

    assert await trading.fetchval("select count(*) from pgmq.q_run_simulation") == 0
