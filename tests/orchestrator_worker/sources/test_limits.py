"""Vendors' limits in Postgres: no turn too many, whoever asks at once; waits, quotas, pauses and what is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from orchestrator_worker.sources import store
from orchestrator_worker.sources.limits import SharedLimits
from orchestrator_worker.sources.store import Admission
from tests.conftest import Dsn
from zmarty.postgres import Pool, open_pool

# So slow that no token comes back during a test.
TRICKLE = 0.000_001
NAMES = (f"vendor-{number}" for number in count(1))


@pytest.fixture
async def other_worker(trading_dsn: Dsn) -> AsyncIterator[Pool]:
    """A second process's pool on the same database."""
    pool = await open_pool(trading_dsn("zmarty_worker"), application_name="other", size_min=0, size_max=8)
    yield pool
    pool.terminate()


async def limit(
    trading: Pool, *, per_second: float = TRICKLE, burst: float = 1, quota: int | None = None
) -> str:
    vendor = next(NAMES)
    await trading.execute(
        "insert into vendor_limits (vendor, per_second, burst, monthly_quota) values ($1, $2, $3, $4)",
        vendor,
        per_second,
        burst,
        quota,
    )
    return vendor


async def take(pool: Pool, vendor: str, *, weight: int = 1, wait: float = 0.0) -> Admission:
    return await store.admit_request(pool, vendor, weight=weight, wait_max_seconds=wait)


async def take_all(
    pools: list[Pool], vendor: str, weights: list[int], *, wait: float = 0.0
) -> list[Admission]:
    """Everybody asks at once, by turns through the pools."""
    return await asyncio.gather(
        *(
            take(pools[place % len(pools)], vendor, weight=weight, wait=wait)
            for place, weight in enumerate(weights)
        )
    )


async def standing(trading: Pool, vendor: str) -> dict[str, Any]:
    row = await trading.fetchrow("select * from vendor_standing where vendor = $1", vendor)
    assert row is not None
    return dict(row)


# One clone of the database serves all examples: each has a vendor of its own.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    burst=st.integers(1, 12),
    waiting=st.integers(0, 12),
    weights=st.lists(st.integers(1, 4), min_size=1, max_size=30),
)
async def test_no_weight_too_many_is_given_to_two_processes(
    trading: Pool, trading_worker: Pool, other_worker: Pool, burst: int, waiting: int, weights: list[int]
) -> None:
    per_second = 0.01
    vendor = await limit(trading, per_second=per_second, burst=burst)
    # As long as `waiting` tokens need to flow, and half a token more against the clock's rounding.
    wait_max = (waiting + 0.5) / per_second

    admissions = await take_all([trading_worker, other_worker], vendor, weights, wait=wait_max)

    given_out = sum(
        weight
        for weight, admission in zip(weights, admissions, strict=True)
        if admission.verdict == "admitted"
    )
    assert given_out <= burst + waiting
    # Nor too few: what was refused would not have fitted.
    refused = [
        weight
        for weight, admission in zip(weights, admissions, strict=True)
        if admission.verdict != "admitted"
    ]
    assert not refused or given_out + max(refused) > burst + waiting
    row = await standing(trading, vendor)
    assert (row["weight"], row["requests"], row["refused"]) == (
        given_out,
        len(weights) - len(refused),
        len(refused),
    )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quota=st.integers(0, 25), asking=st.integers(1, 40))
async def test_no_request_too_many_is_given_in_a_month(
    trading: Pool, trading_worker: Pool, other_worker: Pool, quota: int, asking: int
) -> None:
    vendor = await limit(trading, per_second=1_000_000, burst=1_000, quota=quota)

    admissions = await take_all([trading_worker, other_worker], vendor, [1] * asking)

    verdicts = [admission.verdict for admission in admissions]
    assert verdicts.count("admitted") == min(quota, asking)
    assert verdicts.count("quota_used") == max(0, asking - quota)


async def test_turns_are_given_out_one_after_the_other(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, per_second=0.1, burst=2)

    waits = [(await take(trading_worker, vendor, wait=60)).wait_seconds for _ in range(5)]

    assert waits == pytest.approx([0, 0, 10, 20, 30], abs=1)
    assert (await standing(trading, vendor))["tokens"] == pytest.approx(-3, abs=0.1)


async def test_a_refusal_takes_nothing_and_says_when_to_come_back(
    trading: Pool, trading_worker: Pool
) -> None:
    vendor = await limit(trading, per_second=0.1, burst=1)
    await take(trading_worker, vendor)

    refusals = [await take(trading_worker, vendor, wait=5) for _ in range(3)]

    assert [refusal.verdict for refusal in refusals] == ["limited"] * 3
    # Had a refusal taken a turn, each would be ten seconds later than the one before.
    assert [refusal.wait_seconds for refusal in refusals] == pytest.approx([10] * 3, abs=4)


async def test_a_request_heavier_than_the_bucket_waits_for_its_weight(
    trading: Pool, trading_worker: Pool
) -> None:
    vendor = await limit(trading, per_second=1, burst=2)

    heavy = await take(trading_worker, vendor, weight=20, wait=60)

    assert heavy.is_granted
    assert heavy.wait_seconds == pytest.approx(18, abs=3)


async def test_the_bucket_fills_again_and_never_beyond_its_rim(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, per_second=1, burst=3)
    await take_all([trading_worker], vendor, [1, 1, 1])
    await trading.execute(
        "update vendor_limits set full_at = full_at - interval '1 hour' where vendor = $1", vendor
    )

    verdicts = [(await take(trading_worker, vendor)).verdict for _ in range(4)]

    assert verdicts == ["admitted", "admitted", "admitted", "limited"]


async def test_a_waiter_sleeps_until_its_turn(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, per_second=10, burst=1)
    limits, started = SharedLimits(trading_worker), time.monotonic()
    ends: list[float] = []

    async def ask() -> None:
        assert (await limits.wait_turn(vendor, weight=1, patience_seconds=30)).is_granted
        ends.append(time.monotonic() - started)

    await asyncio.gather(*(ask() for _ in range(6)))

    assert all(end >= place * 0.1 - 0.02 for place, end in enumerate(sorted(ends)))
    assert (await standing(trading, vendor))["requests"] == 6


async def test_who_has_no_patience_is_refused_at_once(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, per_second=0.01, burst=1)
    limits, started = SharedLimits(trading_worker), time.monotonic()
    await limits.wait_turn(vendor, weight=1, patience_seconds=1)

    refusal = await limits.wait_turn(vendor, weight=1, patience_seconds=30)

    assert not refusal.is_granted
    assert refusal.wait_seconds == pytest.approx(100, abs=15)
    assert time.monotonic() - started < 15


async def test_a_pause_holds_for_all_and_leaves_an_empty_bucket(
    trading: Pool, trading_worker: Pool, other_worker: Pool
) -> None:
    vendor = await limit(trading, per_second=0.5, burst=4)

    paused = time.monotonic()
    await SharedLimits(trading_worker).pause(vendor, seconds=60, reason="answered 429")
    await SharedLimits(trading_worker).pause(vendor, seconds=5, reason="answered 429")

    refusal = await take(other_worker, vendor, wait=30)
    assert refusal.verdict == "paused"
    # The longer pause holds, and the first token after it needs its two seconds.
    assert 61.9 - (time.monotonic() - paused) <= refusal.wait_seconds <= 62.1
    row = await standing(trading, vendor)
    assert (row["limited"], row["paused_because"], row["requests"]) == (2, "answered 429", 0)
    assert row["paused_until"] is not None


async def test_a_waiter_whose_vendor_is_paused_meanwhile_does_not_ask(
    trading: Pool, trading_worker: Pool, other_worker: Pool
) -> None:
    vendor = await limit(trading, per_second=5, burst=1)
    limits = SharedLimits(trading_worker)
    await limits.wait_turn(vendor, weight=1, patience_seconds=1)
    waiting = asyncio.create_task(limits.wait_turn(vendor, weight=1, patience_seconds=10))
    await until_requests(trading, vendor, 2)

    await SharedLimits(other_worker).pause(vendor, seconds=600, reason="answered 418")

    refusal = await waiting
    assert refusal.verdict == "paused"
    assert refusal.wait_seconds == pytest.approx(600, abs=30)


async def until_requests(trading: Pool, vendor: str, requests: int) -> None:
    while (await standing(trading, vendor))["requests"] < requests:
        await asyncio.sleep(0.005)


async def test_a_used_quota_lasts_until_the_month_ends(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, per_second=100, burst=10, quota=1)
    await take(trading_worker, vendor)

    refusal = await take(trading_worker, vendor, wait=60)

    left = await trading.fetchval(
        """
        select extract(epoch from
          (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC' - now())::float8
        """
    )
    assert refusal.verdict == "quota_used"
    assert refusal.wait_seconds == pytest.approx(left, abs=60)
    await trading.execute(
        "update vendor_usage set month = month - interval '1 month' where vendor = $1", vendor
    )
    assert (await take(trading_worker, vendor)).verdict == "admitted", "a new month, a new quota"


async def test_a_low_quota_is_told_once_a_day(
    trading: Pool, trading_worker: Pool, other_worker: Pool
) -> None:
    vendor = await limit(trading, per_second=1_000, burst=100, quota=10)
    pools = [SharedLimits(trading_worker), SharedLimits(other_worker)]

    with capture_logs() as logged:
        for place in range(10):
            await pools[place % 2].wait_turn(vendor, weight=1, patience_seconds=1)

    assert [(line["event"], line["used"], line["quota"]) for line in logged] == [("vendor_quota_low", 8, 10)]
    assert await trading.fetchval("select message from recent_errors where code = 'vendor_quota_low'") == (
        f"{vendor}: 8 of 10 requests of this month are used"
    )
    await trading.execute("update vendor_limits set warned_on = warned_on - 1 where vendor = $1", vendor)
    assert (await take(trading_worker, vendor)).is_low, "used up, and a new day"


async def test_a_vendor_without_a_row_is_counted_but_not_limited(trading: Pool, trading_worker: Pool) -> None:
    admissions = await take_all([trading_worker], "nobody", [5] * 20)

    assert {admission.verdict for admission in admissions} == {"admitted"}
    usage = await trading.fetchrow("select requests, weight from vendor_usage where vendor = 'nobody'")
    assert usage is not None
    assert tuple(usage) == (20, 100)


async def test_an_operators_change_holds_from_the_next_request(trading: Pool, trading_worker: Pool) -> None:
    vendor = await limit(trading, burst=1)
    await take(trading_worker, vendor)
    assert (await take(trading_worker, vendor)).verdict == "limited"

    await trading.execute("update vendor_limits set burst = 5 where vendor = $1", vendor)

    verdicts = [(await take(trading_worker, vendor)).verdict for _ in range(5)]
    assert verdicts == ["admitted"] * 4 + ["limited"]
