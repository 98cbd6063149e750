"""A vendor's door without limits and without sharing, for tests of the wire alone."""

from orchestrator_worker.sources.answers import Fetch
from orchestrator_worker.sources.store import Admission

ADMITTED = Admission(verdict="admitted", wait_seconds=0.0, used=1, quota=None, is_low=False)


class Unlimited:
    """Says the same to everybody, by default that they may ask; remembers what was weighed and paused."""

    def __init__(self, admission: Admission = ADMITTED) -> None:
        self.admission = admission
        self.weights: list[int] = []
        self.pauses: list[tuple[str, float, str]] = []

    async def wait_turn(self, vendor: str, *, weight: int, patience_seconds: float) -> Admission:
        self.weights.append(weight)
        return self.admission

    async def pause(self, vendor: str, *, seconds: float, reason: str) -> None:
        self.pauses.append((vendor, seconds, reason))


class Unshared:
    async def body(self, vendor: str, question: str, fetch: Fetch, *, fresh_seconds: float) -> str:
        return await fetch()
