"""What operators give and give back: once for each key, audited, and nobody else's to do."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Charge
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from tests.support.books import audit
from zmarty.postgres import Pool


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
def operator(auth: AuthServer) -> dict[str, str]:
    return bearer(auth.operator_token())


async def charge(chat: Pool, chat_api: Pool, user_id: UUID, credits: int) -> int:
    async with chat_api.acquire() as connection:
        hold = await ledger.hold(connection, user_id, credits=credits)
        await ledger.settle(connection, hold, Charge(credits=credits, reason="chat"))
    return int(await chat.fetchval("select max(id) from credits_ledger where kind = 'charge'"))


async def actions(chat: Pool) -> list[str]:
    return [row["action"] for row in await chat.fetch("select action from audit_log order by id")]


def grant_of(user_id: UUID, /, **changes: Any) -> dict[str, Any]:
    return {"user_id": str(user_id), "credits": 500, "reason": "bought", "key": "invoice-1", **changes}


async def test_a_grant_happens_once_and_is_audited(
    api: httpx2.AsyncClient, operator: dict[str, str], chat: Pool, user_id: UUID
) -> None:
    order = grant_of(user_id, kind="purchased", expires_at="2199-01-01T00:00:00Z")

    first = (await api.post("/v1/admin/credits/grant", json=order, headers=operator)).json()
    again = (await api.post("/v1/admin/credits/grant", json=order, headers=operator)).json()

    assert (first["credits"], first["balance"], first["is_new"]) == (500, 600, True)
    assert again == {**first, "is_new": False}
    assert await audit(chat, user_id) == 600
    assert await actions(chat) == ["credits_grant_requested", "credits_grant_done"]
    kind = await chat.fetchval("select kind from credit_grants where expires_at is not null")
    assert kind == "purchased"


async def test_a_key_is_not_reused_for_another_grant(
    api: httpx2.AsyncClient, operator: dict[str, str], chat: Pool, user_id: UUID
) -> None:
    await api.post("/v1/admin/credits/grant", json=grant_of(user_id), headers=operator)
    refused = await api.post("/v1/admin/credits/grant", json=grant_of(user_id, credits=700), headers=operator)

    assert (refused.status_code, refused.json()["error"]) == (409, "idempotency_key_reused")
    assert await audit(chat, user_id) == 600


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"credits": 0}, 422, "field_invalid"),
        ({"credits": -5}, 422, "field_invalid"),
        ({"credits": 10**9}, 422, "field_invalid"),
        ({"kind": "monthly"}, 422, "field_invalid"),
        ({"kind": "purchased", "credits": 123}, 422, "field_invalid"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "field_invalid"),
        ({"reason": ""}, 422, "field_invalid"),
        ({"user_id": str(uuid4())}, 404, "not_found"),
    ],
)
async def test_a_senseless_grant_is_refused(
    api: httpx2.AsyncClient,
    operator: dict[str, str],
    chat: Pool,
    user_id: UUID,
    changes: dict[str, Any],
    status: int,
    error: str,
) -> None:
    answer = await api.post("/v1/admin/credits/grant", json=grant_of(user_id, **changes), headers=operator)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert await actions(chat) == []
    assert await audit(chat, user_id) == 100


async def test_a_refund_gives_back_at_most_the_charge(
    api: httpx2.AsyncClient, operator: dict[str, str], chat: Pool, chat_api: Pool, user_id: UUID
) -> None:
    entry = await charge(chat, chat_api, user_id, 30)

    async def refund(key: str, credits: int | None = None) -> httpx2.Response:
        order = {"entry_id": entry, "credits": credits, "reason": "a bad answer", "key": key}
        return await api.post("/v1/admin/credits/refund", json=order, headers=operator)

    part, again = (await refund("a", 10)).json(), (await refund("a", 10)).json()
    other = await refund("a", 11)
    beyond = await refund("b", 21)
    rest = (await refund("c")).json()

    assert (part["credits"], part["balance"], again["is_new"]) == (10, 80, False)
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_key_reused")
    assert (beyond.status_code, beyond.json()["details"]["field"]) == (422, "credits")
    assert (rest["credits"], rest["balance"]) == (20, 100)
    assert await audit(chat, user_id) == 100
    assert await actions(chat) == ["credits_refund_requested", "credits_refund_done"] * 2


async def test_only_operators_correct_credits(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, user_id: UUID
) -> None:
    for path in ("grant", "refund"):
        answer = await api.post(
            f"/v1/admin/credits/{path}", json=grant_of(user_id), headers=bearer(auth.token(user_id))
        )
        assert (answer.status_code, answer.json()["error"]) == (403, "operator_required")
    assert await audit(chat, user_id) == 100


async def test_a_charge_that_never_was_is_not_refunded(
    api: httpx2.AsyncClient, operator: dict[str, str]
) -> None:
    order = {"entry_id": 12345, "reason": "a bad answer", "key": "a"}

    answer = await api.post("/v1/admin/credits/refund", json=order, headers=operator)

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
