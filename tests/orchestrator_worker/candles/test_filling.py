"""Candles for whoever waits for them: asked of the exchanges in order, and never twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orchestrator_worker.candles import filling
from orchestrator_worker.candles.filling import bring
from orchestrator_worker.candles.gaps import Stretch, newest_bars
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendor import RequestRefused, SourceUnavailable
from tests.orchestrator_worker.vendors import Away, vendors_with
from zmarty.market import Candle, Symbol, Timeframe
from zmarty.postgres import Pool

BTC = Symbol("BTC/USDT")
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
WANTED = newest_bars(Timeframe.HOUR_1, 100, now=NOW)


class Kraken(Away):
    """An exchange with these hours."""

    name = "kraken"
    page_bars = 42

    def __init__(self, hours: set[datetime]) -> None:
        self.hours = hours
        self.asked: list[tuple[datetime, int]] = []

    async def begins_at(self, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
        return min(self.hours)

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        assert since is not None and until is not None
        self.asked.append((since, limit))
        hours = sorted(hour for hour in self.hours if since <= hour <= until)[:limit]
        return [
            Candle(
                symbol=symbol,
                timeframe=timeframe,
                opened_at=hour,
                exchange=self.name,
                source="test",
                open=Decimal(1),
                high=Decimal(1),
                low=Decimal(1),
                close=Decimal(1),
                volume=Decimal(1),
            )
            for hour in hours
        ]


class Refusing(Away):
    async def candles(self, *_: object, **__: object) -> list[Candle]:
        raise RequestRefused(self.name, "is not offered where you are")

    async def begins_at(self, *_: object) -> None:
        raise RequestRefused(self.name, "is not offered where you are")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "utc_now", lambda: NOW)


def hours(stretch: Stretch = WANTED) -> set[datetime]:
    return {stretch.first + number * HOUR for number in range(stretch.bars(Timeframe.HOUR_1))}


def resources_with(pool: Pool, *exchanges: Away) -> Resources:
    return Resources(chat=pool, trading=pool, vendors=vendors_with(*exchanges))


async def bring_with(pool: Pool, *exchanges: Away) -> None:
    await bring(resources_with(pool, *exchanges), BTC, Timeframe.HOUR_1, WANTED)


async def stored(pool: Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch("select exchange, count(*) from candles group by exchange order by exchange")
    return [tuple(row) for row in rows]


async def test_what_one_exchange_refuses_another_brings(trading_worker: Pool) -> None:
    await bring_with(trading_worker, Refusing(), Kraken(hours()))

    assert await stored(trading_worker) == [("kraken", 100)]


async def test_what_is_there_is_not_asked_for_again(trading_worker: Pool) -> None:
    kraken = Kraken(hours() - {WANTED.first + 7 * HOUR})
    await bring_with(trading_worker, kraken)
    kraken.asked.clear()

    await bring_with(trading_worker, Away(), kraken)

    assert kraken.asked == [], "nor is the hour that it passed over"
    assert await stored(trading_worker) == [("kraken", 99)]


async def test_an_exchange_that_lags_is_asked_again(trading_worker: Pool) -> None:
    kraken = Kraken(hours() - {WANTED.last - number * HOUR for number in range(5)})
    await bring_with(trading_worker, kraken)
    kraken.hours = hours()

    await bring_with(trading_worker, kraken)

    assert await stored(trading_worker) == [("kraken", 100)]


async def test_when_nobody_answers_the_first_reason_is_told(trading_worker: Pool) -> None:
    with pytest.raises(RequestRefused, match="not offered"):
        await bring_with(trading_worker, Refusing(), Away())
    with pytest.raises(SourceUnavailable, match="away"):
        await bring_with(trading_worker, Away(), Refusing())
