"""The UI message stream frame by frame. The same bytes were read by the clients ai 5, 6 and 7 without complaint."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from orchestrator_api.chat.answer import AnswerLost
from orchestrator_api.chat.events import Completed, Event, Failed, Opened, Restarted, Token
from orchestrator_api.chat.ui_stream import ui_frames
from orchestrator_api.credits.pricing import Usage

MESSAGE, CONVERSATION = UUID(int=1), UUID(int=2)
OPENED = Opened(MESSAGE, CONVERSATION, [{"symbol": "BTC/USDT"}])
COMPLETED = Completed(
    message_id=MESSAGE,
    conversation_id=CONVERSATION,
    text="whole",
    provider="xai",
    model="grok-4.7",
    finish_reason="content_filter",
    usage=Usage(input_tokens=500, output_tokens=1000),
    credits=6,
    balance=94,
    signals=[],
)
# What every version of the client knows; an unknown type would break it.
SAFE_TYPES = {"start", "start-step", "text-start", "text-delta", "text-end", "finish-step", "finish", "error"}


async def frames_of(*events: Event) -> list[dict[str, Any]]:
    async def told() -> AsyncIterator[Event]:
        for event in events:
            yield event

    texts = [frame async for frame in ui_frames(told())]
    assert all(text.startswith("data: ") and text.endswith("\n\n") for text in texts)
    assert texts[-1] == "data: [DONE]\n\n"
    frames = [json.loads(text.removeprefix("data: ")) for text in texts[:-1]]
    assert all(frame["type"] in SAFE_TYPES or frame["type"].startswith("data-") for frame in frames)
    return frames


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


async def test_an_answer_is_opened_told_billed_and_finished() -> None:
    frames = await frames_of(OPENED, Token("wh"), Token("ole"), COMPLETED)

    assert kinds(frames) == [
        "start",
        "start-step",
        "data-signals",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "data-usage",
        "data-credits",
        "finish-step",
        "finish",
    ]
    assert frames[0]["messageId"] == str(MESSAGE)
    assert frames[-1]["finishReason"] == "content-filter"
    assert frames[-1]["messageMetadata"] == {
        "conversation_id": str(CONVERSATION),
        "model": "grok-4.7",
        "provider": "xai",
        "usage": {"input_tokens": 500, "output_tokens": 1000},
        "credits": 6,
        "balance": 94,
    }


async def test_a_restart_names_the_text_that_does_not_count() -> None:
    frames = await frames_of(
        OPENED, Token("half"), Restarted("xai", "grok-4.7", "stalled"), Token("whole"), COMPLETED
    )

    at = kinds(frames).index("data-restart")
    assert frames[at - 1] == {"type": "text-end", "id": "text-1"}
    assert frames[at]["data"] == {
        "discarded": "text-1",
        "failure": "stalled",
        "provider": "xai",
        "model": "grok-4.7",
    }
    assert frames[at + 1] == {"type": "text-start", "id": "text-2"}


async def test_a_restart_before_any_text_discards_nothing() -> None:
    frames = await frames_of(OPENED, Restarted("xai", "grok-4.7", "rate_limited"), Token("whole"), COMPLETED)

    assert frames[3]["data"]["discarded"] is None
    assert frames[4]["type"] == "text-start"


async def test_a_failure_tells_the_price_before_the_error() -> None:
    frames = await frames_of(OPENED, Token("half"), Failed(AnswerLost("lost")))

    assert kinds(frames)[-3:] == ["text-end", "data-credits", "error"]
    assert frames[-2]["data"] == {"charged": 0}
    assert frames[-1]["errorText"] == "internal_error: lost"
