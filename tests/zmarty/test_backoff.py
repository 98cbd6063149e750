"""Backoff is bounded on both sides, whatever the attempt."""

from hypothesis import given
from hypothesis import strategies as st

from zmarty.backoff import full_jitter


@given(attempt=st.integers(1, 10**6), chance=st.floats(0, 1))
def test_the_pause_is_bounded(attempt: int, chance: float) -> None:
    assert 0 <= full_jitter(attempt, base_seconds=2, cap_seconds=600, random=lambda: chance) <= 600


def test_the_ceiling_doubles() -> None:
    ceilings = [full_jitter(n, base_seconds=2, cap_seconds=60, random=lambda: 1.0) for n in range(1, 8)]
    assert ceilings == [2, 4, 8, 16, 32, 60, 60]
