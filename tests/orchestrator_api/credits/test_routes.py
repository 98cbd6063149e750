"""What users see of their credits over HTTP."""

import httpx2
import pytest

from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge
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
    assert answer.json() == {"balance": 100, "held": 30, "available": 70}


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
