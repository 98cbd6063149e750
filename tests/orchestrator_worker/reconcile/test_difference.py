"""Differences are named rightly, and two sorted streams meet at their keys whatever they hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.reconcile.difference import (
    LISTED_MAX,
    Difference,
    Findings,
    Kind,
    Reference,
    Table,
    WatchedPair,
    merged,
    reference_difference,
    watcher_difference,
)

USER = UUID(int=7)


def pair(active: bool = True, **strategy: str) -> WatchedPair:
    return WatchedPair(USER, "BTC/USDT", "1h", active, dict(strategy), version=3)


@pytest.mark.parametrize(
    ("origin", "mirrored", "kind"),
    [
        (pair(), pair(), None),
        (pair(), None, Kind.MISSING),
        (None, pair(), Kind.EXTRA),
        (pair(active=False), pair(), Kind.DIFFERENT),
        (pair(), pair(active=False), Kind.DIFFERENT),
        (pair(name="swing"), pair(name="day"), Kind.DIFFERENT),
        (pair(active=False), None, None),
        (None, pair(active=False), None),
        (pair(active=False, name="swing"), pair(active=False, name="day"), None),
    ],
)
def test_a_watcher_is_as_its_pair(
    origin: WatchedPair | None, mirrored: WatchedPair | None, kind: Kind | None
) -> None:
    difference = watcher_difference(origin, mirrored)

    assert (difference and difference.kind) == kind
    if difference:
        assert difference.pair == "BTC/USDT 1h"
        assert difference.version == (3 if mirrored else 0)


ADA = Reference(USER, "ada@example.com", "free", 100, True, version=3)
GONE = Reference(USER, None, "free", 0, False, version=4)


@pytest.mark.parametrize(
    ("origin", "mirrored", "kind"),
    [
        (ADA, ADA, None),
        (ADA, None, Kind.MISSING),
        (None, ADA, Kind.EXTRA),
        (None, GONE, None),
        (ADA, GONE, Kind.DIFFERENT),
        (ADA, Reference(USER, "eve@example.com", "free", 100, True), Kind.DIFFERENT),
        (ADA, Reference(USER, "ada@example.com", "pro", 100, True), Kind.DIFFERENT),
        (ADA, Reference(USER, "ada@example.com", "free", 99, True), Kind.DIFFERENT),
    ],
)
def test_a_reference_is_as_its_user(
    origin: Reference | None, mirrored: Reference | None, kind: Kind | None
) -> None:
    difference = reference_difference(origin, mirrored)

    assert (difference and difference.kind) == kind


@dataclass(frozen=True)
class Keyed:
    key: int


async def stream(keys: Iterable[int]) -> AsyncIterator[Keyed]:
    for key in sorted(keys):
        yield Keyed(key)


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
async def test_streams_meet_at_their_keys(one: set[int], other: set[int]) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    met = [pair async for pair in merged(stream(one), stream(other), compared=count)]

    assert steps == len(one | other)
    assert met == [
        (Keyed(key) if key in one else None, Keyed(key) if key in other else None)
        for key in sorted(one | other)
    ]


def test_findings_list_a_bounded_number_and_count_all() -> None:
    findings = Findings()
    for number in range(LISTED_MAX * 3):
        kind = Kind.PENDING if number % 3 == 0 else Kind.MISSING
        findings.note(Difference(Table.WATCHERS, kind, UUID(int=number)))

    assert findings.counts == {"watchers": {"pending": LISTED_MAX, "missing": LISTED_MAX * 2}}
    assert findings.differences == LISTED_MAX * 2
    assert len(findings.listed) == LISTED_MAX
