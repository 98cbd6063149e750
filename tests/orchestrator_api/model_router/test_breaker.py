"""When a provider is left alone, and when it is tried again."""

from orchestrator_api.model_router.breaker import (
    FAILURES_MAX,
    PAUSE_SECONDS,
    RETRY_AFTER_SECONDS_MAX,
    Breaker,
)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        breaker.record_failure(now)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = opened()

    assert not breaker.may_try(PAUSE_SECONDS - 0.1)
    assert breaker.state(1.0) == "open"


def test_a_success_in_between_keeps_it_closed() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.record_failure(0.0)
        breaker.record_success()

    assert breaker.may_try(0.0)


def test_an_open_breaker_lets_one_trial_through() -> None:
    breaker = opened()

    assert breaker.state(PAUSE_SECONDS) == "half_open"
    assert breaker.may_try(PAUSE_SECONDS)
    assert not breaker.may_try(PAUSE_SECONDS)


def test_a_recovered_provider_is_used_within_thirty_seconds() -> None:
    breaker = opened()
    breaker.record_failure(0.0, retry_after_seconds=86_400)

    assert RETRY_AFTER_SECONDS_MAX <= 30
    assert breaker.may_try(30.0)
    breaker.record_success()
    assert breaker.may_try(30.0)
    assert breaker.state(30.0) == "closed"
