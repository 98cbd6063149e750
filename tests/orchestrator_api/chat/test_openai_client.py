"""The real openai client against a real server: whole and streamed, tools of the client's own, and every refusal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from orchestrator_api.limits.calls import CallLimits
from tests.orchestrator_api.chat.conftest import Chat, Chats, ScriptedProvider, calling, saying, served
from zmarty.postgres import Pool

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "BTC, and is it raining in Ulm?"}]
ULM = ("get_weather", '{"city": "Ulm"}')


@asynccontextmanager
async def client_at(chat: Chat, *, token: str | None = None) -> AsyncIterator[AsyncOpenAI]:
    key = token or chat.headers["Authorization"].removeprefix("Bearer ")
    async with (
        served(chat.resources) as url,
        AsyncOpenAI(api_key=key, base_url=f"{url}/v1", max_retries=0, timeout=60) as client,
    ):
        yield client


async def test_a_whole_completion_says_its_usage_and_ending(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", saying("Hello.", read=500, written=1000)))

    async with client_at(chat) as client:
        answer = await client.chat.completions.create(model="auto", messages=ASKED)

    assert answer.choices[0].message.content == "Hello."
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "grok-4.7"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        500,
        1000,
        1500,
    )


async def test_the_clients_tools_come_back_as_calls_and_go_on_with_results(chats: Chats) -> None:
    model = ScriptedProvider("xai", calling(ULM, text="One moment."), saying("It rains."))
    chat = await chats.speaking(model)

    async with client_at(chat) as client:
        first = await client.chat.completions.create(model="grok", messages=ASKED, tools=[WEATHER])
        asked = first.choices[0].message
        assert asked.tool_calls is not None
        second = await client.chat.completions.create(
            model="grok",
            messages=[
                *ASKED,
                asked.model_dump(exclude_none=True),  # type: ignore[list-item]
                {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "rain"},
            ],
            tools=[WEATHER],
        )

    assert first.choices[0].finish_reason == "tool_calls"
    assert asked.content == "One moment."
    assert asked.tool_calls[0].model_dump() == {
        "id": "call-0",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Ulm"}'},
    }
    assert [tool.name for tool in model.prompts[0].tools] == ["get_weather"]
    assert second.choices[0].message.content == "It rains."
    question, called, result = model.prompts[1].turns
    assert question.text == ASKED[0]["content"]
    assert (called.calls[0].name, called.calls[0].arguments) == ULM
    assert (result.results[0].call_id, result.results[0].text) == ("call-0", "rain")


async def test_streamed_calls_arrive_whole(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", calling(ULM, ULM)))

    async with client_at(chat) as client:
        stream = await client.chat.completions.create(
            model="grok",
            messages=ASKED,
            tools=[WEATHER],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]

    calls = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or []]
    assert [(call.index, call.function and call.function.name) for call in calls] == [
        (0, "get_weather"),
        (1, "get_weather"),
    ]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 500


@pytest.mark.usefixtures("markets")
async def test_without_tools_of_its_own_a_client_gets_answers_that_rest_on_ours(
    chats: Chats, chat: Pool
) -> None:
    await chat.execute("update profiles set tier = 'pro'")
    model = ScriptedProvider(
        "xai", calling(("get_signals", '{"symbol": "BTC/USDT"}'), text="Looking."), saying("Long.")
    )
    talk = await chats.speaking(model)

    async with client_at(talk) as client:
        stream = await client.chat.completions.create(model="auto", messages=ASKED, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    assert text == "Looking.\n\nLong."


async def test_tools_can_be_forbidden(chats: Chats, chat: Pool) -> None:
    await chat.execute("update profiles set tier = 'pro'")
    model = ScriptedProvider("xai", saying("Dry."))
    talk = await chats.speaking(model)

    async with client_at(talk) as client:
        await client.chat.completions.create(
            model="auto", messages=ASKED, tools=[WEATHER], tool_choice="none"
        )

    assert model.prompts[0].tools == ()


async def test_models_are_listed_and_looked_up(chats: Chats) -> None:
    chat = await chats.without_models()

    async with client_at(chat) as client:
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("grok")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-2")

    assert one.id == "grok"
    assert "auto" in listed


async def test_a_broken_token_is_an_authentication_error(chats: Chats) -> None:
    chat = await chats.without_models()

    async with client_at(chat, token="no.real.token") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="auto", messages=ASKED)


async def test_an_empty_account_is_told_so(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai"))
    await chat.database.execute("select hold_id from private.hold_credits($1, 100, 60)", chat.user_id)

    async with client_at(chat) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="auto", messages=ASKED)

    assert caught.value.status_code == 402
    assert caught.value.response.json()["error"] == "credits_exhausted"


async def test_an_unknown_model_is_not_found(chats: Chats) -> None:
    chat = await chats.without_models()

    async with client_at(chat) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="gpt-2", messages=ASKED)

    assert caught.value.response.json()["error"] == "model_unknown"


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        ([{"role": "user", "content": ""}], "empty"),
        ([{"role": "assistant", "content": "hi"}], "end with"),
        ([*ASKED, {"role": "tool", "tool_call_id": "x", "content": "1"}], "a call before it"),
        (
            [
                *ASKED,
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}
                        for name in ("a", "b")
                    ],
                },
                {"role": "tool", "tool_call_id": "a", "content": "1"},
            ],
            "a result for every call",
        ),
    ],
)
async def test_messages_out_of_order_are_refused_with_their_rule(
    chats: Chats, messages: list[Any], rule: str
) -> None:
    chat = await chats.without_models()

    async with client_at(chat) as client:
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            await client.chat.completions.create(model="auto", messages=messages)

    document = caught.value.response.json()
    assert (document["error"], document["details"]["field"]) == ("field_invalid", "messages")
    assert rule in document["details"]["rule"]


async def test_too_many_questions_are_a_rate_limit_error(chats: Chats, chat: Pool) -> None:
    await chat.execute("update tiers set requests_per_minute = 1 where tier = 'free'")
    talk = await chats.speaking(ScriptedProvider("xai", saying("One."), saying("Two.")))
    talk = replace(talk, resources=replace(talk.resources, limits=CallLimits()))

    async with client_at(talk) as client:
        await client.chat.completions.create(model="auto", messages=ASKED)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="auto", messages=ASKED)

    assert int(caught.value.response.headers["retry-after"]) >= 1


async def test_a_fault_in_the_stream_is_raised_by_the_client(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", [RuntimeError("ours")]))

    async with client_at(chat) as client:
        stream = await client.chat.completions.create(model="auto", messages=ASKED, stream=True)
        with pytest.raises(openai.APIError) as caught:
            [chunk async for chunk in stream]

    assert caught.value.code == "internal_error"
    assert await chat.account() == (100, 0)
