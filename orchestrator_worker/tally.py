"""What a consumer has done since it started, in the shape in which the heartbeat carries it. Pure."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

DURATION_BUCKETS_MS = (
    1,
    2.5,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
)
# How a message ended that will be tried again.
RETRIED = ("failed", "postponed")


@dataclass(slots=True)
class Tally:
    """Counters that only grow. `durations` has one count for each bucket and one for what is longer than all."""

    endings: dict[str, int] = field(default_factory=dict)
    duration_ms_total: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS_MS) + 1))
    leases_renewed: int = 0
    leases_lost: int = 0

    def count(self, ending: str, duration_ms: float, messages: int = 1) -> None:
        """Count messages that ended together; the duration is that of each."""
        self.endings[ending] = self.endings.get(ending, 0) + messages
        self.duration_ms_total += duration_ms * messages
        self.durations[bisect_left(DURATION_BUCKETS_MS, duration_ms)] += messages

    def report(self) -> dict[str, Any]:
        cumulative, buckets = 0, {}
        for bound, count in zip((*DURATION_BUCKETS_MS, "+Inf"), self.durations, strict=True):
            cumulative += count
            buckets[str(bound)] = cumulative
        return {
            "endings": self.endings,
            "duration_ms_total": round(self.duration_ms_total, 1),
            "duration_buckets": buckets,
            "retries": sum(self.endings.get(ending, 0) for ending in RETRIED),
            "leases_renewed": self.leases_renewed,
            "leases_lost": self.leases_lost,
        }
