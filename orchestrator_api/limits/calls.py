"""The process's own part of the limits: what its environment says, and whether the shared buckets can be asked."""

import asyncio
import time
from collections.abc import Callable

import structlog

from orchestrator_api.auth.user import User
from orchestrator_api.limits import store
from orchestrator_api.limits.call import Call
from orchestrator_api.limits.store import Admission
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

CHECK_SECONDS_MAX = 1.0
# While the database does not answer nobody is counted; it is asked again after this.
UNCHECKED_SECONDS = 5.0
LEASE_SECONDS = 60


class CallLimits:
    """The process's own part of the limits: what its environment says, and whether the database can be asked."""

    def __init__(
        self,
        *,
        factor: int = 1,
        trusted_hops: int = 1,
        is_on: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.factor = factor
        self.trusted_hops = trusted_hops
        self.is_on = is_on
        self._clock = clock
        self._unchecked_until = 0.0

    async def admit(
        self, chat: Pool, call: Call, *, user: User | None, address: str, signed_out: int
    ) -> Admission | None:
        """The answer of the shared buckets; None when they cannot be asked, and then nobody is refused."""
        if not self.is_on or self._clock() < self._unchecked_until:
            return None
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX):
                return await store.admit_call(
                    chat,
                    call,
                    user=user,
                    address=address,
                    signed_out=signed_out,
                    factor=self.factor,
                    lease_seconds=LEASE_SECONDS,
                )
        except TROUBLE as error:
            self._unchecked_until = self._clock() + UNCHECKED_SECONDS
            log.warning("limits_unchecked", error=type(error).__name__)
            return None
