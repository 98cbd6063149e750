"""Watched symbols: canonical, limited by the tier, and each change leaves an outbox row in its own transaction."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from zmarty.postgres import Pool

ADD = "insert into user_symbols (user_id, symbol, timeframe) values ($1, $2, '1h')"


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    user_id = uuid4()
    await chat.execute("insert into auth.users (id, email) values ($1, 'ada@example.com')", user_id)
    return user_id


async def test_each_change_is_in_the_outbox_in_supabases_form(chat: Pool, user_id: UUID) -> None:
    await chat.execute(ADD, user_id, "btcusdt")
    await chat.execute("update user_symbols set symbol = 'ETH' where user_id = $1", user_id)
    await chat.execute("delete from user_symbols where user_id = $1", user_id)

    inserted, updated, deleted = [
        row["payload"] for row in await chat.fetch("select payload from outbox order by id")
    ]

    assert (inserted["type"], inserted["table"], inserted["schema"]) == ("INSERT", "user_symbols", "public")
    assert (inserted["record"]["symbol"], inserted["old_record"]) == ("BTC/USDT", None)
    assert (updated["old_record"]["symbol"], updated["record"]["symbol"]) == ("BTC/USDT", "ETH/USDT")
    assert (deleted["type"], deleted["record"], deleted["old_record"]["symbol"]) == (
        "DELETE",
        None,
        "ETH/USDT",
    )


async def test_a_change_that_rolls_back_leaves_nothing_behind(chat: Pool, user_id: UUID) -> None:
    async with chat.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(ADD, user_id, "BTC")
        await transaction.rollback()
    assert await chat.fetchval("select count(*) from outbox") == 0


async def test_a_change_wakes_the_relay(chat: Pool, user_id: UUID) -> None:
    woken = asyncio.Event()
    async with chat.acquire() as connection:
        await connection.add_listener("zmarty_outbox", lambda *_: woken.set())
        await chat.execute(ADD, user_id, "BTC")
        await asyncio.wait_for(woken.wait(), 30)
        await connection.reset()


async def test_the_tier_limits_how_many(chat: Pool, user_id: UUID) -> None:
    answers = await asyncio.gather(
        *(chat.execute(ADD, user_id, f"C{number}/USDT") for number in range(10)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, asyncpg.PostgresError)]
    assert len(refused) == 5
    assert {error.sqlstate for error in refused} == {"ZM001"}
    assert "the free plan watches at most 5 symbols" in str(refused[0])
    await chat.execute(
        "update user_symbols set active = false where symbol = (select min(symbol) from user_symbols)"
    )
    await chat.execute(ADD, user_id, "NEW/USDT")


@pytest.mark.parametrize("symbol", ["", "BTCUSDT.P", "B", "a b"])
async def test_an_unreadable_symbol_is_refused(chat: Pool, user_id: UUID, symbol: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="symbol:") as refused:
        await chat.execute(ADD, user_id, symbol)
    assert refused.value.sqlstate == "ZM002"


@pytest.mark.parametrize(("levels", "refused"), [(16, False), (17, True), (300, True)])
async def test_a_strategy_is_as_deep_as_the_mirror_takes(
    chat: Pool, user_id: UUID, levels: int, refused: bool
) -> None:
    strategy = '{"a":' * levels + "1" + "}" * levels
    write = (
        "insert into user_symbols (user_id, symbol, timeframe, strategy) values ($1, 'BTC', '1h', $2::jsonb)"
    )
    if refused:
        with pytest.raises(asyncpg.CheckViolationError, match="strategy"):
            await chat.execute(write, user_id, strategy)
    else:
        await chat.execute(write, user_id, strategy)
