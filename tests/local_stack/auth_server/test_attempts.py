"""Counting attempts: limits hold, windows pass, memory is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from local_stack.auth_server.attempts import Attempts


def test_a_key_has_its_limit_within_a_window() -> None:
    attempts = Attempts(limit=2, window_seconds=10)

    taken = [attempts.take("a", now=now) for now in (0, 1, 2, 9.9, 10)]

    assert taken == [True, True, False, False, True]


def test_keys_do_not_share_their_limit() -> None:
    attempts = Attempts(limit=1, window_seconds=10)

    assert attempts.take("a", now=0) and attempts.take("b", now=0)


def test_what_is_given_back_can_be_taken_again() -> None:
    attempts = Attempts(limit=1, window_seconds=10)
    attempts.take("a", now=0)

    attempts.give_back("a")

    assert attempts.take("a", now=1)
    assert not attempts.take("a", now=2)


@given(st.lists(st.integers(min_value=0, max_value=30)))
def test_memory_is_bounded_by_keys(keys: list[int]) -> None:
    attempts = Attempts(limit=3, window_seconds=10, keys_max=5)

    for now, key in enumerate(keys):
        attempts.take(str(key), now=now)

    assert len(attempts._windows) <= 5
