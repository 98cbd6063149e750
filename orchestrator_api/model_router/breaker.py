"""Keeps a failing provider from eating every request's time. Pure: the clock comes in as an argument."""

from dataclasses import dataclass

FAILURES_MAX = 3
PAUSE_SECONDS = 10.0
# A provider that recovers must be in use again within 30 s, whatever it asked for.
RETRY_AFTER_SECONDS_MAX = 30.0


@dataclass(slots=True)
class Breaker:
    """Closed until FAILURES_MAX failures in a row; then open, with one trial after each pause."""

    failures: int = 0
    open_until: float = 0.0

    def may_try(self, now: float) -> bool:
        """Whether to ask the provider now. An open breaker lets one trial through and pauses again until it ends."""
        if now < self.open_until:
            return False
        if self.failures >= FAILURES_MAX:
            self.open_until = now + PAUSE_SECONDS
        return True

    def record_success(self) -> None:
        self.failures = 0
        self.open_until = 0.0

    def record_failure(self, now: float, *, retry_after_seconds: float | None = None) -> None:
        self.failures += 1
        if retry_after_seconds is not None:
            self.open_until = max(self.open_until, now + min(retry_after_seconds, RETRY_AFTER_SECONDS_MAX))
        if self.failures >= FAILURES_MAX:
            self.open_until = max(self.open_until, now + PAUSE_SECONDS)

    def state(self, now: float) -> str:
        if now < self.open_until:
            return "open"
        return "half_open" if self.failures >= FAILURES_MAX else "closed"
