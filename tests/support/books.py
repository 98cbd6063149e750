"""Audits the ledger of a user with SQL that the product does not use."""

from uuid import UUID

from zmarty.postgres import Connection, Pool


async def audit(chat: "Pool | Connection", user_id: UUID) -> int:
    """Entries, running balances, account, view, holds and grants tell the same story; returns the balance."""
    entries = await chat.fetch(
        "select kind, amount, balance_after, drawn from credits_ledger where user_id = $1 order by id",
        user_id,
    )
    running, taken = 0, dict[int, int]()
    for entry in entries:
        running += entry["amount"]
        assert entry["balance_after"] == running >= 0
        assert (entry["drawn"] is not None) == (entry["kind"] in ("charge", "expire"))
        if entry["drawn"] is not None:
            assert sum(entry["drawn"].values()) == -entry["amount"]
            for grant, credits in entry["drawn"].items():
                taken[int(grant)] = taken.get(int(grant), 0) + credits
    account = await chat.fetchrow(
        "select balance, held, spent, spent_on, next_expiry, low_since from credit_accounts where user_id = $1",
        user_id,
    )
    assert account is not None
    holds = await chat.fetch("select credits, charged, state from credit_holds where user_id = $1", user_id)
    open_credits = sum(hold["credits"] for hold in holds if hold["state"] == "held")
    assert account["balance"] == running
    assert account["held"] == open_credits <= running
    assert (account["low_since"] is not None) == (running < 20)
    grants = await chat.fetch(
        "select id, kind, credits, remaining, expires_at from credit_grants where user_id = $1", user_id
    )
    assert sum(grant["remaining"] for grant in grants) == running
    for grant in grants:
        assert grant["remaining"] == grant["credits"] - taken.pop(grant["id"], 0)
    assert taken == {}, "an entry drew from a grant that is not there"
    ends = [grant["expires_at"] for grant in grants if grant["remaining"] and grant["expires_at"]]
    assert not ends or account["next_expiry"] <= min(ends)
    charged = sum(-entry["amount"] for entry in entries if entry["kind"] == "charge")
    assert charged == sum(hold["charged"] or 0 for hold in holds)
    view = await chat.fetchrow(
        "select balance, held, available from credit_balance where user_id = $1", user_id
    )
    assert view is not None
    assert tuple(view) == (running, open_credits, running - open_credits)
    return running
