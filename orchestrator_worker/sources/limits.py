"""Turns at a vendor: rates, quotas and pauses that hold for all processes together, kept in Postgres."""

import asyncio
import time
from typing import Protocol

import structlog

from orchestrator_worker import errors_log
from orchestrator_worker.sources import store
from orchestrator_worker.sources.store import Admission
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)


class Limits(Protocol):
    """What stands before every request to a vendor."""

    async def wait_turn(self, vendor: str, *, weight: int, patience_seconds: float) -> Admission:
        """Return when it is our turn, or at once with a refusal when our turn is further away than our patience."""
        ...

    async def pause(self, vendor: str, *, seconds: float, reason: str) -> None:
        """Let nobody ask this vendor for so long."""
        ...


class SharedLimits:
    """The token buckets of `vendor_limits`. A turn is reserved when it is given, so no waiter has to ask twice."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def wait_turn(self, vendor: str, *, weight: int, patience_seconds: float) -> Admission:
        ends = time.monotonic() + patience_seconds
        # Goes round again only when the vendor was paused while we slept, and never beyond our patience.
        while True:
            admission = await store.admit_request(
                self._pool, vendor, weight=weight, wait_max_seconds=ends - time.monotonic()
            )
            if admission.is_low:
                await self._warn(vendor, admission)
            if not admission.is_granted or not admission.wait_seconds:
                return admission
            await asyncio.sleep(admission.wait_seconds)
            if await store.pause_left(self._pool, vendor) is None:
                return admission

    async def pause(self, vendor: str, *, seconds: float, reason: str) -> None:
        log.warning("vendor_paused", vendor=vendor, seconds=seconds, reason=reason)
        await store.pause_vendor(self._pool, vendor, seconds=seconds, reason=reason)

    async def _warn(self, vendor: str, admission: Admission) -> None:
        log.warning("vendor_quota_low", vendor=vendor, used=admission.used, quota=admission.quota)
        await errors_log.record(
            self._pool,
            code="vendor_quota_low",
            message=f"{vendor}: {admission.used} of {admission.quota} requests of this month are used",
        )
