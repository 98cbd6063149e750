"""How long to wait before trying again. Pure: randomness comes in as an argument."""

from collections.abc import Callable


def full_jitter(
    attempt: int, *, base_seconds: float, cap_seconds: float, random: Callable[[], float]
) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): uniform in 0 … min(cap, base · 2^(attempt−1)).

    `random` returns a number in 0 … 1. Source: M. Brooker, "Exponential Backoff and Jitter", AWS, 2015.
    """
    # The exponent is bounded because 2.0 ** 1024 overflows and a message may be read that often.
    ceiling = min(cap_seconds, base_seconds * 2.0 ** min(attempt - 1, 60))
    return ceiling * random()
