"""What every candle source promises, and the order in which sources are asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.sources.candle_source import closed_candles, fetch_candles
from orchestrator_worker.sources.vendor import SourceUnavailable
from zmarty.market import Candle, Symbol, Timeframe

BTC = Symbol.parse("BTC/USDT")
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def candle(hour: int, close: str = "100") -> Candle:
    price = Decimal(close)
    return Candle(
        symbol=BTC,
        timeframe=Timeframe.HOUR_1,
        opened_at=FIRST + hour * HOUR,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
        exchange="binance",
        source="test",
    )


@given(hours=st.lists(st.integers(0, 30), max_size=60), open_from=st.integers(0, 31))
def test_rows_in_any_order_give_closed_candles_once_each_oldest_first(
    hours: list[int], open_from: int
) -> None:
    candles = closed_candles("test", hours, lambda hour: candle(hour), now=FIRST + open_from * HOUR)  # type: ignore[arg-type]

    expected = sorted({hour for hour in hours if hour < open_from})
    assert [found.opened_at for found in candles] == [FIRST + hour * HOUR for hour in expected]


class Scripted:
    def __init__(self, name: str, answer: list[Candle] | SourceUnavailable) -> None:
        self.name = name
        self.answer = answer
        self.asked = 0

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        self.asked += 1
        if isinstance(self.answer, SourceUnavailable):
            raise self.answer
        return self.answer


async def ask(*sources: Scripted) -> list[Candle]:
    return await fetch_candles(
        sources, BTC, Timeframe.HOUR_1, since=FIRST, newest=FIRST + 5 * HOUR, limit=100
    )


async def test_the_first_source_that_closes_the_gap_is_enough() -> None:
    first, second = Scripted("one", [candle(5)]), Scripted("two", [candle(5)])

    assert await ask(first, second) == [candle(5)]
    assert second.asked == 0


async def test_a_failing_source_is_followed_by_the_next() -> None:
    assert await ask(Scripted("one", SourceUnavailable("one", "down")), Scripted("two", [candle(5)])) == [
        candle(5)
    ]


async def test_a_source_that_lags_is_compared_with_the_next() -> None:
    assert await ask(Scripted("one", [candle(3)]), Scripted("two", [candle(4)])) == [candle(4)]
    assert await ask(Scripted("one", [candle(4)]), Scripted("two", [candle(3)])) == [candle(4)]
    assert await ask(Scripted("one", [candle(3)]), Scripted("two", SourceUnavailable("two", "down"))) == [
        candle(3)
    ]


async def test_when_nobody_answers_the_last_failure_is_told() -> None:
    with pytest.raises(SourceUnavailable, match="two"):
        await ask(
            Scripted("one", SourceUnavailable("one", "down")),
            Scripted("two", SourceUnavailable("two", "down")),
        )
