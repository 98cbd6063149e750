"""Every frame that the chat can send, read by the AI SDK's own parsers and chats of three major versions, under Node."""

import ast
import inspect
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator_api.chat import ui_stream
from orchestrator_api.chat.answer import AnswerLost, AnswerStopped
from orchestrator_api.chat.events import (
    STOPPED,
    Event,
    Failed,
    Restarted,
    Token,
    ToolAnswered,
    ToolAsked,
)
from orchestrator_api.chat.ui_stream import ui_frames
from orchestrator_api.event_stream import PING
from orchestrator_api.model_router.provider import ToolCall
from tests.orchestrator_api.chat.test_ai_sdk import node_reads
from tests.orchestrator_api.chat.test_ui_stream import COMPLETED, CONVERSATION, MESSAGE, OPENED

VERSIONS = ("ai7", "ai6", "ai5")
ASKED = ToolAsked(ToolCall(id="call-0", name="get_signals", arguments='{"symbol": "BTC/USDT"}'))
FOUND = ToolAnswered("call-0", "It is long.", is_refused=False)
RECORDINGS: dict[str, Sequence[Event]] = {
    "plain": (OPENED, Token("wh"), Token("ole"), COMPLETED),
    "looked up": (
        OPENED,
        Token("Looking."),
        ASKED,
        ToolAsked(ToolCall(id="call-1", name="get_risk", arguments="no json")),
        ToolAsked(ToolCall(id="call-2", name="get_risk", arguments=r'{"\ud83d": "\u0000"}')),
        FOUND,
        ToolAnswered("call-1", "field_invalid: arguments: must be JSON", is_refused=True),
        ToolAnswered("call-2", "field_invalid: arguments", is_refused=True),
        Token("\n\nLong."),
        COMPLETED,
    ),
    "looked up twice": (
        OPENED,
        ASKED,
        FOUND,
        ToolAsked(replace(ASKED.call, id="call-0-2")),
        replace(FOUND, call_id="call-0-2"),
        Token("Long."),
        COMPLETED,
    ),
    "restarted after looking up": (
        OPENED,
        ASKED,
        FOUND,
        Restarted("xai", "grok-4.7", "late"),
        Token("Long."),
        COMPLETED,
    ),
    "restarted": (OPENED, Token("half"), Restarted("xai", "grok-4.7", "cut"), Token("whole"), COMPLETED),
    "restarted in silence": (OPENED, Restarted("xai", "grok-4.7", "stalled"), Token("whole"), COMPLETED),
    "spoken": (OPENED, Token("whole"), replace(COMPLETED, audio_url="http://127.0.0.1/v1/voice/1")),
    "not spoken": (OPENED, Token("whole"), replace(COMPLETED, voice_refusal="forbidden: no voice")),
    "cached": (OPENED, Token("whole"), replace(COMPLETED, is_cached=True, provider=None)),
    **{
        f"ended by {reason}": (OPENED, Token("whole"), replace(COMPLETED, finish_reason=reason))
        for reason in ("stop", "length", "content_filter")
    },
    "stopped": (OPENED, Token("half"), replace(COMPLETED, finish_reason=STOPPED)),
    "stopped while looking up": (OPENED, Token("half"), ASKED, replace(COMPLETED, finish_reason=STOPPED)),
    "stopped in silence": (OPENED, Failed(AnswerStopped("You stopped this answer."))),
    "failed": (OPENED, Token("half"), Failed(AnswerLost("It was lost."))),
}


async def recorded(events: Sequence[Event]) -> str:
    async def told() -> AsyncIterator[Event]:
        for event in events:
            yield event

    # A ping may stand between any two frames.
    return "".join([frame + PING.decode() async for frame in ui_frames(told())])


def kinds_of(stream: str) -> list[str]:
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line)["type"] for line in lines]


def charged(read: dict[str, Any]) -> int:
    [credits] = [
        part["data"]["charged"] for part in read["answer"]["parts"] if part["type"] == "data-credits"
    ]
    return int(credits)


def said_in(read: dict[str, Any]) -> list[str]:
    """Texts and names of tools, in their order."""
    parts = [part for part in read["answer"]["parts"] if part["type"].startswith(("text", "tool-"))]
    return [part.get("text") or part["type"].removeprefix("tool-") for part in parts]


async def test_the_recordings_hold_every_frame_there_is() -> None:
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(ui_stream))) if isinstance(node, ast.Call))
    kinds = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "_frame"
        and isinstance(call.args[0], ast.Constant)
    }

    streams = [await recorded(events) for events in RECORDINGS.values()]

    assert kinds == {kind for stream in streams for kind in kinds_of(stream)}


@pytest.mark.timeout(300)
async def test_every_version_takes_every_frame_and_makes_the_same_of_it() -> None:
    streams = {name: await recorded(events) for name, events in RECORDINGS.items()}
    lines = (await node_reads("read.mjs", input=json.dumps(streams))).splitlines()
    seen: dict[str, dict[str, Any]] = {name: {} for name in RECORDINGS}
    for line in lines:
        read = json.loads(line)
        seen[read.pop("name")][read.pop("version")] = read

    for name, by_version in seen.items():
        read = by_version["ai7"]
        assert tuple(by_version) == VERSIONS
        assert all(other == read for other in by_version.values()), name
        assert read["kinds"] == kinds_of(streams[name]), name
        assert read["answer"]["id"] == str(MESSAGE)
        assert read["answer"]["metadata"]["conversation_id"] == str(CONVERSATION)
        assert not read["asksAgain"], name
        assert read["status"] == ("error" if name == "failed" else "ready"), name
        assert read["error"] == ("internal_error: It was lost." if name == "failed" else None), name
        assert charged(read) == (0 if name in ("failed", "stopped in silence") else 6), name
    said = {name: said_in(by_version["ai7"]) for name, by_version in seen.items()}
    assert said["plain"] == ["whole"]
    assert said["looked up"] == ["Looking.", "get_signals", "get_risk", "get_risk", "\n\nLong."]
    assert said["looked up twice"] == ["get_signals", "get_signals", "Long."]
    assert said["restarted"] == ["half", "whole"]
    assert said["stopped"] == said["failed"] == ["half"]
    ends = {name: by_version["ai7"]["finish"]["finishReason"] for name, by_version in seen.items()}
    assert ends["ended by length"] == "length"
    assert ends["ended by content_filter"] == "content-filter"
    assert ends["stopped"] is None
