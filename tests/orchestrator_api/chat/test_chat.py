"""The chat through its public surface: answers, prices, refusals, and what is left in the ledger after each."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from openai import APIStatusError, AsyncOpenAI

from orchestrator_api.chat.languages import disclaimer_in
from tests.orchestrator_api.chat.conftest import Chat, Chats, save_signal, served
from tests.orchestrator_api.model_router.wire_server import (
    Hang,
    Refuse,
    Reset,
    Stream,
    chat_completion,
    chunk,
)
from zmarty.postgres import Pool


def frames_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def told(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["delta"] for frame in frames if frame["type"] == "text-delta")


@pytest.mark.usefixtures("markets")
async def test_an_answer_is_charged_by_its_usage(chats: Chats) -> None:
    chat = await chats.scripted()

    answer = await chat.ask()

    assert answer.status_code == 200
    document = answer.json()
    assert document["answer"] == "from Grok"
    assert (document["provider"], document["model"]) == ("xai", "grok-4.7")
    assert document["usage"] == {"input_tokens": 500, "output_tokens": 1000}
    # 500 and 1000 tokens at Grok's rate.
    assert (document["credits"], document["balance"]) == (6, 94)
    assert document["signals"][0]["entry_price"] == 43210.5
    assert document["audioUrl"] is None
    assert await chat.charges() == [(6, "xai", "chat")]
    assert await chat.account() == (94, 0)
    assert await chat.messages() == [("user", "What about BTC?"), ("assistant", "from Grok")]


@pytest.mark.usefixtures("markets")
async def test_the_model_is_told_the_facts_in_their_form(chats: Chats) -> None:
    chat = await chats.scripted()

    await chat.ask()

    assert chat.models is not None
    system = chat.models.calls[0].body["messages"][0]["content"]
    facts = system.split("\n<facts>\n")[1].split("\n</facts>")[0].splitlines()
    assert facts[0].startswith(
        "- BTC/USDT 1h signal: direction long, score 0.42, strength 42, confidence 0.57, entry 43210.5, "
        "target 44100.2, stop 42600.1, "
    )
    assert facts[1].startswith(
        "- BTC/USDT 1h win rate (long, 24h horizon, 30 d): 0.53, 95% interval 0.47–0.59, "
        "n=312 (backfill 300, live 12); baseline 0.50"
    )


async def test_another_briefing_gives_another_answer(chats: Chats, trading: Pool, simulators: str) -> None:
    chat = await chats.on(simulators)

    nothing = (await chat.ask()).json()
    await save_signal(trading, entry_price=51234.5)
    something = (await chat.ask()).json()

    assert (nothing["provider"], something["provider"]) == ("xai", "xai")
    assert "51234.5" not in nothing["answer"]
    assert "51234.5" in something["answer"]


async def test_the_ui_stream_ends_with_usage_credits_and_balance(
    chats: Chats, simulators: str, markets: None
) -> None:
    chat = await chats.on(simulators)
    question = {
        "id": "chat-Ab3",
        "trigger": "submit-message",
        "messages": [
            {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]},
            {
                "id": "2",
                "role": "assistant",
                "parts": [{"type": "step-start"}, {"type": "text", "text": "Hi"}],
            },
            {"id": "3", "role": "user", "parts": [{"type": "text", "text": "What about BTC?"}]},
        ],
    }

    answer = await chat.client.post("/chat", json=question, headers=chat.headers)

    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    frames = frames_of(answer.text)
    kinds = [frame["type"] for frame in frames]
    assert kinds[:4] == ["start", "start-step", "data-signals", "text-start"]
    assert kinds[-5:] == ["text-end", "data-usage", "data-credits", "finish-step", "finish"]
    assert set(kinds[4:-5]) == {"text-delta"}
    assert len(kinds[4:-5]) > 5
    assert "43210.5" in told(frames)
    finish = frames[-1]
    assert finish["finishReason"] == "stop"
    metadata = finish["messageMetadata"]
    assert metadata["model"] == "grok-4.7"
    assert metadata["credits"] == (await chat.charges())[0][0]
    assert metadata["balance"] == 100 - metadata["credits"] == (await chat.account())[0]
    assert frames[-3]["data"] == {"charged": metadata["credits"], "balance": metadata["balance"]}


FAULTS = [
    Refuse(429, headers={"retry-after": "9"}),
    Refuse(503),
    Reset(),
    Stream((chunk("half "),), "hang"),
    Stream((chunk("half "),), "close"),
    Stream((chunk("half "), "data: [DONE]\n\n")),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failure_moves_to_the_next_and_the_client_is_told(chats: Chats, fault: Any) -> None:
    chat = await chats.scripted(xai=[fault])

    answer = await chat.ask(stream=True)

    frames = frames_of(answer.text)
    # Told of each attempt: what may pass within moments is tried twice.
    *_, restart = [frame for frame in frames if frame["type"] == "data-restart"]
    assert restart["data"]["provider"] == "xai"
    after = frames[frames.index(restart) :]
    assert told(after) == "from GPT"
    if told(frames) != "from GPT":
        # What the first one said is named, so that a client can take it back.
        assert restart["data"]["discarded"] == "text-1"
        assert after[1] == {"type": "text-start", "id": "text-2"}
    assert frames[-1]["messageMetadata"]["model"] == "gpt-6.1-sol"
    # 1500 and 2000 tokens at GPT's rate, at most what was held for a free user's 1000; nothing for the failed attempt.
    [(credits, provider, _)] = await chat.charges()
    assert provider == "openai"
    assert await chat.account() == (100 - credits, 0)
    assert (await chat.messages())[-1] == ("assistant", "from GPT")


@pytest.mark.usefixtures("markets")
async def test_without_models_the_answer_is_a_data_brief(chats: Chats) -> None:
    chat = await chats.without_models()

    document = (await chat.ask()).json()

    assert document["answer"].startswith("**Data brief**")
    assert "entry 43210.5" in document["answer"]
    assert document["answer"].endswith(disclaimer_in("en"))
    assert (document["provider"], document["model"], document["credits"]) == (None, "data-brief", 1)
    assert await chat.charges() == [(1, None, "data_brief")]


@pytest.mark.usefixtures("markets")
async def test_when_every_model_fails_the_facts_answer(chats: Chats) -> None:
    chat = await chats.failing()

    document = (await chat.ask()).json()

    assert document["answer"].startswith("**Data brief**")
    assert await chat.charges() == [(1, None, "data_brief")]
    assert await chat.account() == (99, 0)


async def test_a_brief_without_facts_costs_nothing(chats: Chats) -> None:
    chat = await chats.without_models()

    document = (await chat.ask()).json()

    assert document["credits"] == 0
    assert await chat.charges() == []
    assert await chat.account() == (100, 0)


async def test_a_refusal_by_policy_is_told_and_free(chats: Chats) -> None:
    refusal = Refuse(400, {"message": "no", "code": "content_policy_violation"})
    chat = await chats.scripted(xai=[refusal])

    document = (await chat.ask()).json()

    assert document["finish_reason"] == "content_filter"
    assert "declined" in document["answer"]
    assert document["credits"] == 0
    assert chat.models is not None
    assert not chat.models.calls_to("openai")
    assert await chat.account() == (100, 0)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"message": ""}, 422, "field_invalid", "message"),
        ({"message": "   \n"}, 422, "field_invalid", "message"),
        ({"message": "x" * 100_000}, 422, "field_invalid", "message"),
        ({"message": "x" * 600_000}, 413, "body_too_large", None),
        ({"message": None, "messages": []}, 422, "field_invalid", "messages"),
        ({"model": "llama"}, 422, "field_invalid", "model"),
        ({"price_cap": 0}, 422, "field_invalid", "price_cap"),
        ({"price_cap": 1}, 422, "field_invalid", "price_cap"),
        ({"conversation_id": "nonsense"}, 422, "field_invalid", "conversation_id"),
        ({"symbol": "BTC-PERP"}, 422, "symbol_unsupported", "symbol"),
        ({"symbol": "ZZZZ/USDT"}, 404, "symbol_unknown", None),
        ({"asset": "ZZZZ"}, 404, "symbol_unknown", None),
        ({"symbol": "!!"}, 422, "field_invalid", None),
    ],
)
async def test_a_bad_question_is_refused_and_free(
    chats: Chats, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    chat = await chats.scripted()

    answer = await chat.ask(**body)

    assert (answer.status_code, answer.json()["error"]) == (status, code)
    if field is not None:
        assert answer.json()["details"]["field"] == field
    assert await chat.holds() == []
    assert await chat.account() == (100, 0)
    assert await chat.messages() == []


async def test_a_body_that_is_no_json_is_refused(chats: Chats) -> None:
    chat = await chats.scripted()

    answer = await chat.client.post("/chat", content=b"{", headers=chat.headers)

    assert (answer.status_code, answer.json()["error"]) == (400, "body_malformed")


async def test_without_credits_the_answer_names_the_numbers(chats: Chats) -> None:
    chat = await chats.scripted()
    await spend(chat, 100)

    answer = await chat.ask()

    assert (answer.status_code, answer.json()["error"]) == (402, "credits_exhausted")
    assert answer.json()["details"]["available"] == 0
    assert answer.json()["details"]["needed"] >= 1
    assert chat.models is not None
    assert chat.models.calls == []


async def test_a_small_balance_gets_a_shorter_answer(chats: Chats) -> None:
    chat = await chats.scripted(xai=[chat_completion("short", prompt=300, completion=200)])
    await spend(chat, 96)

    answer = await chat.ask()

    assert answer.status_code == 200
    assert chat.models is not None
    assert 200 <= chat.models.calls[0].body["max_completion_tokens"] < 1000
    assert (await chat.account())[0] >= 0


async def test_a_price_cap_bounds_the_hold(chats: Chats) -> None:
    chat = await chats.scripted()

    await chat.ask(price_cap=4)

    assert await chat.database.fetchval("select max(credits) from credit_holds") <= 4
    assert (await chat.charges())[0][0] <= 4


async def test_the_same_key_is_answered_and_charged_once(chats: Chats) -> None:
    chat = await chats.scripted()

    first = await chat.ask(key="k-1")
    again = await chat.ask(key="k-1")
    streamed = await chat.ask(key="k-2", stream=True)
    streamed_again = await chat.ask(key="k-2", stream=True)

    assert again.json() == first.json()
    assert told(frames_of(streamed_again.text)) == told(frames_of(streamed.text)) == "from Grok"
    assert frames_of(streamed_again.text)[-1] == frames_of(streamed.text)[-1]
    assert len(await chat.charges()) == 2
    assert chat.models is not None
    assert len(chat.models.calls) == 2


async def test_a_key_with_another_body_is_refused_before_any_write(chats: Chats) -> None:
    chat = await chats.scripted()
    await chat.ask(key="k-1")

    answer = await chat.ask(key="k-1", message="Something else?")

    assert (answer.status_code, answer.json()["error"]) == (409, "idempotency_key_reused")
    assert await chat.holds() == ["settled"]


async def test_a_key_whose_answer_was_deleted_says_so(chats: Chats) -> None:
    chat = await chats.scripted(xai=[chat_completion("Yes.")])
    answer = await chat.ask(key="k-1")
    await chat.client.delete(f"/v1/conversations/{answer.json()['conversation_id']}", headers=chat.headers)

    again = await chat.ask(key="k-1")

    assert (again.status_code, again.json()["error"]) == (404, "not_found")
    assert len(await chat.charges()) == 1


async def test_a_key_in_flight_is_refused(chats: Chats) -> None:
    chat = await chats.scripted(xai=[Hang()])
    assert chat.models is not None
    first = asyncio.create_task(chat.ask(key="k-1"))
    async with asyncio.timeout(30):
        await chat.models.hung.wait()

    second = await chat.ask(key="k-1")

    assert (second.status_code, second.json()["error"]) == (409, "request_in_progress")
    assert (await first).status_code == 200
    assert len(await chat.charges()) == 1


async def test_sixty_four_duplicates_are_charged_once(chats: Chats) -> None:
    chat = await chats.scripted()

    answers = await asyncio.gather(*(chat.ask(key="k-1") for _ in range(64)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert len(await chat.charges()) == 1


async def test_a_refused_request_may_be_asked_again(chats: Chats) -> None:
    chat = await chats.scripted()
    await spend(chat, 100)
    refused = await chat.ask(key="k-1")
    await chat.database.execute("select private.grant_credits($1, 50, 'top-up', 'test')", chat.user_id)

    answer = await chat.ask(key="k-1")

    assert refused.status_code == 402
    assert answer.status_code == 200


async def test_a_conversation_is_remembered(chats: Chats) -> None:
    chat = await chats.scripted()
    first = (await chat.ask(message="My name is Ada.")).json()

    await chat.ask(message="Who am I?", conversation_id=first["conversation_id"])

    assert chat.models is not None
    assert chat.models.calls[-1].body["messages"][1:] == [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "from Grok"},
        {"role": "user", "content": "Who am I?"},
    ]


async def test_somebody_elses_conversation_is_not_found(chats: Chats, chat: Pool) -> None:
    mine = await chats.scripted()
    other = uuid4()
    await chat.execute(
        "insert into auth.users (id, aud, role, email) values ($1, 'a', 'a', 'o@example.com')", other
    )
    conversation = await chat.fetchval(
        "insert into conversations (user_id, title) values ($1, 'secret') returning id", other
    )

    answer = await mine.ask(conversation_id=str(conversation))

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert await mine.holds() == []


async def test_a_models_text_that_cannot_be_stored_is_mended(chats: Chats) -> None:
    chat = await chats.scripted(xai=[chat_completion("a\x00b", "\ud83d", " c")])

    document = (await chat.ask()).json()
    streamed = await chat.ask(stream=True)

    assert document["answer"] == "ab\ufffd c" == told(frames_of(streamed.text))
    assert (await chat.messages())[1] == ("assistant", "ab\ufffd c")


async def test_a_spending_limit_refuses_before_anything_is_asked(chats: Chats) -> None:
    chat = await chats.scripted()
    await chat.database.execute("insert into spending_limits (user_id, per_day) values ($1, 0)", chat.user_id)

    refused = await chat.ask()

    assert (refused.status_code, refused.json()["error"]) == (402, "spending_limit_reached")
    assert refused.json()["details"]["limit"] == "per_day"
    assert await chat.holds() == []


async def test_more_questions_at_once_than_the_tier_allows_are_refused(chats: Chats) -> None:
    chat = await chats.scripted(xai=[Hang()])
    chat.resources.limits.is_on = True

    answers = await asyncio.gather(*(chat.ask() for _ in range(5)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 429, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"] == "rate_limited"
    assert int(refused.headers["retry-after"]) >= 1
    assert len(await chat.charges()) == 2


async def test_more_questions_a_minute_than_the_tier_allows_are_refused(chats: Chats) -> None:
    chat = await chats.scripted(xai=[chat_completion("yes", prompt=10, completion=10)])
    chat.resources.limits.is_on = True
    statuses = [(await chat.ask()).status_code for _ in range(11)]

    assert statuses == [200] * 10 + [429]


async def test_a_charge_names_the_conversation_that_it_paid_for(chats: Chats) -> None:
    chat = await chats.scripted()

    answer = (
        await chat.client.post("/chat", json={"message": "BTC?", "stream": False}, headers=chat.headers)
    ).json()
    history = (await chat.client.get("/v1/credits/history", headers=chat.headers)).json()["items"]

    assert [(row["kind"], row["conversation_id"]) for row in history] == [
        ("charge", answer["conversation_id"]),
        ("grant", None),
    ]


async def test_openai_clients_get_their_own_wire(chats: Chats) -> None:
    chat = await chats.scripted()
    body = {
        "model": "auto",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "BTC?"}],
    }

    whole = await chat.client.post("/v1/chat/completions", json=body, headers=chat.headers)
    streamed = await chat.client.post(
        "/v1/chat/completions",
        json={**body, "stream": True, "stream_options": {"include_usage": True}},
        headers=chat.headers,
    )
    models = await chat.client.get("/v1/models", headers=chat.headers)

    assert whole.json()["choices"][0]["message"] == {"role": "assistant", "content": "from Grok"}
    assert whole.json()["usage"]["total_tokens"] == 1500
    frames = frames_of(streamed.text)
    assert (
        "".join(frame["choices"][0]["delta"].get("content", "") for frame in frames if frame["choices"])
        == "from Grok"
    )
    assert frames[-2]["choices"][0]["finish_reason"] == "stop"
    assert frames[-1]["choices"] == []
    assert frames[-1]["usage"]["prompt_tokens"] == 500
    told = {model["id"]: model for model in models.json()["data"]}
    assert {"auto", "grok-4.7", "claude-sonnet-5-5"} <= set(told)
    rate = {"input_per_1k": 1, "output_per_1k": 4, "call_minimum": 1}
    assert (told["grok"]["rate"], told["grok-4.7"]["rate"], told["auto"]["rate"]) == (rate, rate, None)
    assert (told["grok-4.7"]["family"], told["claude-opus-5-5"]["tier"]) == ("grok", "pro")
    assert len(await chat.charges()) == 2


async def test_the_official_openai_client_reads_our_stream(chats: Chats) -> None:
    chat = await chats.scripted()
    token = chat.headers["Authorization"].removeprefix("Bearer ")

    async with served(chat.resources) as url, AsyncOpenAI(api_key=token, base_url=f"{url}/v1") as client:
        chunks = await client.chat.completions.create(
            model="gpt",
            messages=[{"role": "user", "content": "BTC?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        seen = [chunk async for chunk in chunks]
        models = await client.models.list()
        with pytest.raises(APIStatusError) as caught:
            await client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": ""}])

    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen if chunk.choices) == "from GPT"
    assert seen[-1].usage is not None
    assert seen[-1].usage.completion_tokens == 2000
    assert "claude" in {model.id for model in models.data}
    assert caught.value.status_code == 422


async def spend(chat: Chat, credits: int) -> None:
    hold = await chat.database.fetchval(
        "select hold_id from private.hold_credits($1, $2, 60)", chat.user_id, credits
    )
    await chat.database.execute("select private.settle_hold($1, $2, null, null, 0, 0, 'test')", hold, credits)
    # Not a question of this test.
    await chat.database.execute("delete from credit_holds where id = $1", hold)
