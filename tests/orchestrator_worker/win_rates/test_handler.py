"""compute_winrate on real Postgres: mature signals judged once, rates beside their n, backfill told from live."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import asyncpg
import polars as pl
import pytest

from orchestrator_worker.ending import Discard
from orchestrator_worker.signals import handler as signals
from orchestrator_worker.win_rates.handler import handle
from orchestrator_worker.win_rates.outcomes import LABEL_VERSION, Horizon
from tests.orchestrator_worker.jobs import delivered, resources_of, store_candles
from tests.orchestrator_worker.market import random_candles
from tests.orchestrator_worker.win_rates.test_outcomes import naive
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, ComputeWinrate
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
BARS = 2_000


@pytest.fixture
async def walked(trading_worker: Pool) -> pl.DataFrame:
    """Candles whose signals are saved and not yet judged."""
    newest = HOUR.newest_closed(datetime.now(UTC))
    candles = random_candles(BARS, seed=21, began_at=newest - (BARS - 1) * HOUR.delta)
    await store_candles(trading_worker, BTC, HOUR, candles)
    message = ComputeSignals(symbol=BTC, timeframe=HOUR)
    await signals.handle(await delivered(trading_worker, message), resources_of(trading_worker))
    return candles


async def compute(pool: Pool, *, lookback_days: int = 30) -> object:
    message = ComputeWinrate(symbol=BTC, timeframe=HOUR, lookback_days=lookback_days)
    return await handle(await delivered(pool, message), resources_of(pool))


async def rates_of(pool: Pool) -> dict[tuple[str, str, int, str], asyncpg.Record]:
    rows = await pool.fetch("select * from win_rate where symbol = $1 and timeframe = $2", BTC, HOUR)
    return {(row["direction"], row["horizon"], row["lookback_days"], row["origin"]): row for row in rows}


async def outcomes_count(pool: Pool) -> int:
    return int(await pool.fetchval("select count(*) from signal_outcomes"))


async def test_a_walked_history_has_win_rates_at_once(trading_worker: Pool, walked: pl.DataFrame) -> None:
    # Many times what it takes, as others may keep the machine busy.
    started = time.perf_counter()
    assert await compute(trading_worker) is None
    assert time.perf_counter() - started < 30.0

    rates = await rates_of(trading_worker)
    assert len(rates) == 3 * 3 * 2 * 3
    for horizon in Horizon:
        rate = rates["all", horizon, 30, "all"]
        assert rate["n"] >= 100
        assert rate["low"] < rate["rate"] < rate["high"]
        assert rate["n_effective"] < rate["n"]
        assert rate["baseline"] is not None
        assert rates["all", horizon, 30, "backfill"]["n"] == rate["n"]
        live = rates["all", horizon, 30, "live"]
        assert (live["n"], live["rate"], live["low"]) == (0, None, None)


async def test_outcomes_equal_the_naive_loop(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker)

    rows = await trading_worker.fetch(
        """
        select signals.opened_at, direction, entry_price, stop_price, targets[1] as target_price, signal_outcomes.*
        from signals
        join signal_outcomes on signal_id = signals.id
        where horizon = '24h'
        order by signals.opened_at
        limit 150
        """
    )
    bars = walked.to_dicts()
    assert len(rows) == 150
    for row in rows:
        prices = {name: float(row[name]) for name in ("entry_price", "stop_price", "target_price")}
        signal = {"opened_at": row["opened_at"], "direction": row["direction"], **prices}
        expected = naive(signal, bars, HOUR, Horizon.DAY)
        assert (row["barrier"], row["ambiguous"]) == (expected["barrier"], expected["ambiguous"])
        assert row["closed_at"] == expected["closed_at"]
        assert row["return_net"] == pytest.approx(expected["return_net"])
        assert row["label_version"] == LABEL_VERSION


async def test_win_rates_equal_a_recount_in_sql(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker)
    newest_closed_at = HOUR.closed_at(walked["opened_at"][-1])

    for (direction, horizon, days, origin), rate in (await rates_of(trading_worker)).items():
        span = Horizon(horizon).delta
        recount = await trading_worker.fetchrow(
            """
            select
              count(*) as n,
              count(*) filter (where barrier = 'target') as wins,
              count(*) filter (where barrier = 'stop') as losses,
              avg(return_net) as expectancy
            from signals
            join signal_outcomes on signal_id = signals.id
            where horizon = $1
              and $2 in ('all', direction)
              and $3 in ('all', origin)
              and opened_at + $4::interval > $5
            """,
            horizon,
            direction,
            origin,
            span + HOUR.delta,
            newest_closed_at - timedelta(days=days),
        )
        assert recount is not None
        assert (rate["n"], rate["wins"], rate["losses"]) == (recount["n"], recount["wins"], recount["losses"])
        assert rate["expectancy"] == (pytest.approx(recount["expectancy"]) if rate["n"] else None)


async def test_only_mature_directed_signals_are_judged(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker)

    unfit = await trading_worker.fetchval(
        """
        select count(*)
        from signals
        join signal_outcomes on signal_id = signals.id
        where direction = 'flat' or opened_at > $1::timestamptz - horizon::interval
        """,
        walked["opened_at"][-1],
    )
    due = await trading_worker.fetchval(
        """
        select count(*)
        from signals, unnest(array['24h', '7d', '30d']) as horizon
        where direction <> 'flat' and opened_at <= $1::timestamptz - horizon::interval
        """,
        walked["opened_at"][-1],
    )
    assert unfit == 0
    assert await outcomes_count(trading_worker) == due > 1_500


async def test_judging_twice_changes_nothing(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker)
    outcomes, rates = await outcomes_count(trading_worker), await rates_of(trading_worker)

    await compute(trading_worker)

    assert await outcomes_count(trading_worker) == outcomes
    for key, rate in (await rates_of(trading_worker)).items():
        assert {**rate, "computed_at": None} == {**rates[key], "computed_at": None}


async def test_two_workers_judging_at_once_agree(trading_worker: Pool, walked: pl.DataFrame) -> None:
    deliveries = [
        await delivered(trading_worker, ComputeWinrate(symbol=BTC, timeframe=HOUR, lookback_days=days))
        for days in (30, 90)
    ]

    await asyncio.gather(*(handle(delivery, resources_of(trading_worker)) for delivery in deliveries))

    outcomes, rates = await outcomes_count(trading_worker), await rates_of(trading_worker)
    assert outcomes == await trading_worker.fetchval(
        "select count(distinct (signal_id, horizon)) from signal_outcomes"
    )
    assert rates["all", "24h", 90, "all"]["n"] >= rates["all", "24h", 30, "all"]["n"] > 100


async def test_an_asked_lookback_is_tallied_too(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker, lookback_days=7)

    rates = await rates_of(trading_worker)
    assert {days for _, _, days, _ in rates} == {7, 30, 365}
    assert rates["all", "24h", 7, "all"]["n"] < rates["all", "24h", 30, "all"]["n"]


async def test_a_pair_without_candles_is_discarded(trading_worker: Pool) -> None:
    ending = await compute(trading_worker)

    assert isinstance(ending, Discard)
    assert ending.reason.startswith("not_enough_data: have 0")


async def test_a_pair_without_signals_says_zero(trading_worker: Pool) -> None:
    candles = random_candles(400, seed=1, began_at=HOUR.newest_closed(datetime.now(UTC)) - 399 * HOUR.delta)
    await store_candles(trading_worker, BTC, HOUR, candles)

    assert await compute(trading_worker) is None

    rates = await rates_of(trading_worker)
    assert {rate["n"] for rate in rates.values()} == {0}
    assert {rate["rate"] for rate in rates.values()} == {None}
    # What a random entry would have won is known all the same.
    assert rates["long", "24h", 30, "live"]["baseline"] is not None


async def test_live_and_backfill_are_told_apart(
    trading_worker: Pool, walked: pl.DataFrame, trading: Pool
) -> None:
    await trading.execute(
        "update signals set origin = 'live' where opened_at > $1", walked["opened_at"][-200]
    )

    await compute(trading_worker)

    rates = await rates_of(trading_worker)
    live, backfill, both = (rates["all", "24h", 30, origin] for origin in ("live", "backfill", "all"))
    assert live["n"] > 0
    assert live["n"] + backfill["n"] == both["n"]
    assert live["wins"] + backfill["wins"] == both["wins"]


async def test_calibration_is_counted_with_the_win_rates(trading_worker: Pool, walked: pl.DataFrame) -> None:
    await compute(trading_worker)
    first = await calibrations_of(trading_worker)

    await compute(trading_worker)

    assert set(first) == {"long", "short", "all"}
    judged = await trading_worker.fetchrow(
        """
        select count(*) as n, avg(confidence) as confidence, count(*) filter (where barrier = 'expiry') as expired
        from signals
        join signal_outcomes on signal_id = signals.id
        where horizon = '24h'
        """
    )
    assert judged is not None
    both = first["all"]
    assert (both["n"], both["expired"]) == (judged["n"], judged["expired"])
    assert both["mean_confidence"] == pytest.approx(judged["confidence"])
    assert sum(place["n"] for place in both["reliability"]) == both["n"] > 400
    assert 0.0 < both["brier"] < 0.35
    for direction, row in (await calibrations_of(trading_worker)).items():
        assert {**row, "computed_at": None} == {**first[direction], "computed_at": None}


async def calibrations_of(pool: Pool) -> dict[str, asyncpg.Record]:
    rows = await pool.fetch("select * from calibration where symbol = $1 and timeframe = $2", BTC, HOUR)
    return {row["direction"]: row for row in rows}


async def test_earlier_and_relayed_strategies_keep_being_judged_by_themselves(
    trading: Pool, trading_worker: Pool, walked: pl.DataFrame
) -> None:
    for strategy, source, name in (("baseline-1", None, None), ("relay:fox", "fox", "id")):
        await trading.execute(
            """
            insert into signals (symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength,
              confidence, entry_price, targets, stop_price, risk_reward, expected_value, verdict, expires_at, source, external_id)
            select symbol, timeframe, opened_at, $1, 'live', direction, score, strength, 0.9, entry_price,
              targets, stop_price, risk_reward, expected_value, verdict, expires_at, $2, $3 || opened_at
            from signals
            where strategy_version = 'blend-2' and direction = 'long'
            """,
            strategy,
            source,
            name,
        )

    await compute(trading_worker)

    rows = await trading_worker.fetch(
        "select * from win_rate where direction = 'long' and horizon = '24h' and lookback_days = 30 and origin = 'all'"
    )
    rates = {row["strategy_version"]: row for row in rows}
    assert set(rates) == {"blend-2", "baseline-1", "relay:fox"}
    # The same trades, so the same rates; and each stands beside the random entries that fit its own distances.
    for strategy in ("baseline-1", "relay:fox"):
        assert rates[strategy]["n"] == rates["blend-2"]["n"] > 50
        assert rates[strategy]["rate"] == rates["blend-2"]["rate"]
        assert rates[strategy]["baseline"] == pytest.approx(rates["blend-2"]["baseline"], abs=0.1)
    claimed = await trading_worker.fetchval(
        "select mean_confidence from calibration where strategy_version = 'relay:fox' and direction = 'long'"
    )
    assert claimed == pytest.approx(0.9)
