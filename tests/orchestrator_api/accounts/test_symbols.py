"""/v1/symbols: the watch list, its owner, its limit, and the mirror's state."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
async def user(api: httpx2.AsyncClient, auth: AuthServer, user_id: UUID) -> httpx2.AsyncClient:
    """A client that is signed in."""
    api.headers.update(bearer(auth.token(user_id)))
    return api


async def outbox_count(chat: Pool) -> int:
    count: int = await chat.fetchval("select count(*) from outbox")
    return count


async def test_a_watched_symbol_is_listed_and_pending(user: httpx2.AsyncClient, chat: Pool) -> None:
    made = await user.put(
        "/v1/symbols", json={"symbol": "btcusdt", "timeframe": "1h", "strategy": {"risk": 2}}
    )
    listed = (await user.get("/v1/symbols")).json()

    assert made.status_code == 201
    assert made.json()["symbol"] == "BTC/USDT"
    assert made.json()["mirror"] == {"state": "pending", "mirrored_at": None}
    assert listed == {"items": [made.json()], "next": None}
    assert made.json()["strategy"] == {"risk": 2}
    assert await outbox_count(chat) == 1


async def test_watching_again_changes_nothing(user: httpx2.AsyncClient, chat: Pool) -> None:
    wish = {"symbol": "BTC/USDT", "timeframe": "1h", "strategy": {"risk": 2}}
    first = await user.put("/v1/symbols", json=wish)

    again = await user.put("/v1/symbols", json=wish)
    bare = await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})

    assert (again.status_code, bare.status_code) == (200, 200)
    assert again.json() == bare.json() == first.json()
    assert await outbox_count(chat) == 1


async def test_another_strategy_is_stored_and_mirrored(user: httpx2.AsyncClient, chat: Pool) -> None:
    await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h", "strategy": {"risk": 2}})

    changed = await user.put(
        "/v1/symbols", json={"symbol": "BTC", "timeframe": "1h", "strategy": {"risk": 3}}
    )

    assert (changed.status_code, changed.json()["strategy"]) == (200, {"risk": 3})
    assert await outbox_count(chat) == 2


async def test_twenty_requests_at_once_watch_once(user: httpx2.AsyncClient, chat: Pool) -> None:
    wish = {"symbol": "BTC/USDT", "timeframe": "1h"}

    answers = await asyncio.gather(*(user.put("/v1/symbols", json=wish) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert await outbox_count(chat) == 1


async def test_a_symbol_no_longer_watched_vanishes_and_can_return(user: httpx2.AsyncClient) -> None:
    await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})

    stopped = await user.delete("/v1/symbols/BTC-USDT/1h")
    again = await user.delete("/v1/symbols/BTCUSDT/1h")
    listed = await user.get("/v1/symbols")
    returned = await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})

    assert (stopped.status_code, stopped.content) == (204, b"")
    assert (again.status_code, again.json()["error"]) == (404, "not_found")
    assert listed.json()["items"] == []
    assert returned.status_code == 201


async def test_nobody_sees_or_ends_what_another_watches(
    user: httpx2.AsyncClient, chat: Pool, auth: AuthServer
) -> None:
    await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})
    other = bearer(auth.token(await add_user(chat)))

    assert (await user.get("/v1/symbols", headers=other)).json()["items"] == []
    assert (await user.delete("/v1/symbols/BTC-USDT/1h", headers=other)).status_code == 404
    assert len((await user.get("/v1/symbols")).json()["items"]) == 1


async def test_the_mirrors_state_is_that_of_the_newest_change(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})
    await chat.execute("update outbox set delivered_at = '2026-01-02T03:04:05Z'")
    mirrored = (await user.get("/v1/symbols")).json()["items"][0]["mirror"]

    await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h", "strategy": {"risk": 1}})
    pending = (await user.get("/v1/symbols")).json()["items"][0]["mirror"]
    await chat.execute("update outbox set parked_at = now() where delivered_at is null")
    parked = (await user.get("/v1/symbols")).json()["items"][0]["mirror"]
    await chat.execute("delete from outbox")
    long_ago = (await user.get("/v1/symbols")).json()["items"][0]["mirror"]

    assert mirrored == {"state": "mirrored", "mirrored_at": "2026-01-02T03:04:05Z"}
    assert pending == {"state": "pending", "mirrored_at": None}
    assert parked == {"state": "parked", "mirrored_at": None}
    assert long_ago == {"state": "mirrored", "mirrored_at": None}


async def test_the_plan_limits_how_many_are_watched(user: httpx2.AsyncClient) -> None:
    for symbol in ("BTC", "ETH", "SOL", "ADA", "XRP"):
        assert (await user.put("/v1/symbols", json={"symbol": symbol, "timeframe": "1h"})).status_code == 201

    sixth = await user.put("/v1/symbols", json={"symbol": "DOT", "timeframe": "1h"})
    repeated = await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"})

    assert (sixth.status_code, sixth.json()["error"]) == (403, "forbidden")
    assert sixth.json()["details"] == {"rule": "symbols_max"}
    assert "at most 5 symbols" in sixth.json()["message"]
    assert repeated.status_code == 200


WRONG_WISHES = [
    (b"", 400, "body_malformed", None),
    (b"{", 400, "body_malformed", None),
    (b"[]", 400, "body_malformed", None),
    (b'"BTC"', 400, "body_malformed", None),
    (b"\xff\xfe", 400, "body_malformed", None),
    (b"[" * 50_000, 400, "body_malformed", None),
    (b"{}", 422, "field_invalid", "symbol"),
    (b'{"symbol": 5, "timeframe": "1h"}', 422, "field_invalid", "symbol"),
    (b'{"symbol": "B!", "timeframe": "1h"}', 422, "field_invalid", "symbol"),
    (b'{"symbol": "", "timeframe": "1h"}', 422, "field_invalid", "symbol"),
    (b'{"symbol": "BTC", "timeframe": "2h"}', 422, "field_invalid", "timeframe"),
    (b'{"symbol": "BTC", "timeframe": "1h", "strategy": []}', 422, "field_invalid", "strategy"),
    (b'{"symbol": "BTC", "timeframe": "1h", "user_id": "x"}', 422, "field_invalid", "user_id"),
    (b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": "\\u0000"}}', 422, "field_invalid", "body"),
    (b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": "\\ud800"}}', 422, "field_invalid", "body"),
    (b'{"symbol": "BTC/USDT:USDT", "timeframe": "1h"}', 422, "symbol_unsupported", "symbol"),
    (b'{"symbol": "BTCPERP", "timeframe": "1h"}', 422, "symbol_unsupported", "symbol"),
    (b'{"symbol": "NOSUCHCOIN", "timeframe": "1h"}', 404, "symbol_unknown", None),
]


async def test_a_wrong_wish_is_named(user: httpx2.AsyncClient, chat: Pool, subtests: pytest.Subtests) -> None:
    for body, status, code, field in WRONG_WISHES:
        with subtests.test(body=body[:80]):
            answer = await user.put("/v1/symbols", content=body)

            assert (answer.status_code, answer.json()["error"]) == (status, code)
            assert answer.json()["details"].get("field") == field
    assert await outbox_count(chat) == 0


async def test_a_large_strategy_is_refused(user: httpx2.AsyncClient) -> None:
    random_text = "".join(uuid4().hex for _ in range(400))
    strategy = {"notes": random_text}

    answer = await user.put("/v1/symbols", json={"symbol": "BTC", "timeframe": "1h", "strategy": strategy})

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "strategy")


async def test_a_strategy_is_no_deeper_than_the_mirror_takes(user: httpx2.AsyncClient) -> None:
    deepest: dict[str, Any] = {}
    for _ in range(15):
        deepest = {"inner": deepest}
    wish = {"symbol": "BTC", "timeframe": "1h"}

    taken = await user.put("/v1/symbols", json={**wish, "strategy": deepest})
    refused = await user.put("/v1/symbols", json={**wish, "strategy": {"inner": deepest}})

    assert taken.status_code == 201
    assert (refused.status_code, refused.json()["details"]["field"]) == (422, "strategy")
    assert (await user.get("/v1/symbols")).json()["items"][0]["strategy"] == deepest


async def test_a_deleted_account_watches_nothing(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    answer = await api.put(
        "/v1/symbols", json={"symbol": "BTC", "timeframe": "1h"}, headers=bearer(auth.token(uuid4()))
    )

    assert answer.status_code == 403


async def test_the_list_comes_in_pages(user: httpx2.AsyncClient) -> None:
    for symbol in ("BTC", "ETH", "SOL"):
        await user.put("/v1/symbols", json={"symbol": symbol, "timeframe": "1h"})

    first = (await user.get("/v1/symbols?limit=2")).json()
    second = (await user.get(f"/v1/symbols?limit=2&cursor={first['next']}")).json()

    assert [row["symbol"] for row in first["items"]] == ["BTC/USDT", "ETH/USDT"]
    assert [row["symbol"] for row in second["items"]] == ["SOL/USDT"]
    assert second["next"] is None
