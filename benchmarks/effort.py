"""How much one invocation does: how often, and which share of the full work. Tests ask for a little of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.figures import RUNS_MIN

COUNT_MIN = 10
Contestant = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Effort:
    runs: int = RUNS_MIN
    share: float = 1.0

    def of(self, count: int) -> int:
        """This share of `count` messages or samples; at least enough to count anything."""
        return max(min(count, COUNT_MIN), int(count * self.share))

    def seconds(self, seconds: float) -> float:
        return seconds * self.share

    async def rounds(self, contestants: Mapping[str, Contestant]) -> dict[str, list[float]]:
        """Run every contestant once a round, so that a slow minute of the machine slows all of them."""
        results: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(self.runs):
            for name, contestant in contestants.items():
                results[name].append(await contestant())
        return results
