"""What users see of their credits over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge
from orchestrator_api.credits.pricing import SpendingLimitReached
from orchestrator_api.paging import encode_cursor
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool


async def test_the_balance_shows_what_is_held(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id = await add_user(chat)
    async with chat_api.acquire() as connection:
        await ledger.hold(connection, user_id, credits=30)

    answer = await api.get("/v1/credits", headers=bearer(auth.token(user_id)))

    assert answer.status_code == 200
    told = answer.json()
    assert (told["balance"], told["held"], told["available"]) == (100, 30, 70)
    assert [(grant["kind"], grant["remaining"], grant["expires_at"]) for grant in told["grants"]] == [
        ("bonus", 100, None)
    ]
    assert (told["low"], told["low_since"], told["next_monthly"]) == (False, None, None)
    assert told["limits"] == {"per_request": None, "per_day": None, "used_today": 30, "left_today": None}


async def test_the_history_pages_through_all_entries_once(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id, other = await add_user(chat), await add_user(chat)
    async with chat_api.acquire() as connection:
        for credits in (1, 2, 3, 4):
            hold = await ledger.hold(connection, user_id, credits=10)
            await ledger.settle(connection, hold, Charge(credits=credits, reason="chat"))
        hold = await ledger.hold(connection, other, credits=10)
        await ledger.settle(connection, hold, Charge(credits=9, reason="chat"))

    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (
            await api.get("/v1/credits/history", params=query, headers=bearer(auth.token(user_id)))
        ).json()
        seen += [item["amount"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break

    assert seen == [-4, -3, -2, -1, 100]


@pytest.mark.parametrize("forged", [10**30, float("inf"), -1])
async def test_a_forged_cursor_is_refused(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, forged: float
) -> None:
    headers = bearer(auth.token(await add_user(chat)))

    answer = await api.get("/v1/credits/history", params={"cursor": encode_cursor(forged)}, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")


async def test_credits_need_a_token(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/v1/credits")

    assert (answer.status_code, answer.json()["error"]) == (401, "token_missing")


async def spend(chat_api: Pool, user_id: UUID, credits: int, **charge: Any) -> None:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=credits)
        await ledger.settle(connection, hold, Charge(credits=credits, **{"reason": "chat", **charge}))


async def test_a_plan_with_monthly_credits_names_the_next_ones(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool
) -> None:
    user_id = await add_user(chat)
    headers = bearer(auth.token(user_id))
    await chat.execute("update profiles set tier = 'starter' where user_id = $1", user_id)
    owed = (await api.get("/v1/credits", headers=headers)).json()["next_monthly"]
    await chat.execute("select private.grant_monthly()")
    told = (await api.get("/v1/credits", headers=headers)).json()

    assert owed["credits"] == 300
    assert datetime.fromisoformat(owed["at"]) <= datetime.now(UTC) + timedelta(minutes=1)
    assert told["next_monthly"] == {"credits": 300, "at": told["grants"][0]["expires_at"]}
    assert [grant["kind"] for grant in told["grants"]] == ["monthly", "bonus"]


async def test_a_low_balance_is_told(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id = await add_user(chat)
    await spend(chat_api, user_id, 81)

    told = (await api.get("/v1/credits", headers=bearer(auth.token(user_id)))).json()

    assert (told["balance"], told["low"]) == (19, True)
    assert told["low_since"] is not None


async def test_limits_are_set_replaced_and_enforced(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id = await add_user(chat)
    headers = bearer(auth.token(user_id))
    await spend(chat_api, user_id, 5)

    limits = await api.put("/v1/credits/limits", json={"per_request": 20, "per_day": 12}, headers=headers)
    async with chat_api.acquire() as connection:
        with pytest.raises(SpendingLimitReached) as refused:
            await ledger.hold(connection, user_id, credits=8)
    lifted = await api.put("/v1/credits/limits", json={"per_request": 20}, headers=headers)

    assert limits.json() == {"per_request": 20, "per_day": 12, "used_today": 5, "left_today": 7}
    assert refused.value.details == {"limit": "per_day", "needed": 8, "left": 7}
    assert lifted.json() == (await api.get("/v1/credits/limits", headers=headers)).json()
    assert lifted.json()["per_day"] is None


@pytest.mark.parametrize("body", [{"per_day": -1}, {"per_request": 0}, {"per_week": 5}, {"per_day": "x"}])
async def test_an_absurd_limit_is_refused(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, body: dict[str, Any]
) -> None:
    headers = bearer(auth.token(await add_user(chat)))

    answer = await api.put("/v1/credits/limits", json=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")


async def test_the_history_is_filtered(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id = await add_user(chat)
    await spend(chat_api, user_id, 3, provider="xai", model="grok-4.7")
    await spend(chat_api, user_id, 4)

    async def amounts(**query: str) -> list[int]:
        page = await api.get("/v1/credits/history", params=query, headers=bearer(auth.token(user_id)))
        assert page.status_code == 200, page.text
        return [item["amount"] for item in page.json()["items"]]

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await amounts(kind="charge") == [-4, -3]
    assert await amounts(model="grok-4.7") == [-3]
    assert await amounts(**{"from": tomorrow}) == []
    assert await amounts(to=tomorrow) == [-4, -3, 100]


async def test_the_history_is_a_file_without_formulas(
    api: httpx2.AsyncClient,
    auth: AuthServer,
    chat: Pool,
    chat_api: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator_api.credits.routes.CSV_ROWS_AT_ONCE", 2)
    user_id = await add_user(chat)
    for reason in ("=HYPERLINK(1)", "chat", 'said "so", twice'):
        await spend(chat_api, user_id, 3, reason=reason)
    headers = {**bearer(auth.token(user_id)), "Accept": "text/csv"}

    answer = await api.get("/v1/credits/history", headers=headers)

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["amount"] for row in rows] == ["-3", "-3", "-3", "100"]
    assert [row["reason"] for row in rows[:3]] == ['said "so", twice', "chat", "'=HYPERLINK(1)"]


async def test_a_statement_adds_up(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, chat_api: Pool
) -> None:
    user_id = await add_user(chat)
    headers = bearer(auth.token(user_id))
    await spend(chat_api, user_id, 3, model="grok-4.7")
    await spend(chat_api, user_id, 4, model="grok-4.7")
    month = f"{datetime.now(UTC):%Y-%m}"

    now = (await api.get(f"/v1/credits/statements/{month}", headers=headers)).json()
    later = (await api.get("/v1/credits/statements/2199-12", headers=headers)).json()
    refused = await api.get("/v1/credits/statements/2026-13", headers=headers)

    assert (now["opening"], now["closing"]) == (0, 93)
    assert now["days"] == [{"day": f"{datetime.now(UTC):%Y-%m-%d}", "credits": 7}]
    assert later["days"] == []
    assert now["totals"] == [
        {"kind": "charge", "model": "grok-4.7", "entries": 2, "credits": -7},
        {"kind": "grant", "model": None, "entries": 1, "credits": 100},
    ]
    assert (later["opening"], later["totals"], later["closing"]) == (93, [], 93)
    assert (refused.status_code, refused.json()["details"]["field"]) == (422, "month")
