"""Reconcile as work of a queue: every five minutes for everybody, or for one user whom a job waits for."""

from contextlib import suppress

import structlog

from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.reconcile import store
from orchestrator_worker.reconcile.difference import Findings
from orchestrator_worker.reconcile.reconcile import Run, RunStopped
from orchestrator_worker.resources import Resources
from zmarty import jobs
from zmarty.messages import Reconcile
from zmarty.postgres import TROUBLE
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 3


async def handle(delivery: Delivery[Reconcile], resources: Resources) -> Ending:
    message = delivery.message
    findings: Findings | None = None
    try:
        findings = await _run(message, resources)
    except RunStopped:
        return Discard("the job was cancelled or is over")
    finally:
        if findings is None and message.job_id and delivery.read_count >= ATTEMPTS_MAX:
            # Nobody will try again, and whoever waits is told so; where even that fails, the dead letter tells.
            with suppress(*TROUBLE):
                await jobs.fail(resources.trading, message.job_id, "the comparison failed; operators see why")
    async with delivery.completing(resources.trading) as connection:
        job_id = message.job_id or await jobs.create(connection, kind="sync", user_id=None)
        await jobs.finish(connection, job_id, findings.summary())
    write = log.warning if findings.differences else log.info
    write("mirror_compared", user_id=str(message.user_id) if message.user_id else None, **findings.summary())
    return None


async def _run(message: Reconcile, resources: Resources) -> Findings:
    rows = await store.rows_to_compare(resources.chat, resources.trading)

    async def report(compared: int) -> bool:
        return message.job_id is None or await jobs.progress(
            resources.trading, message.job_id, compared / max(rows, compared, 1)
        )

    if not await report(0):
        raise RunStopped
    run = Run(chat=resources.chat, trading=resources.trading, repair=True, report=report)
    return await run.compare(message.user_id)
