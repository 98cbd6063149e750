"""The model vendors, through their own SDKs."""

import asyncio
import json
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from .conftest import Simulators

FACT = "BTC/USDT 1h signal: direction long, score 0.42, entry 43210.5"
SYSTEM = f"You are Zmarty.\n<facts>\n- {FACT}\n</facts>"
QUESTION = "What about BTC?"
MODELS = {"openai": "gpt-6.1-terra", "xai": "grok-4.7"}


def chat_client(simulators: Simulators, vendor: str, key: str = "sim-key") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{simulators.url}/{vendor}/v1", api_key=key, max_retries=0, timeout=30)


def claude_client(simulators: Simulators, key: str = "sim-key") -> AsyncAnthropic:
    return AsyncAnthropic(base_url=f"{simulators.url}/anthropic", api_key=key, max_retries=0, timeout=30)


async def stream_chat(simulators: Simulators, vendor: str, system: str = SYSTEM, **options: Any) -> list[Any]:
    async with chat_client(simulators, vendor) as client:
        stream = await client.chat.completions.create(
            model=MODELS[vendor],
            messages=[{"role": "system", "content": system}, {"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
            **options,
        )
        return [chunk async for chunk in stream]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("vendor", ["openai", "xai"])
async def test_a_stream_ends_with_reason_and_usage(simulators: Simulators, vendor: str) -> None:
    chunks = await stream_chat(simulators, vendor)

    assert FACT in text_of(chunks)
    assert len(chunks) > 10
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("vendor", ["openai", "xai"])
async def test_another_briefing_is_another_answer(simulators: Simulators, vendor: str) -> None:
    changed = text_of(await stream_chat(simulators, vendor, SYSTEM.replace("43210.5", "51234.5")))

    assert "51234.5" in changed
    assert "43210.5" not in changed


async def test_xai_leaves_reasoning_out_of_its_completion_tokens(simulators: Simulators) -> None:
    xai, gpt = [(await stream_chat(simulators, vendor))[-1].usage for vendor in ("xai", "openai")]

    assert xai.total_tokens - xai.prompt_tokens > xai.completion_tokens
    assert xai.total_tokens - xai.prompt_tokens == gpt.completion_tokens
    assert xai.cost_in_usd_ticks > 0
    assert gpt.total_tokens == gpt.prompt_tokens + gpt.completion_tokens


async def test_an_answer_in_one_piece_says_the_same(simulators: Simulators) -> None:
    async with chat_client(simulators, "openai") as client:
        answer = await client.chat.completions.create(
            model="gpt-6-luna",
            messages=[{"role": "developer", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
            max_completion_tokens=400,
        )

    assert answer.choices[0].message.content == text_of(await stream_chat(simulators, "openai"))
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


async def test_a_token_limit_ends_with_length(simulators: Simulators) -> None:
    chunks = await stream_chat(simulators, "openai", max_completion_tokens=5)

    assert chunks[-2].choices[0].finish_reason == "length"


async def test_models_are_listed(simulators: Simulators) -> None:
    async with chat_client(simulators, "openai") as gpt, chat_client(simulators, "xai") as grok:
        assert [model.id async for model in gpt.models.list()] == [
            "gpt-6.1-sol",
            "gpt-6.1-terra",
            "gpt-6-luna",
        ]
        assert [model.id async for model in grok.models.list()] == ["grok-4.7"]
        assert (await gpt.models.retrieve("gpt-6-luna")).id == "gpt-6-luna"
    async with claude_client(simulators) as claude:
        assert "claude-sonnet-5-5" in [model.id async for model in claude.models.list()]


@pytest.mark.parametrize("vendor", ["openai", "xai"])
async def test_chat_refusals_raise_the_sdks_errors(simulators: Simulators, vendor: str) -> None:
    message: Any = {"role": "user", "content": QUESTION}
    async with chat_client(simulators, vendor, key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model=MODELS[vendor], messages=[message])
    async with chat_client(simulators, vendor) as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="gpt-2", messages=[message])
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model=MODELS[vendor], messages=[])
        simulators.control(vendor, fail={"status": 429, "retry_after": 3, "times": 1})
        with pytest.raises(openai.RateLimitError) as limited:
            await client.chat.completions.create(model=MODELS[vendor], messages=[message])
        assert limited.value.response.headers["retry-after"] == "3"


async def test_openai_and_xai_word_their_errors_differently(simulators: Simulators) -> None:
    gpt = simulators.client.get("/openai/v1/models").json()
    grok = simulators.client.get("/xai/v1/models").json()

    assert gpt["error"]["code"] == "invalid_api_key"
    assert isinstance(grok["error"], str)


async def test_a_named_refusal_carries_its_code(simulators: Simulators) -> None:
    simulators.control(
        "openai", fail={"status": 400, "code": "context_length_exceeded", "message": "Too long."}
    )

    with pytest.raises(openai.BadRequestError) as refused:
        await stream_chat(simulators, "openai")

    assert refused.value.code == "context_length_exceeded"


async def stream_claude(simulators: Simulators, system: Any = SYSTEM) -> tuple[str, Any]:
    async with (
        claude_client(simulators) as client,
        client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=500,
            system=system,
            messages=[{"role": "user", "content": QUESTION}],
        ) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])
        return text, await stream.get_final_message()


async def test_claude_streams_with_cumulative_usage(simulators: Simulators) -> None:
    text, final = await stream_claude(simulators)

    assert FACT in text
    assert final.stop_reason == "end_turn"
    assert final.content[0].text == text
    assert final.usage.output_tokens > len(text) // 5
    assert final.usage.input_tokens > 0


async def test_claudes_events_come_in_the_documented_order(simulators: Simulators) -> None:
    async with claude_client(simulators) as client:
        stream = await client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=500,
            system=SYSTEM,
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
        )
        kinds = [event.type async for event in stream]

    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) <= {"content_block_delta", "ping"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_claudes_input_tokens_exclude_the_cache(simulators: Simulators) -> None:
    cached = [{"type": "text", "text": SYSTEM + "\n(cached)", "cache_control": {"type": "ephemeral"}}]

    first = (await stream_claude(simulators, cached))[1].usage
    second = (await stream_claude(simulators, cached))[1].usage

    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 0
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0
    assert first.input_tokens == second.input_tokens < first.cache_creation_input_tokens


async def test_claude_in_one_piece_says_the_same(simulators: Simulators) -> None:
    async with claude_client(simulators) as client:
        answer = await client.messages.create(
            model="claude-opus-5-5",
            max_tokens=500,
            system=SYSTEM,
            messages=[{"role": "user", "content": QUESTION}],
        )

    assert answer.content[0].type == "text"
    assert answer.content[0].text == (await stream_claude(simulators))[0]


async def test_claudes_refusals_raise_the_sdks_errors(simulators: Simulators) -> None:
    ask: dict[str, Any] = {"max_tokens": 9, "messages": [{"role": "user", "content": QUESTION}]}
    async with claude_client(simulators, key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(model="claude-haiku-5-5", **ask)
    async with claude_client(simulators) as client:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.create(model="claude-2", **ask)
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.create(model="claude-haiku-5-5", **ask, extra_body={"temperature": 1})
        simulators.control("anthropic", fail={"status": 529})
        with pytest.raises(anthropic.APIStatusError) as overloaded:
            await client.messages.create(model="claude-haiku-5-5", **ask)
        assert overloaded.value.status_code == 529
        assert "overloaded_error" in str(overloaded.value.body)


async def test_claude_wants_its_version_header(simulators: Simulators) -> None:
    response = simulators.client.post("/anthropic/v1/messages", headers={"x-api-key": "sim-key"}, json={})

    assert response.status_code == 400
    assert "anthropic-version" in response.json()["error"]["message"]


async def test_a_cut_stream_breaks_the_connection(simulators: Simulators) -> None:
    simulators.control("openai", cut_after_pieces=3)
    simulators.control("anthropic", cut_after_pieces=3)

    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        await stream_chat(simulators, "openai")
    with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
        await stream_claude(simulators)


async def test_a_stream_without_an_end_has_no_reason(simulators: Simulators) -> None:
    simulators.control("openai", no_end=True)

    chunks = await stream_chat(simulators, "openai")

    assert FACT in text_of(chunks)
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)


async def test_a_malformed_chunk_breaks_the_parser(simulators: Simulators) -> None:
    simulators.control("openai", malformed=True)

    with pytest.raises(json.JSONDecodeError):
        await stream_chat(simulators, "openai")


async def test_an_error_inside_a_stream_is_raised(simulators: Simulators) -> None:
    simulators.control("openai", error_after_pieces=2)
    simulators.control("anthropic", error_after_pieces=2)

    with pytest.raises(openai.APIError):
        await stream_chat(simulators, "openai")
    with pytest.raises(anthropic.APIStatusError):
        await stream_claude(simulators)


async def test_an_empty_answer_has_no_text(simulators: Simulators) -> None:
    simulators.control("openai", empty=True)

    chunks = await stream_chat(simulators, "openai")

    assert text_of(chunks) == ""
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_a_stalled_stream_stays_silent(simulators: Simulators) -> None:
    simulators.control("xai", stall=True)
    pieces: list[str] = []

    async def read() -> None:
        async with chat_client(simulators, "xai") as client:
            stream = await client.chat.completions.create(
                model="grok-4.7", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            async for chunk in stream:
                pieces.append(chunk.choices[0].delta.content or "")  # noqa: PERF401

    def told() -> int:
        return sum(map(bool, pieces))

    reading = asyncio.create_task(read())
    async with asyncio.timeout(30):
        while told() < 2:
            await asyncio.sleep(0.01)
    done, _ = await asyncio.wait({reading}, timeout=0.5)
    reading.cancel()

    assert not done
    assert told() == 2


async def test_the_first_token_may_be_late(simulators: Simulators) -> None:
    simulators.control("openai", first_token_ms=300)
    loop = asyncio.get_running_loop()
    started = loop.time()

    await stream_chat(simulators, "openai")

    assert loop.time() - started >= 0.3


async def test_a_prefilled_answer_may_be_refused(simulators: Simulators) -> None:
    simulators.control("anthropic", refuse_prefill=True)
    async with claude_client(simulators) as client:
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.create(
                model="claude-haiku-5-5",
                max_tokens=9,
                messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well,"}],
            )


async def test_a_reset_connection_never_answers(simulators: Simulators) -> None:
    simulators.control("openai", reset=True)

    with pytest.raises(openai.APIConnectionError):
        await stream_chat(simulators, "openai")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        simulators.client.get("/openai/v1/models", headers={"authorization": "Bearer sim-key"})


SCHEMA = {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}
RATES: dict[str, Any] = {"name": "get_win_rate", "description": "How often signals were right."}
RATE_QUESTION: Any = {"role": "user", "content": "What is the win rate of BTC?"}


@pytest.mark.parametrize("vendor", ["openai", "xai"])
async def test_a_tool_call_is_streamed_and_its_result_answered(simulators: Simulators, vendor: str) -> None:
    ask: dict[str, Any] = {
        "model": MODELS[vendor],
        "tools": [{"type": "function", "function": {**RATES, "parameters": SCHEMA}}],
    }
    async with chat_client(simulators, vendor) as client:
        stream = await client.chat.completions.create(messages=[RATE_QUESTION], stream=True, **ask)
        choices = [chunk.choices[0] async for chunk in stream]
        parts = [call for choice in choices for call in choice.delta.tool_calls or ()]
        whole = (await client.chat.completions.create(messages=[RATE_QUESTION], **ask)).choices[0].message
        assert whole.tool_calls is not None
        [call] = whole.tool_calls
        assert call.type == "function"
        result: Any = {"role": "tool", "tool_call_id": call.id, "content": "53 % of 312"}
        answer = await client.chat.completions.create(
            messages=[RATE_QUESTION, whole.model_dump(exclude_none=True), result], **ask
        )
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(messages=[RATE_QUESTION, result], **ask)

    assert choices[-1].finish_reason == "tool_calls"
    assert (parts[0].id, parts[0].function.name) == (call.id, "get_win_rate")
    assert (
        "".join(part.function.arguments for part in parts) == call.function.arguments == '{"symbol": "BTC"}'
    )
    assert len(parts) > 2
    assert "53 % of 312" in answer.choices[0].message.content


async def test_claude_calls_a_tool_and_answers_from_its_result(simulators: Simulators) -> None:
    tool: Any = {**RATES, "input_schema": SCHEMA}
    ask: dict[str, Any] = {"model": "claude-sonnet-5-5", "max_tokens": 500, "tools": [tool]}
    async with claude_client(simulators) as client:
        async with client.messages.stream(messages=[RATE_QUESTION], **ask) as stream:
            said = await stream.get_final_message()
        [block] = said.content
        assert block.type == "tool_use"
        result: Any = {"type": "tool_result", "tool_use_id": block.id, "content": "53 % of 312"}
        called: Any = {"role": "assistant", "content": [block.model_dump(exclude_none=True)]}
        answer = await client.messages.create(
            messages=[RATE_QUESTION, called, {"role": "user", "content": [result]}], **ask
        )
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.create(messages=[RATE_QUESTION, called, RATE_QUESTION], **ask)

    assert (said.stop_reason, block.name, block.input) == ("tool_use", "get_win_rate", {"symbol": "BTC"})
    assert answer.content[0].type == "text"
    assert "53 % of 312" in answer.content[0].text
