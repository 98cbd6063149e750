"""The parts of a stream by themselves: positions, frames, the bounded buffer, marks in silence."""

import asyncio
import json
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_api.auth.user import User
from orchestrator_api.events.event import NUMBER_MAX, Event, Position, frame
from orchestrator_api.events.live import Live
from orchestrator_api.events.stream import event_frames
from orchestrator_api.events.subscriber import Ended, Frame, Seated, Subscriber
from tests.orchestrator_api.events.conftest import save_candles
from zmarty.postgres import Pool

NUMBERS = st.integers(0, NUMBER_MAX)


def user(**claims: float) -> User:
    return User(uuid4(), None, False, {"exp": time.time() + 60, **claims})


@given(NUMBERS, NUMBERS)
def test_a_position_reads_back(xid: int, number: int) -> None:
    assert Position.parse(str(Position(xid, number))) == Position(xid, number)


@given(st.text(max_size=60))
def test_whatever_is_sent_as_an_id_is_a_position_or_nothing(text: str) -> None:
    position = Position.parse(text)
    assert position is None or max(position.xid, position.id) <= NUMBER_MAX


def test_transactions_come_before_numbers() -> None:
    assert sorted([Position(2, 1), Position(1, 9), Position(1, 3)]) == [
        Position(1, 3),
        Position(1, 9),
        Position(2, 1),
    ]


def test_a_frame_is_one_event_on_one_line() -> None:
    told = Event(
        Position(7, 3),
        "candle",
        None,
        ("BTC/USDT", "1h"),
        {"note": "two\nlines\r\n\r\nevent: forged"},
        datetime(2026, 1, 1, tzinfo=UTC),
    ).frame()

    kind, number, data, *rest = told.split("\n")
    assert (kind, number, rest) == ("event: candle", "id: 7-3", ["", ""])
    assert json.loads(data.removeprefix("data: "))["symbol"] == "BTC/USDT"
    assert "id" not in frame("credits", {"balance": 1}).partition("data")[0]


async def test_a_full_buffer_ends_the_stream_and_is_emptied() -> None:
    subscriber = Subscriber(user(), buffered_max=3)
    subscriber.seat(Position(1, 0), set())
    for number in range(1, 100):
        subscriber.offer(Frame(Position(1, number), "x"))

    assert await subscriber.next(1) == Ended("too_slow")
    assert await subscriber.next(0.01) is None


async def test_what_was_offered_comes_in_order() -> None:
    subscriber = Subscriber(user())
    waiting = asyncio.create_task(subscriber.next(5))
    await asyncio.sleep(0)
    subscriber.seat(Position(1, 0), set())
    subscriber.offer(Frame(None, "a"))

    assert await waiting == Seated(Position(1, 0))
    assert await subscriber.next(1) == Frame(None, "a")


@pytest.fixture
async def live(trading_api: Pool) -> Live:
    return Live(trading_api)


async def test_silence_keeps_the_id_young(live: Live, trading: Pool, trading_api: Pool) -> None:
    """What happens to others moves everybody's place, so that hours without events are no gap."""
    reading = asyncio.create_task(live.read_forever())
    frames = event_frames(live, trading_api, user(), last_event_id=None, mark_seconds=0.1)
    try:
        async with asyncio.timeout(40):
            assert await anext(frames) == "retry: 2000\n\n"
            ready = await anext(frames)
            await save_candles(trading)
            live.wake()
            mark = await anext(frames)
    finally:
        await frames.aclose()
        reading.cancel()

    assert "event: ready" in ready
    assert mark.startswith("id: ")
    assert "event" not in mark
    before, after = (Position.parse(text.partition("id: ")[2].split("\n")[0]) for text in (ready, mark))
    assert before is not None
    assert after is not None
    assert after > before
    assert not live.users, "a stream that is closed leaves nothing behind"


async def test_an_event_told_elsewhere_is_not_told_again(
    live: Live, trading: Pool, trading_api: Pool
) -> None:
    """The instance a client came from may have read further than the one it comes to."""
    someone = user()
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, 'BTC/USDT', '1h', true, 1)",
        someone.id,
    )
    live.wake()
    told = f"{await trading.fetchval('select max(xid) from events')}-1"
    frames = event_frames(live, trading_api, someone, last_event_id=told)
    await anext(frames)
    (subscriber,) = live.subscribers_of(someone.id)
    behind = Position.parse(told)
    assert behind is not None
    subscriber.seat(Position(behind.xid - 1, 0), set())
    for number in (1, 2):
        subscriber.offer(Frame(Position(behind.xid, number), f"number {number}"))

    assert "ready" in await anext(frames)
    assert await anext(frames) == "number 2"
    await frames.aclose()


async def test_no_stream_outlives_its_reader(live: Live, trading_api: Pool) -> None:
    reading = asyncio.create_task(live.read_forever())
    frames = event_frames(live, trading_api, user(), last_event_id=None)
    async with asyncio.timeout(40):
        await anext(frames)
        assert "event: ready" in await anext(frames)
        reading.cancel()
        told = [text async for text in frames]
    later = [text async for text in event_frames(live, trading_api, user(), last_event_id=None)]

    assert "restarting" in told[-1]
    assert "restarting" in later[-1]


async def test_an_expired_token_ends_the_stream(live: Live, trading_api: Pool) -> None:
    frames = [text async for text in event_frames(live, trading_api, user(exp=0), last_event_id=None)]
    assert "token_expired" in frames[-1]
