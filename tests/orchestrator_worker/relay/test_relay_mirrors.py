"""A change in the chat database arrives in the trading database: real trigger, real relay, real function."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from uuid import UUID

from tests.orchestrator_worker.relay.conftest import Relaying
from tests.orchestrator_worker.relay.functions import EdgeFunction, secret_of, until
from zmarty.postgres import Pool


async def watch(chat: Pool, user: UUID, symbol: str = "btcusdt", timeframe: str = "1h") -> None:
    await chat.execute(
        "insert into user_symbols (user_id, symbol, timeframe) values ($1, $2, $3)", user, symbol, timeframe
    )


async def watchers(trading: Pool) -> dict[str, bool]:
    rows = await trading.fetch("select symbol || ' ' || timeframe as pair, active from watchers")
    return {row["pair"]: row["active"] for row in rows}


async def ingests(trading: Pool) -> list[str]:
    rows = await trading.fetch("select message from pgmq.q_ingest_indicators order by msg_id")
    return [f"{row['message']['symbol']} {row['message']['timeframe']}" for row in rows]


async def all_delivered(chat: Pool) -> bool:
    return bool(await chat.fetchval("select count(*) = 0 from outbox where delivered_at is null"))


async def test_a_watched_symbol_is_mirrored_and_ingested(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    async with relaying(function.url):
        await watch(chat, user, "SOLUSDT")
        await until(lambda: all_delivered(chat))

        latencies = []
        for count, symbol in enumerate(("btcusdt", "ETH-USDT", "bnb"), start=2):
            started = time.perf_counter()
            await watch(chat, user, symbol)
            await until(partial(has_watchers, trading, count))
            latencies.append((time.perf_counter() - started) * 1000)

    print(f"symbol inserted in A → watcher in B: {', '.join(f'{ms:.0f}' for ms in latencies)} ms")
    # One that waited for the relay's next look would be late each time; a busy machine is late now and then.
    assert min(latencies) < 1000
    assert await watchers(trading) == dict.fromkeys(
        ["SOL/USDT 1h", "BTC/USDT 1h", "ETH/USDT 1h", "BNB/USDT 1h"], True
    )
    assert await ingests(trading) == ["SOL/USDT 1h", "BTC/USDT 1h", "ETH/USDT 1h", "BNB/USDT 1h"]


async def has_watchers(trading: Pool, count: int) -> bool:
    return len(await watchers(trading)) == count


async def test_a_moved_row_leaves_a_tombstone_behind(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    async with relaying(function.url):
        await watch(chat, user)
        await chat.execute("update user_symbols set timeframe = '4h'")
        await until(lambda: all_delivered(chat))

    assert await watchers(trading) == {"BTC/USDT 1h": False, "BTC/USDT 4h": True}
    assert await ingests(trading) == ["BTC/USDT 1h", "BTC/USDT 4h"]


async def test_a_deleted_row_keeps_its_version(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    async with relaying(function.url):
        await watch(chat, user)
        await chat.execute('update user_symbols set strategy = \'{"name": "swing"}\'')
        await chat.execute("delete from user_symbols")
        await until(lambda: all_delivered(chat))

    row = await trading.fetchrow("select active, version, strategy from watchers")
    newest = await chat.fetchval("select max(id) from outbox")
    assert row is not None
    assert (row["active"], row["version"], row["strategy"]) == (False, newest, {"name": "swing"})


async def test_a_function_that_was_down_misses_nothing(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    function.stop()
    async with relaying(function.url):
        await watch(chat, user)
        await until(lambda: chat.fetchval("select attempts >= 2 and last_error is not null from outbox"))
        await chat.execute("update user_symbols set active = false")
        await chat.execute("update user_symbols set active = true")
        await chat.execute("update user_symbols set symbol = 'ETH'")

        await function.start()
        await until(lambda: all_delivered(chat))

    assert await watchers(trading) == {"BTC/USDT 1h": False, "ETH/USDT 1h": True}
    assert sum(applied(line) for line in function.lines()) == 4
    assert [line["status"] for line in function.lines()] == [200] * len(function.lines())


def applied(line: dict[str, Any]) -> int:
    """How many events a line of the function's log tells of as applied, be it one or a batch."""
    return int(line["results"].get("applied", 0)) if "results" in line else line["result"] == "applied"


async def test_a_secret_is_rotated_without_a_refusal(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    old, new = function.secrets, secret_of("b")

    async with relaying(function.url, secrets=(new, old)):
        await watch(chat, user, "BTC")
        await until(lambda: all_delivered(chat))
    function.stop()
    function.secrets = f"{new}, {old}"
    await function.start()
    async with relaying(function.url, secrets=(new,)):
        await watch(chat, user, "ETH")
        await until(lambda: all_delivered(chat))

    assert [line["status"] for line in function.lines()] == [200, 200]
    assert len(await watchers(trading)) == 2


async def test_a_secret_changed_at_one_end_only_delays(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    new = secret_of("b")

    async with relaying(function.url, secrets=(new,)):
        await watch(chat, user)
        await until(lambda: chat.fetchval("select last_error like '401 %signature_invalid%' from outbox"))
        function.stop()
        function.secrets = new
        await function.start()
        await until(lambda: all_delivered(chat))

    assert await watchers(trading) == {"BTC/USDT 1h": True}


async def test_a_deleted_user_stops_being_mirrored(
    chat: Pool, trading: Pool, user: UUID, function: EdgeFunction, relaying: Relaying
) -> None:
    async with relaying(function.url):
        await watch(chat, user)
        await chat.execute("delete from auth.users where id = $1", user)
        await until(lambda: all_delivered(chat))

    assert await watchers(trading) == {"BTC/USDT 1h": False}
