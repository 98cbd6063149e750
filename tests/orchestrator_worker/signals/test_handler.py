"""compute_signals on real Postgres: one signal a candle, a walked history at first, endings that say what is missing."""

import asyncio
import time
from datetime import UTC, datetime

import asyncpg
import polars as pl
import pytest

from orchestrator_worker.ending import Discard
from orchestrator_worker.indicators.technical import BARS_NEEDED
from orchestrator_worker.signals.handler import _load_candles, handle
from orchestrator_worker.signals.walk import BARS_MIN, STRATEGY_VERSION, walk
from orchestrator_worker.win_rates import handler as win_rates
from tests.orchestrator_worker.jobs import delivered, resources_of, store_candles
from tests.orchestrator_worker.market import random_candles
from zmarty.errors import LeaseLost
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, ComputeWinrate
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
BTC = Symbol.parse("BTC/USDT")
BARS = 700


@pytest.fixture
def candles() -> pl.DataFrame:
    """Candles up to the newest closed one."""
    newest = HOUR.newest_closed(datetime.now(UTC))
    return random_candles(BARS, seed=7, began_at=newest - (BARS - 1) * HOUR.delta)


async def compute(pool: Pool, opened_at: datetime | None = None) -> object:
    message = ComputeSignals(symbol=BTC, timeframe=HOUR, opened_at=opened_at)
    return await handle(await delivered(pool, message), resources_of(pool))


async def saved_signals(pool: Pool) -> list[asyncpg.Record]:
    return list(await pool.fetch("select * from signals where symbol = $1 order by opened_at", BTC))


async def test_the_first_message_walks_the_history(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    assert await compute(trading_worker) is None

    signals = await saved_signals(trading_worker)
    assert len(signals) == BARS - BARS_MIN + 1
    assert [signal["origin"] for signal in signals] == ["backfill"] * (BARS - BARS_MIN) + ["live"]
    assert {signal["direction"] for signal in signals} == {"long", "short", "flat"}
    newest = signals[-1]
    assert newest["opened_at"] == candles["opened_at"][-1]
    assert newest["strategy_version"] == STRATEGY_VERSION
    assert newest["expires_at"] == HOUR.closed_at(newest["opened_at"]) + Timeframe.DAY_1.delta
    assert all(reason["code"] and reason["text"] for reason in newest["reasons"])
    assert newest["components"]["technical"] == pytest.approx(newest["score"], abs=1e-6)


async def test_saved_signals_are_those_of_the_walk(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    await compute(trading_worker)

    walked = walk(candles, [], timeframe=HOUR).to_dicts()

    for signal, row in zip(await saved_signals(trading_worker), walked, strict=True):
        for name in (
            "opened_at",
            "direction",
            "score",
            "strength",
            "confidence",
            "expected_value",
            "verdict",
        ):
            assert signal[name] == row[name]
        assert float(signal["entry_price"]) == row["entry_price"]
        assert [float(target) for target in signal["targets"]] == row["targets"]


async def test_the_live_signal_equals_the_backfilled_one(trading: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading, BTC, HOUR, candles.head(BARS - 1))
    await compute(trading)
    await win_rates.handle(
        await delivered(trading, ComputeWinrate(symbol=BTC, timeframe=HOUR)), resources_of(trading)
    )
    await store_candles(trading, BTC, HOUR, candles.tail(1))
    await compute(trading, candles["opened_at"][-1])

    live = (await saved_signals(trading))[-1]
    await trading.execute("delete from signals")
    await compute(trading)
    walked = (await saved_signals(trading))[-1]

    assert live["origin"] == walked["origin"] == "live"
    # The record from the database and the one that the walk makes for itself are the same record.
    own = {"id": None, "created_at": None}
    assert {**live, **own} == {**walked, **own}


async def test_signals_said_after_a_long_silence_equal_the_backfilled_ones(trading: Pool) -> None:
    # Across several moments of new curves, with nothing judged meanwhile: the walk after the silence judges for itself.
    bars, missed = 1_600, 500
    newest = HOUR.newest_closed(datetime.now(UTC))
    history = random_candles(bars, seed=13, began_at=newest - (bars - 1) * HOUR.delta)
    await store_candles(trading, BTC, HOUR, history.head(bars - missed))
    await compute(trading)
    await store_candles(trading, BTC, HOUR, history.tail(missed))
    await compute(trading, history["opened_at"][-1])

    after_silence = await saved_signals(trading)
    await trading.execute("delete from signals")
    await compute(trading)
    walked = await saved_signals(trading)

    own = {"id": None, "created_at": None, "origin": None}
    assert [{**signal, **own} for signal in after_silence] == [{**signal, **own} for signal in walked]
    learned = [signal["calibration"]["n"] for signal in walked[-missed:] if signal["direction"] != "flat"]
    assert min(learned) > 50
    assert len(set(learned)) >= 4


async def test_a_redelivered_message_saves_one_signal(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    await compute(trading_worker)
    before = await saved_signals(trading_worker)

    await compute(trading_worker, candles["opened_at"][-1])
    await compute(trading_worker, candles["opened_at"][400])

    assert await saved_signals(trading_worker) == before


async def test_two_workers_walking_at_once_save_each_signal_once(
    trading_worker: Pool, candles: pl.DataFrame
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    message = ComputeSignals(symbol=BTC, timeframe=HOUR)
    deliveries = [await delivered(trading_worker, message) for _ in range(2)]

    await asyncio.gather(*(handle(delivery, resources_of(trading_worker)) for delivery in deliveries))

    assert len(await saved_signals(trading_worker)) == BARS - BARS_MIN + 1
    assert await trading_worker.fetchval("select count(*) from pgmq.a_compute_signals") == 2


async def test_candles_missed_meanwhile_get_their_signals(
    trading_worker: Pool, candles: pl.DataFrame
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles.head(BARS - 5))
    await compute(trading_worker)
    await store_candles(trading_worker, BTC, HOUR, candles.tail(5))

    await compute(trading_worker, candles["opened_at"][-1])

    signals = await saved_signals(trading_worker)
    assert [signal["opened_at"] for signal in signals] == candles["opened_at"].to_list()[BARS_MIN - 1 :]
    assert [signal["origin"] for signal in signals[-5:]] == ["backfill"] * 4 + ["live"]


async def test_a_signal_asks_for_its_win_rate(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    await compute(trading_worker)
    await compute(trading_worker)

    bodies = [
        row["message"] for row in await trading_worker.fetch("select message from pgmq.q_compute_winrate")
    ]
    assert [(body["symbol"], body["timeframe"]) for body in bodies] == [("BTC/USDT", "1h")]
    assert await trading_worker.fetchval("select count(*) from pgmq.a_compute_signals") == 2


async def test_readings_speak_in_the_signal(
    trading: Pool, trading_worker: Pool, candles: pl.DataFrame
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    newest, close = candles["opened_at"][-1], candles["close"][-1]
    readings = {
        "ls_ratio": {"ratio": 1.4},
        "trend": {"trend_score": 70.5},
        "liquidations": {"longs": 900000, "shorts": 100000},
        "clusters": {
            "clusters": [{"side": "above", "price": str(close * 1.01), "size": "large", "notional": "5e6"}]
        },
    }
    for source, data in readings.items():
        await trading_worker.execute(
            "insert into indicators (symbol, timeframe, opened_at, source, data) values ($1, $2, $3, $4, $5)",
            BTC,
            HOUR,
            newest,
            source,
            data,
        )

    await trading.execute(
        "insert into risk_metric (symbol, observed_on, source, value, band, rarity, days, price, known_at)"
        " values ($1, $2::timestamptz::date, 'anchors', 0.15, 1, 1.2, 900, 100, $2::timestamptz + interval '1 hour')",
        BTC,
        newest,
    )

    await compute(trading_worker)

    *earlier, signal = await saved_signals(trading_worker)
    assert signal["components"].keys() >= {"technical", "liquidation", "risk", "flow"}
    assert earlier[-1]["components"].keys().isdisjoint({"liquidation", "risk", "flow"})
    assert signal["components"]["risk"] == pytest.approx(0.7)
    texts = " ".join(reason["text"] for reason in signal["reasons"])
    for number in ("5,000,000 USD above", "900,000", "1.40", "70.5", "Risk metric 0.15"):
        assert number in texts


@pytest.mark.parametrize("bars", [0, 1, BARS_MIN - 1])
async def test_too_few_candles_are_said(trading_worker: Pool, candles: pl.DataFrame, bars: int) -> None:
    if bars:
        await store_candles(trading_worker, BTC, HOUR, candles.tail(bars))

    ending = await compute(trading_worker)

    assert isinstance(ending, Discard)
    assert f"not_enough_data: have {bars}, need {BARS_MIN}" in ending.reason
    assert await saved_signals(trading_worker) == []


@pytest.mark.parametrize("opened_at", [None, datetime(9999, 12, 31, 23, tzinfo=UTC)])
async def test_an_open_candle_gets_no_signal(
    trading_worker: Pool, candles: pl.DataFrame, opened_at: datetime | None
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)

    ending = await compute(trading_worker, opened_at or HOUR.floor(datetime.now(UTC)))

    assert isinstance(ending, Discard)
    assert ending.reason.startswith("candle_open")


async def test_an_unstored_candle_gets_no_signal(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles.head(BARS - 10))

    ending = await compute(trading_worker, candles["opened_at"][-1])

    assert isinstance(ending, Discard)
    assert ending.reason.startswith("candle_unknown")


async def test_a_lost_lease_saves_nothing(trading_worker: Pool, candles: pl.DataFrame) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    delivery = await delivered(trading_worker, ComputeSignals(symbol=BTC, timeframe=HOUR))
    await trading_worker.execute("update pgmq.q_compute_signals set read_ct = read_ct + 1")

    with pytest.raises(LeaseLost):
        await handle(delivery, resources_of(trading_worker))

    assert await saved_signals(trading_worker) == []
    assert await trading_worker.fetchval("select count(*) from pgmq.q_compute_winrate") == 0


async def test_of_two_exchanges_the_busier_one_tells_the_price(
    trading_worker: Pool, candles: pl.DataFrame
) -> None:
    await store_candles(trading_worker, BTC, HOUR, candles)
    idle = candles.with_columns(pl.col("open", "high", "low", "close") * 2.0, volume=pl.lit(0.5))
    await store_candles(trading_worker, BTC, HOUR, idle, exchange="another")

    await compute(trading_worker)

    newest = (await saved_signals(trading_worker))[-1]
    assert float(newest["entry_price"]) == pytest.approx(candles["close"][-1])


async def test_a_new_candle_costs_a_window_and_not_the_history(trading_worker: Pool) -> None:
    newest = HOUR.newest_closed(datetime.now(UTC))
    history = random_candles(4_000, seed=15, began_at=newest - 3_999 * HOUR.delta)
    await store_candles(trading_worker, BTC, HOUR, history)
    resources = resources_of(trading_worker)

    first = await _load_candles(resources, BTC, HOUR, newest, None)
    missed_three = await _load_candles(resources, BTC, HOUR, newest, newest - 3 * HOUR.delta)

    assert first.height == 4_000
    assert missed_three.height == BARS_NEEDED + 3


async def test_two_thousand_candles_are_walked_in_seconds(trading_worker: Pool) -> None:
    newest = HOUR.newest_closed(datetime.now(UTC))
    history = random_candles(2_000, seed=12, began_at=newest - 1_999 * HOUR.delta)
    await store_candles(trading_worker, BTC, HOUR, history)

    # Many times what it takes, as others may keep the machine busy.
    started = time.perf_counter()
    assert await compute(trading_worker) is None

    assert time.perf_counter() - started < 30.0
    assert len(await saved_signals(trading_worker)) == 2_000 - BARS_MIN + 1
