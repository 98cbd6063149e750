"""The door of the reading plan: each question is let through while its vendor's month can afford it, and is counted."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
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
        # A month that is over is the limits' to refuse, who say when the next one begins.
        is_over = month.quota is not None and month.used >= month.quota
        affordable = plan.is_affordable(source, used=month.used, quota=month.quota, now=month.now)
        if not affordable and not is_over:
            log.warning("source_dropped", vendor=vendor, source=source, used=month.used, quota=month.quota)
            await store.count_source(self._pool, vendor, source, dropped=1)
            raise OverBudget(
                vendor, f"{source} is left out to keep this month's quota for what is worth more"
            )
        try:
            yield
        except SourceUnavailable as error:
            # Kept back by our own limits, it was not asked, and the vendor has not failed.
            if not isinstance(error, SourceLimited) or error.answered is not None:
                await store.count_source(self._pool, vendor, source, asked=1, failure=error.reason)
            raise
        await store.count_source(self._pool, vendor, source, asked=1, answered=1)


@dataclass(slots=True)
class Bill:
    """What one paid request did cost; None while only its maximum is known."""

    spent: Decimal | None = None


class Purse:
    """Dollars of a vendor whose requests are paid one by one: kept at an even pace, and never spent twice."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def paying(self, vendor: str, source: str, *, dollars_max: Decimal) -> AsyncIterator[Bill]:
        """Enter to ask for at most so much. Raises OverBudget; the block writes what it cost on the bill.

        A request that ends without a bill, cut off or unanswered, stays paid at its maximum: rather too much than
        too little.
        """
        month = await store.month_of(self._pool, vendor)
        limit = month.monthly_dollars
        used = float(month.dollars_used + dollars_max)
        paced = limit is None or plan.headroom(used=used, quota=float(limit), now=month.now) >= 0
        reserved_in = await store.reserve_dollars(self._pool, vendor, dollars_max) if paced else None
        if reserved_in is None:
            log.warning("source_dropped", vendor=vendor, source=source, dollars=str(month.dollars_used))
            await store.count_source(self._pool, vendor, source, dropped=1)
            raise OverBudget(
                vendor, f"{source} is left out: this month's dollars are spent as far as their pace"
            )
        bill = Bill()
        try:
            yield bill
        except SourceUnavailable as error:
            kept_back = isinstance(error, SourceLimited) and error.answered is None
            # Kept back by ourselves or refused by the vendor, it costs nothing.
            if kept_back or (error.answered is not None and 400 <= error.answered < 500):
                bill.spent = Decimal(0)
            if not kept_back:
                await store.count_source(self._pool, vendor, source, asked=1, failure=error.reason)
            raise
        else:
            await store.count_source(self._pool, vendor, source, asked=1, answered=1)
        finally:
            if bill.spent is not None:
                await store.settle_dollars(
                    self._pool, vendor, reserved_in, reserved=dollars_max, spent=bill.spent
                )
