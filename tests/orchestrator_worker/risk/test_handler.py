"""compute_risk on a real database: the first run fills the history, later ones add a day, nothing known is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from orchestrator_worker.ending import Bury, Discard
from orchestrator_worker.resources import Resources
from orchestrator_worker.risk import handler, store
from orchestrator_worker.risk.metric import CLOSES_MIN, history_of
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.jobs import delivered
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeRisk
from zmarty.postgres import Pool

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 26, 0, 12, tzinfo=UTC)
UNI = Symbol.parse("UNI/USDT")
BTC = Symbol.parse("BTC/USDT")

CHECK_POINTS = [
    ("BTC/USDT", 114_955, 0.547),
    ("SOL/USDT", 241.16, 0.711),
    ("XRP/USDT", 3.04, 0.760),
    ("ADA/USDT", 0.883, 0.571),
    ("AVAX/USDT", 29.37, 0.477),
    ("BNB/USDT", 929.34, 0.527),
    ("LINK/USDT", 24.12, 0.640),
]


class Exchange:
    """Daily klines since a listing, each close following from its day."""

    def __init__(self, days: int) -> None:
        self.now = NOW
        self.listed_at = Timeframe.DAY_1.newest_closed(NOW) - (days - 1) * DAY
        self.asked: list[dict[str, str]] = []

    def close(self, day: datetime) -> float:
        order = (day - self.listed_at).days
        return float(round(100 * np.exp(0.5 * np.sin(order / 90) + 0.001 * order), 6))

    def closes(self) -> pl.DataFrame:
        days = [self.listed_at + DAY * order for order in range((self.now - self.listed_at).days)]
        return pl.DataFrame(
            {"observed_on": [day.date() for day in days], "close": [self.close(day) for day in days]}
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = dict(request.url.params)
        self.asked.append(asked)
        last = self.now
        if "endTime" in asked:
            last = datetime.fromtimestamp(int(asked["endTime"]) / 1000, UTC)
        first = self.listed_at
        if "startTime" in asked:
            first = max(first, datetime.fromtimestamp(int(asked["startTime"]) / 1000, UTC))
        days = [first + DAY * order for order in range((last - first).days + 1)]
        limit = int(asked["limit"])
        days = days[:limit] if "startTime" in asked else days[-limit:]
        return httpx.Response(200, json=[self.kline(day) for day in days])

    def kline(self, day: datetime) -> list[Any]:
        close = str(self.close(day))
        opened = int(day.timestamp() * 1000)
        return [opened, close, close, close, close, "1", opened + 1, "100", 3, "1", "1", "0"]


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    exchange = Exchange(days=1_000)
    monkeypatch.setattr(handler, "utc_now", lambda: exchange.now)
    monkeypatch.setattr("orchestrator_worker.candles.filling.utc_now", lambda: exchange.now)
    monkeypatch.setattr("orchestrator_worker.sources.exchange.utc_now", lambda: exchange.now)
    return exchange


async def computed(pool: Pool, exchange: Exchange, symbol: Symbol = UNI) -> Any:
    async with open_vendors(
        pool, exchange_url="https://x.test", cryptometer_url="", transport=httpx.MockTransport(exchange)
    ) as vendors:
        resources = Resources(chat=pool, trading=pool, vendors=vendors)
        return await handler.handle(await delivered(pool, ComputeRisk(symbol=symbol)), resources)


async def rows_of(trading: Pool) -> list[dict[str, Any]]:
    return [dict(row) for row in await trading.fetch("select * from risk_metric order by observed_on")]


async def test_the_first_run_fills_the_history(
    trading: Pool, trading_worker: Pool, at_noon: Exchange
) -> None:
    assert await computed(trading_worker, at_noon) is None

    rows = await rows_of(trading)
    expected = history_of(at_noon.closes())
    assert [row["value"] for row in rows] == expected["value"].to_list()
    assert [row["source"] for row in rows] == expected["source"].to_list()
    assert rows[-1]["observed_on"] == date(2026, 11, 25)
    assert rows[-1]["known_at"] == datetime(2026, 11, 26, tzinfo=UTC)
    assert await trading.fetchval("select count(*) from candles where timeframe = '1d'") == 1_000


async def test_a_later_run_adds_a_day_and_changes_none(
    trading: Pool, trading_worker: Pool, at_noon: Exchange
) -> None:
    await computed(trading_worker, at_noon)
    before = await rows_of(trading)
    at_noon.asked.clear()
    at_noon.now += DAY

    assert await computed(trading_worker, at_noon) is None

    after = await rows_of(trading)
    assert after[:-1] == before
    assert after[-1]["value"] == history_of(at_noon.closes())["value"][-1]
    assert [request["limit"] for request in at_noon.asked] == ["3"], "the day and its neighbours"
    assert isinstance(await computed(trading_worker, at_noon), Discard), "this day is known"


async def test_anchors_count_from_their_day_on(
    trading: Pool, trading_worker: Pool, at_noon: Exchange
) -> None:
    at_noon.now = datetime(2026, 11, 28, 1, tzinfo=UTC)

    await computed(trading_worker, at_noon, BTC)

    sources = {row["observed_on"]: row["source"] for row in await rows_of(trading)}
    assert sources[date(2026, 11, 25)] == "regression"
    assert sources[date(2026, 11, 26)] == sources[date(2026, 11, 27)] == "anchors"


async def test_too_short_a_history_says_how_short(
    trading: Pool, trading_worker: Pool, at_noon: Exchange
) -> None:
    at_noon.listed_at = Timeframe.DAY_1.newest_closed(NOW) - 6 * DAY

    ended = await computed(trading_worker, at_noon)

    assert ended == Discard(f"not_enough_data: have 7, need {CLOSES_MIN} daily closes of UNI/USDT")
    assert await rows_of(trading) == []


async def test_an_unknown_symbol_is_buried(trading_worker: Pool, at_noon: Exchange) -> None:
    assert isinstance(await computed(trading_worker, at_noon, Symbol.parse("NOPE/USDT")), Bury)


@pytest.mark.parametrize(("symbol", "price", "risk"), CHECK_POINTS)
async def test_the_check_points_of_the_seeded_anchors(
    trading_worker: Pool, symbol: str, price: float, risk: float
) -> None:
    [curve] = await store.curves(trading_worker, Symbol.parse(symbol))

    assert float(curve.risk_at(np.array([price]))[0]) == pytest.approx(risk, abs=0.02)
