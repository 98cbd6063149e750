"""The ledger's verbs on a real Postgres: what must hold however many requests come at once."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge, Hold
from orchestrator_api.credits.pricing import CreditsExhausted, Usage
from tests.orchestrator_api.support import add_user
from zmarty.postgres import Pool

SIGNUP_CREDITS = 100
CONCURRENT_HOLDS = 200
DUPLICATES = 64


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


async def account_of(chat: Pool, user_id: UUID) -> dict[str, Any]:
    record = await chat.fetchrow("select balance, held from credit_accounts where user_id = $1", user_id)
    entries = await chat.fetchval("select sum(amount) from credits_ledger where user_id = $1", user_id)
    return {**dict(record or {}), "entries": entries}


async def charges_of(chat: Pool, user_id: UUID) -> list[int]:
    records = await chat.fetch(
        "select amount from credits_ledger where user_id = $1 and kind = 'charge' order by id", user_id
    )
    return [record["amount"] for record in records]


async def age(chat: Pool, hold: Hold) -> None:
    await chat.execute(
        "update credit_holds set expires_at = now() - $2::interval where id = $1", hold.id, timedelta(1)
    )


def charge(credits: int) -> Charge:
    usage = Usage(input_tokens=500, output_tokens=1000)
    return Charge(credits=credits, reason="chat", usage=usage, provider="xai", model="grok-4.7")


async def test_holding_then_settling_charges_what_was_used(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=20)
        held = await ledger.balance(connection, user_id)
        settlement = await ledger.settle(connection, hold, charge(6))

    assert (held.balance, held.held, held.available) == (100, 20, 80)
    assert (settlement.charged, settlement.balance, settlement.available) == (6, 94, 94)
    entry = await chat.fetchrow(
        "select * from credits_ledger where user_id = $1 and kind = 'charge'", user_id
    )
    assert entry is not None
    assert (entry["amount"], entry["balance_after"], entry["provider"], entry["model"]) == (
        -6,
        94,
        "xai",
        "grok-4.7",
    )
    assert (entry["input_tokens"], entry["output_tokens"]) == (500, 1000)


async def test_a_charge_never_exceeds_its_hold(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=5)
        settlement = await ledger.settle(connection, hold, charge(9))

    assert settlement.charged == 5
    assert await chat.fetchval("select metadata->'shortfall' from credits_ledger where kind = 'charge'") == 4


async def test_a_refused_hold_names_needed_and_available(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async with chat_api.acquire() as connection:
        with pytest.raises(CreditsExhausted) as caught:
            await ledger.hold(connection, user_id, credits=101)

    assert caught.value.details == {"needed": 101, "available": 100}
    assert await account_of(chat, user_id) == {"balance": 100, "held": 0, "entries": 100}


async def test_concurrent_holds_never_overdraw(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async def try_to_hold() -> bool:
        async with chat_api.acquire() as connection:
            try:
                await ledger.hold(connection, user_id, credits=7)
            except CreditsExhausted:
                return False
            return True

    outcomes = Counter(await asyncio.gather(*(try_to_hold() for _ in range(CONCURRENT_HOLDS))))

    assert outcomes[True] == SIGNUP_CREDITS // 7
    assert await account_of(chat, user_id) == {"balance": 100, "held": 98, "entries": 100}


async def test_duplicate_settlements_have_one_effect(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=20)

    async def settle() -> int:
        async with chat_api.acquire() as connection:
            return (await ledger.settle(connection, hold, charge(6))).charged

    assert await asyncio.gather(*(settle() for _ in range(DUPLICATES))) == [6] * DUPLICATES
    assert await charges_of(chat, user_id) == [-6]
    assert await account_of(chat, user_id) == {"balance": 94, "held": 0, "entries": 94}


async def test_settling_races_the_sweeper_for_one_resolution(
    chat: Pool, chat_api: Pool, user_id: UUID
) -> None:
    async with chat_api.acquire() as connection:
        holds = [await ledger.hold(connection, user_id, credits=10) for _ in range(10)]
    for hold in holds:
        await age(chat, hold)

    async def settle(hold: Hold) -> str:
        async with chat_api.acquire() as connection:
            return (await ledger.settle(connection, hold, charge(4))).state

    async def sweep() -> None:
        await chat.fetchval("select private.expire_holds(3)")

    results = await asyncio.gather(*(settle(hold) for hold in holds), *(sweep() for _ in range(6)))

    states = Counter(state for state in results if state is not None)
    assert states["settled"] + states["expired"] == 10
    assert len(await charges_of(chat, user_id)) == states["settled"]
    left = 100 - 4 * states["settled"]
    assert await account_of(chat, user_id) == {"balance": left, "held": 0, "entries": left}


async def test_a_settlement_after_the_sweep_charges_nothing(
    chat: Pool, chat_api: Pool, user_id: UUID
) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=10)
        await age(chat, hold)
        assert await chat.fetchval("select private.expire_holds(10)") == 1
        settlement = await ledger.settle(connection, hold, charge(4))

    assert (settlement.state, settlement.charged, settlement.balance) == ("expired", 0, 100)
    assert await charges_of(chat, user_id) == []


async def test_a_release_gives_everything_back_once(chat: Pool, chat_api: Pool, user_id: UUID) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=10)

        assert await ledger.release(connection, hold)
        assert not await ledger.release(connection, hold)
        assert (await ledger.settle(connection, hold, charge(4))).state == "released"

    assert await account_of(chat, user_id) == {"balance": 100, "held": 0, "entries": 100}


@pytest.mark.parametrize("credits", [0, -5])
async def test_absurd_amounts_are_refused(chat: Pool, chat_api: Pool, user_id: UUID, credits: int) -> None:
    async with chat_api.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError):
            await ledger.hold(connection, user_id, credits=credits)
        hold = await ledger.hold(connection, user_id, credits=1)
        with pytest.raises(asyncpg.PostgresError):
            await ledger.settle(connection, hold, charge(-1))

    assert await account_of(chat, user_id) == {"balance": 100, "held": 1, "entries": 100}


async def test_the_api_cannot_write_entries_past_the_verbs(chat_api: Pool, user_id: UUID) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await chat_api.execute("update credit_accounts set balance = 1000000 where user_id = $1", user_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await chat_api.execute("delete from credits_ledger where user_id = $1", user_id)
