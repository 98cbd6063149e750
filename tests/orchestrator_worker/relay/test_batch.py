"""Whatever is claimed is packed whole, in order per user, and within the bounds of a request."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.relay.batch import EVENT_BYTES_EXTRA, Event, pack

TABLES = ("user_symbols", "user_references")


def event(number: int, user: int, *, table: str = TABLES[0], size: int = 200, alone: bool = False) -> Event:
    return Event(number, UUID(int=user), {"table": table}, 1, size, alone)


rows = st.tuples(
    st.integers(1, 6), st.sampled_from(TABLES), st.integers(1, 3_000), st.sampled_from([False] * 9 + [True])
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    drawn = draw(st.lists(rows, max_size=60))
    return [
        event(number, user, table=table, size=size, alone=alone)
        for number, (user, table, size, alone) in enumerate(drawn, start=1)
    ]


@given(events(), st.integers(1, 8), st.integers(1, 20))
def test_nothing_is_lost_doubled_or_overtaken(
    claimed: list[Event], batches_max: int, events_max: int
) -> None:
    batches, left = pack(claimed, batches_max=batches_max, events_max=events_max, bytes_max=5_000)

    packed = [row for batch in batches for row in batch.events]
    assert sorted(row.id for row in [*packed, *left]) == [row.id for row in claimed]
    assert len(batches) <= batches_max
    places = defaultdict(set)
    for number, batch in enumerate(batches):
        assert batch.events
        assert len(batch.events) <= events_max
        assert {row.table for row in batch.events} == {batch.table}
        size = sum(row.bytes + EVENT_BYTES_EXTRA for row in batch.events)
        assert size <= 5_000 or len(batch.events) == 1
        assert len(batch.events) == 1 or not any(row.alone for row in batch.events)
        for row in batch.events:
            places[row.user_id].add(number)
    for user, numbers in places.items():
        assert len(numbers) == 1, "a user is in one batch at a time"
        [number] = numbers
        sent = [row.id for row in batches[number].events if row.user_id == user]
        assert sent == [row.id for row in claimed if row.user_id == user][: len(sent)]


def test_users_travel_side_by_side_before_they_share() -> None:
    batches, left = pack(
        [event(number, number) for number in range(1, 11)], batches_max=4, events_max=50, bytes_max=60_000
    )

    assert [[row.id for row in batch.events] for batch in batches] == [[1, 5, 9], [2, 6, 10], [3, 7], [4, 8]]
    assert left == []


def test_a_row_that_fits_nowhere_travels_alone() -> None:
    batches, left = pack(
        [event(1, 1, size=99_999), event(2, 1)], batches_max=4, events_max=50, bytes_max=60_000
    )

    assert [[row.id for row in batch.events] for batch in batches] == [[1]]
    assert [row.id for row in left] == [2]
