"""Requests that wait for a job's end: woken by notifications, with a slow look as the fallback."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from uuid import UUID

from zmarty import jobs
from zmarty.jobs import Job
from zmarty.postgres import Pool

# Notifications get lost where a pooler forgets who listens; then this is how late an answer comes.
LOOK_SECONDS = 1.0

NOTICE_PREFIX = "jobs:"


class Waiting:
    """Who waits for which job in this process. Nothing is asked of the database while no job changes."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def ring(self, notice: str | None) -> None:
        """Wake those whom a notification of `zmarty_changed` concerns; None, after a gap in listening, wakes all."""
        if notice is None:
            for bells in self._bells.values():
                for bell in bells:
                    bell.set()
        elif notice.startswith(NOTICE_PREFIX):
            for bell in self._bells.get(notice.removeprefix(NOTICE_PREFIX), ()):
                bell.set()

    async def ended(self, pool: Pool, job_id: UUID, *, seconds: float) -> Job | None:
        """The job as soon as it has ended, or as it stands after `seconds`; None when there is no such job."""
        bell, ends = asyncio.Event(), time.monotonic() + seconds
        self._bells[str(job_id)].add(bell)
        try:
            while True:
                bell.clear()
                job = await jobs.find(pool, job_id)
                left = ends - time.monotonic()
                if job is None or job.ended_at is not None or left <= 0:
                    return job
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), min(left, LOOK_SECONDS))
        finally:
            bells = self._bells[str(job_id)]
            bells.discard(bell)
            if not bells:
                del self._bells[str(job_id)]
