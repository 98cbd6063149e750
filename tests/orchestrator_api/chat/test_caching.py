"""An answer is given again to the same question on the same facts, at the price of data, and never across what makes it another one."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.orchestrator_api.chat.conftest import Chat, Chats, ScriptedProvider, calling, save_signal, saying
from tests.orchestrator_api.chat.test_chat import frames_of, told
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool

pytestmark = pytest.mark.usefixtures("markets")


async def kept(chat: Chat, count: int = 1) -> None:
    """Wait until so many answers are in the cache."""
    async with asyncio.timeout(40):
        while await chat.database.fetchval("select count(*) from cached_answers") < count:
            await asyncio.sleep(0.01)


async def speaking(chats: Chats, *texts: str) -> tuple[Chat, ScriptedProvider]:
    model = ScriptedProvider("xai", *[saying(text) for text in texts])
    return await chats.speaking(model), model


async def first_answer(chats: Chats, *texts: str) -> tuple[Chat, ScriptedProvider]:
    chat, model = await speaking(chats, *texts)
    await chat.ask()
    await kept(chat)
    return chat, model


async def test_the_same_question_is_answered_again_at_the_price_of_data(chats: Chats) -> None:
    chat, model = await first_answer(chats, "Long.")

    again = (await chat.ask(message="  what about btc  ")).json()

    assert again["cached"]
    assert again["answer"].startswith("*(Answered at 20")
    assert again["answer"].endswith("the same question on the same facts.)*\n\nLong.")
    assert (again["provider"], again["model"], again["credits"]) == ("xai", "grok-4.7", 1)
    assert again["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert len(model.prompts) == 1
    assert await chat.charges() == [(6, "xai", "chat"), (1, "xai", "cached_answer")]


async def test_the_ui_stream_says_that_it_is_cached(chats: Chats) -> None:
    chat, _ = await first_answer(chats, "Long.")

    response = await chat.client.post("/chat", json={"message": "What about BTC?"}, headers=chat.headers)

    frames = frames_of(response.text)
    assert "Long." in told(frames)
    assert {"type": "data-cached", "id": "cached", "data": {"cached": True}} in frames
    assert frames[-1]["messageMetadata"]["cached"] is True


async def test_another_user_with_the_same_facts_is_answered_from_it_too(
    chats: Chats, auth: AuthServer
) -> None:
    chat, model = await first_answer(chats, "Long.")
    bob = await add_user(chat.database)
    await chat.database.execute(
        "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC/USDT', '1h')", bob
    )

    answer = await chat.client.post(
        "/chat", json={"message": "What about BTC?", "stream": False}, headers=bearer(auth.token(bob))
    )

    assert answer.json()["cached"]
    assert len(model.prompts) == 1


async def test_a_fresh_answer_can_be_asked_for(chats: Chats) -> None:
    chat, _ = await first_answer(chats, "Long.", "Still long.")

    answer = await chat.client.post(
        "/chat",
        json={"message": "What about BTC?", "stream": False},
        headers={**chat.headers, "Cache-Control": "no-cache"},
    )

    assert (answer.json()["answer"], answer.json()["cached"]) == ("Still long.", False)


@pytest.mark.parametrize(
    "body", [{"message": "What about ETH?"}, {"model": "grok"}, {"message": "What about BTC tomorrow?"}]
)
async def test_another_question_or_model_is_another_answer(chats: Chats, body: dict[str, Any]) -> None:
    chat, _ = await first_answer(chats, "Long.", "Another.")

    assert (await chat.ask(**body)).json()["answer"] == "Another."


async def test_other_facts_are_another_answer(chats: Chats, trading: Pool) -> None:
    chat, _ = await first_answer(chats, "Long.", "Another.")
    await save_signal(trading, timeframe="4h", entry_price=51234.5)

    assert (await chat.ask()).json()["answer"] == "Another."


async def test_within_a_conversation_nothing_is_given_again(chats: Chats) -> None:
    chat, _ = await speaking(chats, "One.", "Two.", "Three.")
    conversation = str(uuid4())

    answers = [(await chat.ask(conversation_id=conversation)).json()["answer"] for _ in range(3)]

    assert answers == ["One.", "Two.", "Three."]


async def test_five_minutes_are_the_end(chats: Chats) -> None:
    chat, _ = await first_answer(chats, "Long.", "Another.")
    await chat.database.execute("update cached_answers set answered_at = now() - interval '301 seconds'")

    assert (await chat.ask()).json()["answer"] == "Another."


async def test_what_was_looked_up_is_not_kept(chats: Chats) -> None:
    looking = calling(("get_signals", '{"symbol": "BTC/USDT"}'))
    model = ScriptedProvider("xai", looking, saying("Long."), saying("Another."))
    chat = await chats.speaking(model)
    await chat.database.execute("update profiles set tier = 'pro'")

    await chat.ask()
    answer = (await chat.ask()).json()

    assert answer["answer"] == "Another."


async def test_a_repeated_request_stays_the_answer_it_was(chats: Chats) -> None:
    chat, _ = await first_answer(chats, "Long.")

    first = (await chat.ask(key="k")).json()
    again = (await chat.ask(key="k")).json()

    assert again == first
    assert again["cached"]


async def test_one_credit_must_be_there(chats: Chats) -> None:
    chat, _ = await first_answer(chats, "Long.")
    await chat.database.execute("select hold_id from private.hold_credits($1, 94, 60)", chat.user_id)

    refused = await chat.ask()

    assert (refused.status_code, refused.json()["error"]) == (402, "credits_exhausted")


async def test_old_answers_are_forgotten(chat: Pool) -> None:
    await chat.execute(
        "insert into cached_answers (key, content, provider, model, answered_at)"
        " select md5(age::text) || md5(age::text), 'a', 'xai', 'grok', now() - age"
        " from unnest(array['1 minute', '6 minutes']::interval[]) as age"
    )

    assert await chat.fetchval("select private.forget_cached_answers()") == 1
    assert await chat.fetchval("select count(*) from cached_answers") == 1
