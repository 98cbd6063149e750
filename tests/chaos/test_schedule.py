"""The plan of a storm: the same for the same seed, with every kind of fault in it, inside its time."""

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import plan

KINDS = ("crash", "drop", "freeze", "kill")
seeds = st.integers(min_value=0, max_value=2**32)


@given(seeds, st.floats(min_value=1, max_value=600))
def test_a_seed_repeats_its_storm(seed: int, seconds: float) -> None:
    first = plan(seed, seconds=seconds, kinds=KINDS, pause_seconds=2)

    assert first == plan(seed, seconds=seconds, kinds=tuple(reversed(KINDS)), pause_seconds=2)


@given(seeds, st.floats(min_value=1, max_value=600))
def test_every_kind_strikes_in_order_and_in_time(seed: int, seconds: float) -> None:
    faults = plan(seed, seconds=seconds, kinds=KINDS, pause_seconds=2)

    assert {fault.kind for fault in faults[: len(KINDS)]} == set(KINDS)
    moments = [fault.begins_at for fault in faults]
    assert moments == sorted(moments)
    assert moments[0] >= 0 and moments[-1] <= seconds


def test_another_seed_is_another_storm() -> None:
    storms = {str(plan(seed, seconds=60, kinds=KINDS, pause_seconds=2)) for seed in range(20)}

    assert len(storms) == 20
