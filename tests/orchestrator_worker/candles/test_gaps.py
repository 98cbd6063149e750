"""What lacks in a history: stretches, and what is left of one without the others."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.candles.gaps import (
    BARS_MAX,
    Stretch,
    missing,
    pages,
    stretches_of,
    wanted_since,
)
from tests.orchestrator_worker.market import OHLCV
from zmarty.errors import FieldInvalid
from zmarty.market import Timeframe

HOUR = timedelta(hours=1)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
TIMEFRAME = Timeframe.HOUR_1

Bars = set[int]


def at(hour: int) -> datetime:
    return FIRST + hour * HOUR


def hours_in(stretches: list[Stretch]) -> list[int]:
    found: list[int] = []
    for stretch in stretches:
        first, last = (int((edge - FIRST) / HOUR) for edge in (stretch.first, stretch.last))
        found += range(first, last + 1)
    return found


stretches = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(
    lambda drawn: Stretch(at(drawn[0]), at(drawn[0] + drawn[1]))
)


@given(present=st.lists(stretches, max_size=8), first=st.integers(0, 40), length=st.integers(0, 40))
def test_missing_is_what_no_stretch_holds(present: list[Stretch], first: int, length: int) -> None:
    wanted = Stretch(at(first), at(first + length))

    found = missing(wanted, present, TIMEFRAME)

    held = {hour for stretch in present for hour in hours_in([stretch])}
    assert hours_in(found) == [hour for hour in range(first, first + length + 1) if hour not in held]
    assert all(one.last + HOUR < other.first for one, other in itertools.pairwise(found))


@given(hours=st.sets(st.integers(0, 60), max_size=40))
def test_stretches_of_candles_hold_exactly_them(hours: Bars) -> None:
    found = stretches_of([at(hour) for hour in sorted(hours)], TIMEFRAME)

    assert hours_in(found) == sorted(hours)
    assert all(one.last + HOUR < other.first for one, other in itertools.pairwise(found))


@given(hours=st.sets(st.integers(0, 60), max_size=40), bars_max=st.integers(1, 9), newest_first=st.booleans())
def test_pages_cut_stretches_and_lose_nothing(hours: Bars, bars_max: int, newest_first: bool) -> None:
    whole = stretches_of([at(hour) for hour in sorted(hours)], TIMEFRAME)

    cut = list(pages(whole, TIMEFRAME, bars_max=bars_max, newest_first=newest_first))

    assert all(page.bars(TIMEFRAME) <= bars_max for page in cut)
    assert cut == sorted(cut, reverse=newest_first)
    assert hours_in(sorted(cut)) == sorted(hours)


def test_the_halt_of_march_2023_is_the_one_gap() -> None:
    path = OHLCV / "BTCUSDT_1h_2023-2025.parquet"
    if not path.exists():
        pytest.skip("no real candles on this machine")
    opened_at = pl.read_parquet(path)["ts"].to_list()

    stored = stretches_of(opened_at, TIMEFRAME)

    gaps = missing(Stretch(opened_at[0], opened_at[-1]), stored, TIMEFRAME)
    assert [gap.bars(TIMEFRAME) for gap in gaps] == [1]
    assert gaps[0].first.date().isoformat() == "2023-03-24"


def test_wanted_begins_on_the_grid_and_ends_with_the_newest_closed_candle() -> None:
    now = at(10) + timedelta(minutes=20)

    assert wanted_since(at(3), TIMEFRAME, now=now) == Stretch(at(3), at(9))
    assert wanted_since(at(3) + timedelta(minutes=1), TIMEFRAME, now=now) == Stretch(at(4), at(9))
    assert wanted_since(at(10), TIMEFRAME, now=now) is None, "its candle has not closed"


@pytest.mark.parametrize(
    ("since", "timeframe", "rule"),
    [
        (datetime(2008, 12, 31, tzinfo=UTC), TIMEFRAME, "since: must not lie before 2009-01-03"),
        (datetime(1970, 1, 20, tzinfo=UTC), TIMEFRAME, "since: must not lie before 2009-01-03"),
        (datetime(2027, 1, 1, tzinfo=UTC), TIMEFRAME, "since: must not lie in the future"),
        (datetime(2010, 1, 1, tzinfo=UTC), Timeframe.MINUTE_1, f"since: .* at most {BARS_MAX:,}"),
    ],
)
def test_an_absurd_since_is_named(since: datetime, timeframe: Timeframe, rule: str) -> None:
    with pytest.raises(FieldInvalid, match=rule):
        wanted_since(since, timeframe, now=FIRST)
