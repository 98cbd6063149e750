"""The counters of the heartbeat add up, and their buckets are cumulative as Prometheus wants them."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.tally import DURATION_BUCKETS_MS, Tally


@given(st.lists(st.tuples(st.sampled_from(["done", "failed", "postponed"]), st.floats(0, 1e6))))
def test_every_message_is_in_every_bucket_above_it(ended: list[tuple[str, float]]) -> None:
    tally = Tally()
    for ending, duration_ms in ended:
        tally.count(ending, duration_ms)

    report = tally.report()

    for bound in DURATION_BUCKETS_MS:
        assert report["duration_buckets"][str(bound)] == sum(1 for _, ms in ended if ms <= bound)
    assert report["duration_buckets"]["+Inf"] == len(ended) == sum(report["endings"].values())
    assert report["retries"] == sum(1 for ending, _ in ended if ending != "done")
