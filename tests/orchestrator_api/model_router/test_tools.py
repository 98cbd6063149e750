"""Tool calls on every wire, through the real SDKs: offered, joined from their parts, answered, and carried to another vendor."""

from typing import Any

import pytest

from orchestrator_api.model_router.catalog import CATALOG, Candidate
from orchestrator_api.model_router.fitting import without_tools
from orchestrator_api.model_router.provider import (
    EndReason,
    Failure,
    Prompt,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from orchestrator_api.model_router.router import FellBack, Finished, Step, fitted
from tests.orchestrator_api.model_router.test_router import routing
from tests.orchestrator_api.model_router.wire_server import (
    Stream,
    chat_completion,
    chunk,
    data,
    event,
    message,
)

SCHEMA = {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}
RATES = Tool(name="get_win_rate", description="How often signals were right.", parameters=SCHEMA)
ASKED = Turn("user", "What is the win rate of BTC?")
PROMPT = Prompt(system="You know nothing.", turns=(ASKED,), conversation_id="c-1", tools=(RATES,))
FIRST = ToolCall(id="call_1", name="get_win_rate", arguments='{"symbol": "BTC"}')
SECOND = ToolCall(id="call_2", name="get_win_rate", arguments='{"symbol": ')
ANSWERED = (
    ASKED,
    Turn("assistant", "Let me see.", calls=(FIRST, SECOND)),
    Turn("user", "", results=(ToolResult("call_1", "53 %"), ToolResult("call_2", "arguments are no JSON"))),
)


def delta(index: int, arguments: str, **beginning: Any) -> str:
    function = {**({"name": beginning.pop("name")} if "name" in beginning else {}), "arguments": arguments}
    call = {"index": index, **beginning, "function": function}
    return data(
        {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}
    )


def openai_calls(finish: str = "tool_calls") -> Stream:
    return Stream(
        (
            chunk("Let me see."),
            delta(0, "", id="call_1", name="get_win_rate", type="function"),
            delta(0, '{"symbol"'),
            delta(1, "", id="call_2", name="get_win_rate", type="function"),
            delta(0, ': "BTC"}'),
            delta(1, '{"symbol": '),
            chunk(finish=finish),
            "data: [DONE]\n\n",
        )
    )


def block(index: int, call: ToolCall) -> tuple[str, ...]:
    beginning = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
    parts = (call.arguments[:4], call.arguments[4:])
    return (
        event({"type": "content_block_start", "index": index, "content_block": beginning}),
        *(
            event(
                {
                    "type": "content_block_delta",
                    "index": index,
                    "delta": {"type": "input_json_delta", "partial_json": part},
                }
            )
            for part in parts
        ),
        event({"type": "content_block_stop", "index": index}),
    )


def claude_calls() -> Stream:
    begun, ending = message("Let me see.", stop="tool_use").frames[:5], message(stop="tool_use").frames[-2:]
    return Stream((*begun, *block(1, FIRST), *block(2, SECOND), *ending))


async def steps_of(choice: str, prompt: Prompt = PROMPT, **replies: Any) -> tuple[list[Step], Any]:
    async with routing(**replies) as (router, server):
        offered = [Candidate(model, 400) for model in CATALOG.candidates(choice)]
        return [step async for step in router.stream(prompt, offered)], server.calls[-1].body


def calls_in(steps: list[Step]) -> list[ToolCall]:
    return [step for step in steps if isinstance(step, ToolCall)]


@pytest.mark.parametrize(
    ("choice", "replies"),
    [
        ("grok", {"xai": [openai_calls()]}),
        ("gpt", {"openai": [openai_calls()]}),
        # As some servers of this wire end it.
        ("gpt", {"openai": [openai_calls("stop")]}),
        ("claude", {"anthropic": [claude_calls()]}),
    ],
)
async def test_calls_are_joined_and_end_the_turn(choice: str, replies: dict[str, Any]) -> None:
    steps, _ = await steps_of(choice, **{"xai": [chat_completion("x")], **replies})

    # The second one's arguments are passed on as the model wrote them.
    assert calls_in(steps) == [FIRST, SECOND]
    assert Text("Let me see.") in steps
    assert isinstance(steps[-1], Finished)
    assert steps[-1].reason is EndReason.TOOL_CALLS


async def test_a_call_without_text_is_a_complete_answer() -> None:
    only = Stream(
        (delta(0, "{}", id="call_1", name="get_win_rate"), chunk(finish="tool_calls"), "data: [DONE]\n\n")
    )

    steps, _ = await steps_of("grok", xai=[only])

    assert calls_in(steps) == [ToolCall(id="call_1", name="get_win_rate", arguments="{}")]
    assert not any(isinstance(step, FellBack) for step in steps)


async def test_a_call_without_a_name_is_malformed() -> None:
    nameless = Stream((delta(0, "{}", id="call_1"), chunk(finish="tool_calls"), "data: [DONE]\n\n"))

    steps, _ = await steps_of("grok", xai=[nameless])

    assert [step.attempt.failure for step in steps if isinstance(step, FellBack)] == [Failure.MALFORMED]


async def test_openais_wire_offers_tools_and_carries_results() -> None:
    _, body = await steps_of(
        "grok",
        Prompt(system="s", turns=ANSWERED, conversation_id="c", tools=(RATES,)),
        xai=[chat_completion("53 %")],
    )

    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": RATES.name, "description": RATES.description, "parameters": SCHEMA},
        }
    ]
    called, first, second = body["messages"][2:]
    assert called["content"] == "Let me see."
    assert [call["function"]["arguments"] for call in called["tool_calls"]] == [
        FIRST.arguments,
        SECOND.arguments,
    ]
    assert first == {"role": "tool", "tool_call_id": "call_1", "content": "53 %"}
    assert second["tool_call_id"] == "call_2"


async def test_anthropics_wire_offers_tools_and_carries_results() -> None:
    _, body = await steps_of(
        "claude",
        Prompt(system="s", turns=ANSWERED, conversation_id="c", tools=(RATES,)),
        xai=[chat_completion("x")],
    )

    assert body["tools"] == [{"name": RATES.name, "description": RATES.description, "input_schema": SCHEMA}]
    _, called, results = body["messages"]
    assert [part["type"] for part in called["content"]] == ["text", "tool_use", "tool_use"]
    # This wire takes objects only.
    assert [part.get("input") for part in called["content"][1:]] == [{"symbol": "BTC"}, {}]
    assert results == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "53 %"},
            {"type": "tool_result", "tool_use_id": "call_2", "content": "arguments are no JSON"},
        ],
    }


async def test_without_tools_none_are_offered() -> None:
    _, body = await steps_of("grok", without_tools(PROMPT), xai=[chat_completion("x")])

    assert "tools" not in body


def test_a_model_without_tools_reads_what_was_found_as_text() -> None:
    plain = CATALOG.models[0].model_copy(update={"supports_tools": False})
    prompt = Prompt(system="s", turns=ANSWERED, conversation_id="c", tools=(RATES,))

    turns = fitted(prompt, Candidate(plain, 400)).turns

    assert turns[1] == Turn("assistant", "Let me see.")
    assert turns[2].text == "What was looked up:\n53 %\narguments are no JSON"
    assert not any(turn.calls or turn.results for turn in turns)
