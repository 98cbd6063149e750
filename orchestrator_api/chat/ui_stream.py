"""The answer as the AI SDK's UI message stream, version 1. Pure."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from orchestrator_api.chat.events import (
    STOPPED,
    Completed,
    Event,
    Failed,
    Opened,
    Restarted,
    Token,
    ToolAnswered,
    ToolAsked,
)
from orchestrator_api.model_router.text import storable

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
DONE = "data: [DONE]\n\n"
STOPPED_CODE = "answer_stopped"


async def ui_frames(events: AsyncIterator[Event]) -> AsyncGenerator[str, None]:
    """Render events as frames. The stream always ends explicitly, because a cut would look like success."""
    part, is_open, has_found = 1, False, False
    async for event in events:
        if has_found and isinstance(event, Token | Restarted | ToolAsked):
            # What follows results is a step of its own: in the same one, clients with tools of their own would take the
            # whole answer for calls that want to be answered, and ask again by themselves.
            yield _frame("finish-step")
            yield _frame("start-step")
            has_found = False
        if isinstance(event, Opened):
            conversation = {"conversation_id": str(event.conversation_id)}
            yield _frame("start", messageId=str(event.message_id), messageMetadata=conversation)
            yield _frame("start-step")
            yield _frame("data-signals", id="signals", data={"signals": event.signals})
        elif isinstance(event, Token):
            if not is_open:
                yield _frame("text-start", id=f"text-{part}")
                is_open = True
            yield _frame("text-delta", id=f"text-{part}", delta=event.text)
        elif isinstance(event, Restarted):
            if is_open:
                yield _frame("text-end", id=f"text-{part}")
            told = {"discarded": f"text-{part}" if is_open else None, "failure": event.failure}
            yield _frame(
                "data-restart",
                id=f"restart-{part}",
                data={**told, "provider": event.provider, "model": event.model},
            )
            part, is_open = part + 1, False
        elif isinstance(event, ToolAsked):
            if is_open:
                yield _frame("text-end", id=f"text-{part}")
                # What was said before stays: only what follows belongs to a model that may yet fail.
                part, is_open = part + 1, False
            yield _frame(
                "tool-input-available",
                toolCallId=event.call.id,
                toolName=event.call.name,
                input=_input(event.call.arguments),
            )
        elif isinstance(event, ToolAnswered):
            has_found = True
            if event.is_refused:
                yield _frame("tool-output-error", toolCallId=event.call_id, errorText=event.text)
            else:
                yield _frame("tool-output-available", toolCallId=event.call_id, output=event.text)
        elif isinstance(event, Completed):
            if is_open:
                yield _frame("text-end", id=f"text-{part}")
            for frame in _completed_frames(event):
                yield frame
        else:
            if is_open:
                yield _frame("text-end", id=f"text-{part}")
            for frame in failed_frames(event):
                yield frame
    yield DONE


def _completed_frames(event: Completed) -> list[str]:
    usage = usage_json(event)
    frames = [
        _frame("data-usage", id="usage", data={**usage, "model": event.model, "provider": event.provider}),
        _frame("data-credits", id="credits", data={"charged": event.credits, "balance": event.balance}),
    ]
    if event.audio_url is not None:
        frames.append(_frame("data-audio", id="audio", data={"audioUrl": event.audio_url}))
    if event.voice_refusal is not None:
        frames.append(
            _frame("data-audio", id="audio", data={"audioUrl": None, "refusal": event.voice_refusal})
        )
    if event.is_cached:
        frames.append(_frame("data-cached", id="cached", data={"cached": True}))
    metadata = {
        "conversation_id": str(event.conversation_id),
        "model": event.model,
        "provider": event.provider,
        "usage": usage,
        "credits": event.credits,
        "balance": event.balance,
        **({"cached": True} if event.is_cached else {}),
    }
    if event.finish_reason == STOPPED:
        # The last that clients read of a stream that its user stopped.
        return [*frames, _frame("message-metadata", messageMetadata=metadata), _frame("abort")]
    frames.append(_frame("finish-step"))
    frames.append(
        _frame("finish", finishReason=event.finish_reason.replace("_", "-"), messageMetadata=metadata)
    )
    return frames


def failed_frames(event: Failed) -> list[str]:
    if event.error.code == STOPPED_CODE:
        return [_frame("data-credits", id="credits", data={"charged": 0}), _frame("abort")]
    # Clients read nothing after an error: what it cost has to come first.
    return [
        _frame("data-credits", id="credits", data={"charged": 0}),
        _frame("error", errorText=f"{event.error.code}: {event.error.message}"),
    ]


def usage_json(event: Completed) -> dict[str, int]:
    return {"input_tokens": event.usage.input_tokens, "output_tokens": event.usage.output_tokens}


def _input(arguments: str) -> Any:
    # What is no JSON is shown as it was written; the tool has refused it.
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments


def _frame(type: str, **fields: Any) -> str:
    document = json.dumps({"type": type, **fields}, ensure_ascii=False, separators=(",", ":"))
    # What a model escaped in its arguments may be half a character, which no stream can carry.
    return f"data: {storable(document)}\n\n"
