"""run_simulation on real Postgres: kept with its trades, stopped between steps, begun again after a death, refusals named."""

import asyncio
import os
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import pytest

from orchestrator_worker.ending import Discard
from orchestrator_worker.resources import Resources
from orchestrator_worker.simulation import handler, store
from orchestrator_worker.simulation.handler import handle
from orchestrator_worker.simulation.replay import replay
from orchestrator_worker.sources.candle_source import HistorySource
from tests.orchestrator_worker.consuming import until
from tests.orchestrator_worker.jobs import delivered, store_candles
from tests.orchestrator_worker.market import random_candles
from tests.orchestrator_worker.vendors import Away, vendors_with
from zmarty import jobs, queue
from zmarty.jobs import Job
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.messages import RunSimulation
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
BARS = 1_500
ANALYZE: dict[str, Any] = {"kind": "analyze", "lookback_days": 30, "trading": {"draws": 100}}
CROSS = {"name": "sma_cross", "fast": 5, "slow": 20, "stop": 0.01, "target": 0.015}


def resources_with(pool: Pool, *exchanges: HistorySource) -> Resources:
    return Resources(chat=pool, trading=pool, vendors=vendors_with(*exchanges))


@pytest.fixture
def candles() -> pl.DataFrame:
    """Candles up to the newest closed one."""
    newest = HOUR.newest_closed(datetime.now(UTC))
    return random_candles(BARS, seed=7, began_at=newest - (BARS - 1) * HOUR.delta)


async def asked(pool: Pool, spec: dict[str, Any], **pair: Any) -> RunSimulation:
    job_id: UUID = await jobs.create(pool, kind="simulation", user_id=uuid4())
    return RunSimulation(job_id=job_id, **({"symbol": BTC, "timeframe": HOUR} | pair), spec=spec)


async def simulated(pool: Pool, spec: dict[str, Any], **pair: Any) -> tuple[object, Job]:
    message = await asked(pool, spec, **pair)
    ending = await handle(await delivered(pool, message), resources_with(pool))
    return ending, await job_of(pool, message.job_id)


async def job_of(pool: Pool, job_id: UUID) -> Job:
    job = await jobs.find(pool, job_id)
    assert job is not None
    return job


@pytest.mark.parametrize("strategy", ["signals", CROSS], ids=["signals", "sma_cross"])
async def test_a_simulation_is_kept_with_its_trades(
    trading_worker: Pool, candles: pl.DataFrame, strategy: Any
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    ending, job = await simulated(trading_worker, {**ANALYZE, "strategy": strategy})

    assert (ending, job.state, job.error) == (None, "done", None)
    assert job.result is not None
    kept = await trading_worker.fetchrow("select * from simulations where id = $1", job.id)
    assert kept is not None
    assert (kept["state"], kept["user_id"], kept["kind"]) == ("done", job.user_id, "analyze")
    assert kept["request"]["symbol"] == "BTC/USDT"
    assert kept["summary"]["statistics"]["n"] == job.result["statistics"]["n"] == kept["trades_count"] > 0
    assert 1 < len(kept["curve"]) <= 400
    assert "curve" not in job.result
    trades = await trading_worker.fetch(
        "select * from simulation_trades where simulation_id = $1 order by number", job.id
    )
    assert [trade["number"] for trade in trades] == list(range(1, kept["trades_count"] + 1))
    assert sum(trade["pnl"] for trade in trades) == pytest.approx(
        kept["summary"]["statistics"]["equity_end"] - kept["summary"]["statistics"]["equity_start"]
    )


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"kind": "win_ratio", "lookback_days": 30}, {"win_rates"}),
        (
            {"kind": "validate_pattern", "lookback_days": 30, "pattern": "flag"},
            {"win_rates", "finding", "pattern"},
        ),
        ({"kind": "assess_risk", "lookback_days": 30}, {"plan", "stop_first", "leverage"}),
        (
            {"kind": "report", "lookback_days": 30, "trading": {"draws": 100}},
            {"statistics", "chance", "win_rates", "risk"},
        ),
        ({"kind": "report", "lookback_days": 30, "report_type": "risk"}, {"risk"}),
    ],
    ids=["win_ratio", "validate_pattern", "assess_risk", "comprehensive", "risk"],
)
async def test_every_kind_has_its_answer(
    trading_worker: Pool, candles: pl.DataFrame, spec: dict[str, Any], names: set[str]
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    _, job = await simulated(trading_worker, spec)

    assert job.error is None
    assert job.result is not None
    assert names <= job.result.keys()


@pytest.mark.parametrize(
    ("spec", "pair", "error"),
    [
        (ANALYZE, {"symbol": "NOPE/USDT"}, "symbol_unknown: NOPE/USDT is no instrument that Zmarty knows."),
        (ANALYZE, {"symbol": None}, "field_invalid: symbol: must be given"),
        (ANALYZE, {"timeframe": "1d"}, "not_enough_data: have 0, need 350 1d candles"),
        ({**ANALYZE, "lookback_days": 0}, {}, "field_invalid: analyze.lookback_days: "),
        (
            {**ANALYZE, "lookback_days": 3_650},
            {"timeframe": "1m"},
            "field_invalid: lookback_days: must be at most 76",
        ),
        ({"kind": "guess"}, {}, "field_invalid: spec: "),
        ({**ANALYZE, "lookbak_days": 3}, {}, "field_invalid: analyze.lookbak_days: "),
        ({"kind": "assess_risk", "stop": 1e9}, {}, "field_invalid: stop: must lie below the entry"),
    ],
)
async def test_a_refusal_names_field_and_rule(
    trading_worker: Pool, candles: pl.DataFrame, spec: dict[str, Any], pair: dict[str, Any], error: str
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    ending, job = await simulated(trading_worker, spec, **pair)

    assert (ending, job.state) == (None, "failed")
    assert job.error is not None
    assert job.error.startswith(error)
    assert await trading_worker.fetchval("select count(*) from simulations where state = 'running'") == 0


async def test_a_risk_tells_the_newest_metric_where_there_is_one(
    trading: Pool, candles: pl.DataFrame
) -> None:
    await store_candles(trading, BTC, HOUR, candles)
    spec = {"kind": "assess_risk", "lookback_days": 30}
    _, without = await simulated(trading, spec)
    await trading.executemany(
        """
        insert into risk_metric (symbol, observed_on, source, value, band, rarity, days, price, known_at)
        values ('BTC/USDT', $1, $2, $3, 5, 1.2, 100, 60000, now())
        """,
        [
            (date(2026, 11, 24), "anchors", 0.1),
            (date(2026, 11, 25), "percentile", 0.9),
            (date(2026, 11, 25), "anchors", 0.55),
        ],
    )

    _, told = await simulated(trading, spec)

    assert without.result is not None
    assert without.result["risk_metric"] is None
    assert told.result is not None
    assert (told.result["risk_metric"]["value"], told.result["risk_metric"]["observed_on"]) == (
        0.55,
        "2026-11-25",
    )


async def test_a_cancelled_job_stops_between_steps(
    trading_worker: Pool, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    message = await asked(trading_worker, ANALYZE)
    loop, cancelled = asyncio.get_running_loop(), []

    def cancelling(*plans: Any, **terms: Any) -> Any:
        # In the middle of a step: it ends, and the next one does not begin.
        cancelled.append(
            asyncio.run_coroutine_threadsafe(jobs.cancel(trading_worker, message.job_id), loop).result(5)
        )
        return replay(*plans, **terms)

    monkeypatch.setattr("orchestrator_worker.simulation.simulate.replay", cancelling)

    ending = await handle(await delivered(trading_worker, message), resources_with(trading_worker))

    assert len(cancelled) == 1
    assert isinstance(ending, Discard)
    assert (await job_of(trading_worker, message.job_id)).state == "cancelled"
    kept = await trading_worker.fetchrow(
        "select state, summary from simulations where id = $1", message.job_id
    )
    assert kept is not None
    assert (kept["state"], kept["summary"]) == ("cancelled", None)


async def test_the_last_attempt_tells_who_waits(
    trading_worker: Pool, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    message = await asked(trading_worker, ANALYZE)

    def failing(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(handler, "_steps", failing)
    delivery = await delivered(trading_worker, message)
    with pytest.raises(ZeroDivisionError):
        await handle(delivery, resources_with(trading_worker))
    assert (await job_of(trading_worker, message.job_id)).state == "running"

    delivery.lease.read_count = handler.ATTEMPTS_MAX
    with pytest.raises(ZeroDivisionError):
        await handle(delivery, resources_with(trading_worker))

    job = await job_of(trading_worker, message.job_id)
    assert (job.state, job.error) == ("failed", "the simulation failed; operators see why")


async def test_trades_are_kept_up_to_their_bound(
    trading_worker: Pool, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TRADES_KEPT_MAX", 3)
    await store_candles(trading_worker, BTC, HOUR, candles)

    _, job = await simulated(trading_worker, {**ANALYZE, "strategy": CROSS})

    count = await trading_worker.fetchval("select trades_count from simulations where id = $1", job.id)
    numbers = await trading_worker.fetch(
        "select number from simulation_trades where simulation_id = $1 order by 1", job.id
    )
    assert count > 3
    assert [row["number"] for row in numbers] == [count - 2, count - 1, count]


class Remembering(Away):
    """An exchange that remembers a whole history and answers it page by page."""

    def __init__(self, candles: pl.DataFrame) -> None:
        self.asked: list[datetime] = []
        self._rows = candles.to_dicts()

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        assert since is not None
        self.asked.append(since)
        last = until or self._rows[-1]["opened_at"]
        rows = [row for row in self._rows if since <= row["opened_at"] <= last][:limit]
        return [
            Candle(
                symbol=symbol,
                timeframe=timeframe,
                opened_at=row["opened_at"],
                exchange="binance",
                source="test",
                open=Decimal(repr(row["open"])),
                high=Decimal(repr(row["high"])),
                low=Decimal(repr(row["low"])),
                close=Decimal(repr(row["close"])),
                volume=Decimal(repr(row["volume"])),
            )
            for row in rows
        ]


@pytest.mark.parametrize("stored", [0, 200])
async def test_missing_history_is_fetched_and_stored(
    trading_worker: Pool, candles: pl.DataFrame, stored: int
) -> None:
    if stored:
        await store_candles(trading_worker, BTC, HOUR, candles.tail(stored))
    source = Remembering(candles)
    message = await asked(trading_worker, ANALYZE)

    await handle(await delivered(trading_worker, message), resources_with(trading_worker, source))

    assert (await job_of(trading_worker, message.job_id)).state == "done"
    assert len(source.asked) >= 3
    assert await trading_worker.fetchval("select count(*) from candles") == BARS


WORKER = """
import asyncio, sys
from tests.orchestrator_worker.simulation.test_handler import resources_with
from orchestrator_worker.consumer import Consumer, Work
from orchestrator_worker.simulation import handler, simulate
from zmarty.messages import RunSimulation
from zmarty.postgres import open_pool

if sys.argv[2] == "hang":
    import time
    def hanging(*plans, **terms):
        print("in the middle", flush=True)
        time.sleep(60)
    simulate.replay = hanging

async def main():
    pool = await open_pool(sys.argv[1], application_name="test-worker", size_min=0, size_max=5)
    work = Work(message=RunSimulation, handle=handler.handle, concurrency=1, lease_seconds=2.0)
    await Consumer(work, resources_with(pool)).run(asyncio.Event())

asyncio.run(main())
"""


@pytest.mark.timeout(240)
async def test_a_killed_workers_job_is_done_by_another(
    trading_worker: Pool, trading_dsn: Any, candles: pl.DataFrame
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    message = await asked(trading_worker, ANALYZE)
    async with trading_worker.acquire() as connection:
        await queue.send(connection, message)

    async def worker(how: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WORKER,
            trading_dsn("zmarty_worker"),
            how,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

    first = await worker("hang")
    assert first.stdout is not None
    while b"in the middle" not in (line := await asyncio.wait_for(first.stdout.readline(), 90)):
        assert line, "the worker ended before it began"
    os.kill(first.pid, signal.SIGKILL)
    await first.wait()
    assert (await job_of(trading_worker, message.job_id)).state == "running"

    second = await worker("go")
    try:

        async def done() -> bool:
            return (await job_of(trading_worker, message.job_id)).state == "done"

        await until(done, seconds=90)
    finally:
        second.kill()
        await second.wait()
    kept = await trading_worker.fetch("select state, trades_count from simulations")
    assert [row["state"] for row in kept] == ["done"]
    assert await trading_worker.fetchval("select count(*) from simulation_trades") == kept[0]["trades_count"]


async def test_upkeep_ends_what_is_silent_and_removes_what_is_old(trading: Pool) -> None:
    ids = {name: uuid4() for name in ("fresh", "silent", "old")}
    for job_id in ids.values():
        await trading.execute(
            "insert into simulations (id, kind, symbol, timeframe, request) values ($1, 'analyze', 'BTC/USDT', '1h', '{}')",
            job_id,
        )
    await trading.execute(
        "update simulations set updated_at = now() - interval '25 hours' where id = $1", ids["silent"]
    )
    await trading.execute(
        "update simulations set state = 'done', ended_at = $2 where id = $1",
        ids["old"],
        datetime.now(UTC) - timedelta(days=91),
    )

    await trading.execute("select private.keep_up_simulations()")

    states = {row["id"]: row["state"] for row in await trading.fetch("select id, state from simulations")}
    assert states == {ids["fresh"]: "running", ids["silent"]: "failed"}
