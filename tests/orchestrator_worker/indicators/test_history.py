"""What is new, what follows, and when a pair is due again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.indicators.history import CLOSE_MARGIN, frame_of, merged, news_in, progress_after
from zmarty.market import Candle, Symbol, Timeframe

FIRST = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def candle(hour: int, *, source: str = "binance", close: str = "100") -> Candle:
    return Candle(
        symbol=Symbol.parse("BTC/USDT"),
        timeframe=Timeframe.HOUR_1,
        opened_at=FIRST + hour * HOUR,
        open=Decimal(100),
        high=Decimal(110),
        low=Decimal(90),
        close=Decimal(close),
        volume=Decimal(1),
        exchange="binance",
        source=source,
    )


def test_only_new_and_corrected_candles_are_news() -> None:
    stored = [candle(0), candle(1), candle(2)]

    news = news_in([candle(1, close="100.0"), candle(2, close="101"), candle(3)], stored)

    assert news == [candle(2, close="101"), candle(3)]


def test_another_vendors_rounding_is_no_correction() -> None:
    assert news_in([candle(2, source="cryptometer", close="100.01")], [candle(2)]) == []


@given(stored=st.sets(st.integers(0, 40)), fetched=st.sets(st.integers(0, 40)), limit=st.integers(1, 50))
def test_the_merged_history_is_the_newest_of_both(stored: set[int], fetched: set[int], limit: int) -> None:
    history = merged(
        [candle(hour) for hour in sorted(stored)], [candle(hour) for hour in fetched], limit=limit
    )

    expected = sorted(stored | fetched)[-limit:]
    assert [found.opened_at for found in history] == [FIRST + hour * HOUR for hour in expected]


def test_a_correction_replaces_what_was_stored() -> None:
    [only] = merged([candle(0)], [candle(0, close="95")], limit=10)

    assert only.close == 95


def test_a_frame_holds_floats_and_utc_times() -> None:
    frame = frame_of([candle(0), replace(candle(1), close=Decimal("100.25"))])

    assert frame.row(1) == (FIRST + HOUR, 100.0, 110.0, 90.0, 100.25, 1.0)
    assert frame_of([]).schema == frame.schema


def test_a_pair_up_to_date_is_due_when_its_next_candle_has_closed() -> None:
    progress = progress_after(Timeframe.HOUR_1, [candle(0)], [candle(0)], failures=3, now=FIRST + 1.5 * HOUR)

    assert progress.next_due_at == FIRST + 2 * HOUR + CLOSE_MARGIN
    assert (progress.failures, progress.last_error) == (0, None)


@pytest.mark.parametrize("before", [[], [candle(0)]])
def test_a_pair_that_catches_up_is_due_at_once(before: list[Candle]) -> None:
    now = FIRST + 50 * HOUR

    progress = progress_after(Timeframe.HOUR_1, before, [candle(0), candle(1)], failures=0, now=now)

    assert progress.next_due_at == now


@pytest.mark.parametrize("history", [[], [candle(0)]])
def test_a_pair_without_new_candles_backs_off_to_one_timeframe(history: list[Candle]) -> None:
    now = FIRST + 50 * HOUR

    progresses = [
        progress_after(Timeframe.HOUR_1, history, history, failures=failures, now=now)
        for failures in (0, 1, 2, 8, 9, 10_000)
    ]

    assert [progress.next_due_at - now for progress in progresses] == [
        timedelta(seconds=seconds) for seconds in (10, 20, 40, 2_560, 3_600, 3_600)
    ]
    assert [progress.failures for progress in progresses] == [1, 2, 3, 9, 10, 10_001]
