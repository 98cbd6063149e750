"""The reading plan: what a month costs, and what is given up first when it runs short."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.sources.plan import (
    PLAN,
    Source,
    asks_for,
    due_again,
    headroom,
    interval,
    is_affordable,
    requests_of_month,
    stale_after,
)
from zmarty.market import Timeframe

QUOTA = 100_000
BEGAN = datetime(2026, 10, 1, tzinfo=UTC)
MONTH = timedelta(days=31)


def test_the_market_alone_takes_little_more_than_a_quarter_of_the_month() -> None:
    assert sum(requests_of_month({}, symbols=0).values()) == 27_590


@pytest.mark.parametrize(
    ("symbols", "total"), [(1, 30_938), (10, 61_070), (20, 94_550), (21, 97_898), (22, 101_246)]
)
def test_the_plan_is_whole_for_so_many_symbols_on_an_hour(symbols: int, total: int) -> None:
    assert sum(requests_of_month({Timeframe.HOUR_1: symbols}, symbols=symbols).values()) == total


def test_short_timeframes_do_not_cost_more_than_an_hour() -> None:
    hourly = requests_of_month({Timeframe.HOUR_1: 1}, symbols=1)
    shorter = requests_of_month({Timeframe.MINUTES_5: 1}, symbols=1)

    assert shorter == hourly | {"candles": 0}


def test_timeframes_that_the_vendor_does_not_know_ask_nothing_of_pairs() -> None:
    weekly = requests_of_month({Timeframe.WEEK_1: 3, Timeframe.MINUTE_1: 3}, symbols=0)

    assert weekly == requests_of_month({}, symbols=0)


def test_a_month_that_keeps_its_pace_affords_everything() -> None:
    now = BEGAN + MONTH / 2

    assert all(is_affordable(source.name, used=49_000, quota=QUOTA, now=now) for source in PLAN)


def test_candles_go_first_and_the_trend_last() -> None:
    now = BEGAN + MONTH / 2
    left = [
        [source.name for source in PLAN if is_affordable(source.name, used=used, quota=QUOTA, now=now)]
        for used in range(50_000, 55_100, 100)
    ]

    assert len(left[0]) == len(PLAN)
    for more, fewer in pairwise(left):
        # Only ever the tail: what is worth more is never dropped before what is worth less.
        assert more[: len(fewer)] == fewer
    dropped_first = next(names for names in left if len(names) < len(PLAN))
    assert "candles" not in dropped_first
    assert ["trend"] in left
    assert left[-1] == []


def test_the_last_day_keeps_what_is_left_for_what_is_worth_most() -> None:
    now = BEGAN + MONTH - timedelta(hours=1)

    assert is_affordable("trend", used=QUOTA - 10, quota=QUOTA, now=now)
    assert not is_affordable("candles", used=QUOTA - 10, quota=QUOTA, now=now)


def test_without_a_quota_everything_is_asked_and_with_none_left_nothing() -> None:
    now = BEGAN + MONTH / 2

    assert is_affordable("candles", used=10**9, quota=None, now=now)
    assert not is_affordable("trend", used=0, quota=0, now=now)


@given(st.integers(0, QUOTA), st.integers(0, 2 * 365 * 24 * 60))
def test_headroom_falls_with_use_and_never_passes_what_is_left(used: int, minutes: int) -> None:
    now = BEGAN + timedelta(minutes=minutes)

    assert headroom(used=used, quota=QUOTA, now=now) <= 1 - used / QUOTA + 1e-12
    assert headroom(used=used + 1, quota=QUOTA, now=now) < headroom(used=used, quota=QUOTA, now=now)


def test_a_month_under_pressure_ends_within_its_quota_and_keeps_its_best_sources() -> None:
    """A hundred symbols want three times the quota; each hour every source is asked as often as it wants, if it may.

    A twentieth of everything, which is as true and faster.
    """
    quota = QUOTA // 20
    wanted = {
        name: month // 20 for name, month in requests_of_month({Timeframe.HOUR_1: 100}, symbols=100).items()
    }
    hours = 31 * 24
    used, asked = 0, dict.fromkeys(wanted, 0)
    for hour in range(hours):
        now = BEGAN + timedelta(hours=hour)
        for name, month in wanted.items():
            for _ in range(month * (hour + 1) // hours - month * hour // hours):
                if used < quota and is_affordable(name, used=used, quota=quota, now=now):
                    used, asked[name] = used + 1, asked[name] + 1

    assert sum(wanted.values()) > 3 * quota
    assert 0.97 * quota < used <= quota
    assert asked["trend"] == wanted["trend"]
    assert asked["candles"] < 0.05 * wanted["candles"]


@pytest.mark.parametrize(
    "source", [source for source in PLAN if source.asked_by == "tick"], ids=lambda source: source.name
)
def test_ticks_ask_as_often_as_the_plan_says_and_not_more(source: Source) -> None:
    """Every five minutes a tick, which asks at any moment of its first half: a month of them, counted."""
    chance = Random(7)
    asked, due_at = 0, BEGAN
    for tick in range(MONTH // (5 * timedelta(minutes=1))):
        now = BEGAN + tick * timedelta(minutes=5)
        if due_at <= now:
            asked += 1
            due_at = now + timedelta(seconds=chance.uniform(0, 150)) + due_again(source, None)

    assert asked == MONTH // source.every


@pytest.mark.parametrize("source", PLAN, ids=lambda source: source.name)
def test_nothing_is_stale_before_it_is_asked_again(source: Source) -> None:
    for timeframe in Timeframe:
        if source.name != "ticker" and asks_for(source, timeframe):
            asked_every = interval(source, timeframe if source.scope == "pair" else None)
            assert stale_after(source, timeframe) > 2 * asked_every
