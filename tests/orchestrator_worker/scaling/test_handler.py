"""calculate_scaling on real Postgres: an answer either way, and a spec that is none is named."""

from typing import Any
from uuid import UUID, uuid4

from orchestrator_worker.ending import Discard
from orchestrator_worker.scaling.handler import handle
from tests.orchestrator_worker.jobs import delivered, resources_of
from zmarty import jobs
from zmarty.jobs import Job
from zmarty.messages import CalculateScaling
from zmarty.postgres import Pool

ASKED = {"equity": 10_000, "signal_quality": 0.9, "market_condition": "ranging"}


async def calculated(pool: Pool, spec: dict[str, Any]) -> tuple[object, Job]:
    job_id: UUID = await jobs.create(pool, kind="scaling", user_id=uuid4())
    ending = await handle(
        await delivered(pool, CalculateScaling(job_id=job_id, spec=spec)), resources_of(pool)
    )
    job = await jobs.find(pool, job_id)
    assert job is not None
    return ending, job


async def test_a_refused_step_is_an_answer(trading_worker: Pool) -> None:
    ending, job = await calculated(trading_worker, ASKED)

    assert (ending, job.state) == (None, "done")
    assert job.result is not None
    assert (job.result["allowed"], job.result["rule"]) == (False, "scaling_off")
    assert len(job.result["ladder"]) == 3


async def test_a_spec_that_is_none_names_its_field(trading_worker: Pool) -> None:
    ending, job = await calculated(trading_worker, {**ASKED, "equity": -1})

    assert (ending, job.state) == (None, "failed")
    assert job.error is not None
    assert job.error.startswith("field_invalid: equity: ")


async def test_a_cancelled_job_is_left_alone(trading_worker: Pool) -> None:
    job_id = await jobs.create(trading_worker, kind="scaling", user_id=uuid4())
    await jobs.cancel(trading_worker, job_id)
    delivery = await delivered(trading_worker, CalculateScaling(job_id=job_id, spec=ASKED))

    assert isinstance(await handle(delivery, resources_of(trading_worker)), Discard)
