"""The door of the reading plan: each question is let through while its vendor's month can afford it, and is counted."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog

from orchestrator_worker.sources import plan, store
from orchestrator_worker.sources.vendor import SourceLimited, SourceUnavailable
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)


class OverBudget(SourceLimited):
    """The question is left out to keep the rest of the month for more valuable ones."""

    code = "source_over_budget"


class Budget(Protocol):
    """What stands before every question of the plan."""

    def asking(self, vendor: str, source: str) -> AbstractAsyncContextManager[None]:
        """Enter to ask. Raises OverBudget; counts what the block does: an answer, or the SourceUnavailable it raises."""
        ...


class Unbudgeted:
    """Lets everything through and counts nothing, for a vendor without a plan."""

    @asynccontextmanager
    async def asking(self, vendor: str, source: str) -> AsyncIterator[None]:
        yield


class SharedBudget:
    """The month of all processes together, by `vendor_usage`; what became of each source stands in `source_usage`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def asking(self, vendor: str, source: str) -> AsyncIterator[None]:
        month = await store.month_of(self._pool, vendor)
        if not plan.is_affordable(source, used=month.used, quota=month.quota, now=month.now):
            log.warning("source_dropped", vendor=vendor, source=source, used=month.used, quota=month.quota)
            await store.count_source(self._pool, vendor, source, dropped=1)
            raise OverBudget(vendor, f"{source} is left out to keep this month's quota for what is worth more")
        try:
            yield
        except SourceUnavailable as error:
            # Kept back by our own limits, it was not asked, and the vendor has not failed.
            if not isinstance(error, SourceLimited) or error.answered is not None:
                await store.count_source(self._pool, vendor, source, asked=1, failure=error.reason)
            raise
        await store.count_source(self._pool, vendor, source, asked=1, answered=1)
