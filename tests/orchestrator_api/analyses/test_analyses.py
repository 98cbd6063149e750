"""Analyses through the public surface: answered, charged and kept once, read by their owner, repaired after a crash between two databases."""

from typing import Any

import httpx2
import pytest

from tests.orchestrator_api.chat.conftest import Chat, Chats, ScriptedProvider, saying
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool

PATH = "/v1/trading/analysis"


async def analyse(chat: Chat, *, key: str | None = None, **body: Any) -> httpx2.Response:
    headers = {**chat.headers, **({"Idempotency-Key": key} if key else {})}
    return await chat.client.post(PATH, json={"query": "Where is BTC going?", **body}, headers=headers)


async def read(chat: Chat, path: str = PATH, headers: dict[str, str] | None = None) -> httpx2.Response:
    return await chat.client.get(path, headers=headers or chat.headers)


@pytest.mark.usefixtures("markets")
async def test_an_analysis_is_answered_charged_and_kept(chats: Chats, trading: Pool) -> None:
    model = ScriptedProvider("xai", saying("It goes up, perhaps.", read=500, written=1000))
    chat = await chats.speaking(model)

    answer = await analyse(chat, model="grok")

    assert answer.status_code == 200
    row = answer.json()
    assert (row["request_type"], row["query"]) == ("market_analysis", "Where is BTC going?")
    assert (row["ai_model"], row["provider"], row["response"]) == ("grok-4.7", "xai", "It goes up, perhaps.")
    assert (row["tokens_used"], row["credits_charged"]) == (1500, 6)
    assert row["processing_time_ms"] >= 0
    assert row["metadata"]["signals"][0]["symbol"] == "BTC/USDT"
    assert await chat.charges() == [(6, "xai", "chat")]
    stored = await trading.fetchrow("select user_id, tokens_used, credits_charged from ai_analysis")
    assert stored is not None
    assert tuple(stored) == (chat.user_id, 1500, 6)
    assert (await read(chat, f"{PATH}/{row['id']}")).json() == row
    assert (await read(chat)).json()["items"] == [row]


async def test_the_model_is_told_what_to_make_of_the_question(chats: Chats) -> None:
    model = ScriptedProvider("xai", saying("None holds."), saying("Sideways."))
    chat = await chats.speaking(model)

    await analyse(chat, request_type="signal_generation")
    await analyse(chat)

    asked = [prompt.turns for prompt in model.prompts]
    # No analysis knows the one before.
    assert [len(turns) for turns in asked] == [1, 1]
    assert asked[0][0].text.startswith("Say for each symbol")
    assert asked[0][0].text.endswith("\n\nWhere is BTC going?")
    assert ("user", "Where is BTC going?") in await chat.messages()


async def test_a_portfolio_review_needs_a_portfolio(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai"))

    refused = await analyse(chat, request_type="portfolio_review")

    assert (refused.status_code, refused.json()["error"]) == (422, "not_enough_data")
    assert "portfolio" in refused.json()["message"]
    assert await chat.account() == (100, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": "  "}, "query"),
        ({"model": "gpt-2"}, "model"),
        ({"request_type": "astrology"}, "request_type"),
    ],
)
async def test_a_wrong_request_names_its_field(chats: Chats, body: dict[str, Any], field: str) -> None:
    chat = await chats.without_models()

    refused = await analyse(chat, **body)

    assert (refused.status_code, refused.json()["details"]["field"]) == (422, field)


async def test_a_repeated_request_is_one_analysis(chats: Chats, trading: Pool) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", saying("Up.")))

    first = (await analyse(chat, key="k")).json()
    again = (await analyse(chat, key="k")).json()

    assert again == first
    assert len(await chat.charges()) == 1
    assert await trading.fetchval("select count(*) from ai_analysis") == 1


async def test_what_died_between_the_databases_is_repaired_by_who_looks(chats: Chats, trading: Pool) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", saying("Up."), saying("Down.")))
    rows = [(await analyse(chat)).json() for _ in range(2)]
    await trading.execute("delete from ai_analysis")

    one = await read(chat, f"{PATH}/{rows[0]['id']}")
    whole = await read(chat)

    assert one.json() == rows[0]
    assert [row["id"] for row in whole.json()["items"]] == [rows[1]["id"], rows[0]["id"]]
    assert len(await chat.charges()) == 2


async def test_analyses_belong_to_their_owner(chats: Chats, auth: AuthServer) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", saying("Up.")))
    row = (await analyse(chat)).json()
    bob = bearer(auth.token(await add_user(chat.database)))

    assert (await read(chat, headers=bob)).json()["items"] == []
    assert (await read(chat, f"{PATH}/{row['id']}", bob)).status_code == 404
    assert (await read(chat, f"{PATH}/nonsense")).status_code == 404
    assert (await chat.client.get(PATH)).status_code == 401


async def test_the_list_comes_in_pages_and_by_kind(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", *[saying("Up.") for _ in range(3)]))
    for kind in ("market_analysis", "signal_generation", "market_analysis"):
        await analyse(chat, request_type=kind)

    first = (await read(chat, f"{PATH}?limit=2")).json()
    second = (await read(chat, f"{PATH}?limit=2&cursor={first['next']}")).json()
    signals = (await read(chat, f"{PATH}?request_type=signal_generation")).json()

    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert second["next"] is None
    assert [row["request_type"] for row in signals["items"]] == ["signal_generation"]


@pytest.mark.usefixtures("markets")
async def test_without_models_the_facts_are_the_analysis(chats: Chats) -> None:
    chat = await chats.without_models()

    row = (await analyse(chat)).json()

    assert (row["provider"], row["ai_model"], row["credits_charged"]) == (None, "data-brief", 1)
    assert "**Data brief**" in row["response"]


async def test_old_analyses_are_forgotten(trading: Pool) -> None:
    await trading.execute(
        "insert into ai_analysis (id, user_id, request_type, query, ai_model, response, tokens_used, credits_charged,"
        " processing_time_ms, created_at) select gen_random_uuid(), gen_random_uuid(), 'market_analysis', 'q', 'm', 'r', 0, 0, 0,"
        " now() - age from unnest(array['1 day', '366 days']::interval[]) as age"
    )

    assert await trading.fetchval("select private.forget_analyses()") == 1
    assert await trading.fetchval("select count(*) from ai_analysis") == 1
