"""What an operator changes by hand: once for each key, audited, and refused when it makes no sense."""

from collections.abc import Callable
from uuid import UUID

import pytest

from console.accounts import TierUnknown, UserUnknown, grant_credits, refund_charge, set_tier
from tests.support.books import audit
from zmarty.errors import FieldInvalid, NotFound
from zmarty.postgres import Pool

EMAIL = "customer@example.com"


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    """A user who signed up, with the hundred credits that everybody gets."""
    found: UUID = await chat.fetchval(
        "insert into auth.users (id, email) values (gen_random_uuid(), $1) returning id", EMAIL
    )
    return found


async def audited(chat: Pool) -> list[tuple[str, str]]:
    return [tuple(row) for row in await chat.fetch("select action, entity from public.audit_log order by id")]


async def test_a_grant_is_an_entry_and_is_audited(
    chat: Pool, chat_dsn: Callable[..., str], user_id: UUID
) -> None:
    balance = await grant_credits(chat_dsn(), "Customer@Example.com ", 50, "an apology")

    assert balance == 150
    entry = await chat.fetchrow(
        "select amount, reason, metadata from public.credits_ledger where user_id = $1 order by id desc limit 1",
        user_id,
    )
    assert entry is not None
    assert (entry["amount"], entry["reason"]) == (50, "an apology")
    assert entry["metadata"]["actor"].startswith("console:")
    assert await audited(chat) == [("credits_granted", f"user:{user_id}")]


async def test_one_key_grants_once(chat: Pool, chat_dsn: Callable[..., str], user_id: UUID) -> None:
    first = await grant_credits(chat_dsn(), EMAIL, 50, "an apology", key="ticket-7")
    second = await grant_credits(chat_dsn(), EMAIL, 50, "an apology", key="ticket-7")

    assert (first, second) == (150, 150)
    assert len(await audited(chat)) == 1


async def test_nobody_is_granted_nothing(chat: Pool, chat_dsn: Callable[..., str], user_id: UUID) -> None:
    with pytest.raises(UserUnknown):
        await grant_credits(chat_dsn(), "nobody@example.com", 50, "why not")
    with pytest.raises(FieldInvalid, match="credits: must be between"):
        await grant_credits(chat_dsn(), EMAIL, -50, "why not")

    assert await audited(chat) == []


async def test_a_tier_is_changed_and_audited(chat: Pool, chat_dsn: Callable[..., str], user_id: UUID) -> None:
    assert await set_tier(chat_dsn(), EMAIL, "pro") == "free"
    assert await set_tier(chat_dsn(), EMAIL, "pro") == "pro"

    assert await chat.fetchval("select tier from public.profiles where user_id = $1", user_id) == "pro"
    assert await audit(chat, user_id) == 1100, "the month's credits came with the tier, once"
    assert await audited(chat) == [("tier_changed", f"user:{user_id}")]


async def test_an_unknown_tier_names_the_known_ones(chat_dsn: Callable[..., str], user_id: UUID) -> None:
    with pytest.raises(TierUnknown, match="free, starter, pro, enterprise"):
        await set_tier(chat_dsn(), EMAIL, "gold")


async def test_a_refund_is_an_entry_and_is_audited(
    chat: Pool, chat_dsn: Callable[..., str], user_id: UUID
) -> None:
    hold = await chat.fetchval("select hold_id from private.hold_credits($1, 30, 60)", user_id)
    await chat.execute("select private.settle_hold($1, 30, 'xai', 'grok-4.7', 1, 1, 'chat')", hold)
    charge = await chat.fetchval("select id from public.credits_ledger where kind = 'charge'")

    part = await refund_charge(chat_dsn(), charge, 10, "an apology", key="ticket-7")
    again = await refund_charge(chat_dsn(), charge, 10, "an apology", key="ticket-7")
    rest = await refund_charge(chat_dsn(), charge, None, "an apology")
    with pytest.raises(FieldInvalid, match="0 of charge"):
        await refund_charge(chat_dsn(), charge, None, "an apology")
    with pytest.raises(NotFound):
        await refund_charge(chat_dsn(), 10**9, None, "an apology")

    assert (part.balance, again.is_new, rest.amount, rest.balance) == (80, False, 20, 100)
    assert await audit(chat, user_id) == 100
    assert await audited(chat) == [("credits_refunded", f"user:{user_id}")] * 2
