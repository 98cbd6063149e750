"""Claude by Anthropic through its SDK: the Messages stream turned into pieces."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from anthropic import APIConnectionError, APIError, APIStatusError, AsyncAnthropic
from anthropic.types import (
    InputJSONDelta,
    MessageDeltaUsage,
    RawContentBlockDeltaEvent,
    RawContentBlockStartEvent,
    RawContentBlockStopEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    TextDelta,
    ToolUseBlock,
)
from anthropic.types import Usage as MessageUsage

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import (
    ContentRefused,
    Ended,
    EndReason,
    Failure,
    Piece,
    Prompt,
    ProviderFailed,
    Text,
    Tool,
    ToolCall,
    Turn,
    failure_from,
)
from orchestrator_api.model_router.providers.timeouts import client_options

END_REASONS = {"max_tokens": EndReason.LENGTH, "tool_use": EndReason.TOOL_CALLS}
# An error inside a stream arrives with the status of the stream, 200: its type says what it is.
STATUS_BY_TYPE = {"rate_limit_error": 429, "overloaded_error": 529, "api_error": 500, "timeout_error": 504}


class AnthropicProvider:
    """Claude."""

    name = "anthropic"

    def __init__(self, *, api_key: str, base_url: str) -> None:
        self._client = AsyncAnthropic(api_key=api_key, base_url=base_url, **client_options())

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        # Made out here: a mistake of our own in it must not pass as a malformed stream below.
        messages = _messages(prompt)
        offered: dict[str, Any] = {"tools": [_offer(tool) for tool in prompt.tools]} if prompt.tools else {}
        usage = Usage.none()
        reason: str | None = None
        # The call that is being written: calls come one after the other, each in a block of its own.
        call: ToolUseBlock | None = None
        arguments: list[str] = []
        try:
            async with await self._client.messages.create(
                model=model,
                max_tokens=output_tokens_max,
                system=prompt.system,
                messages=messages,
                stream=True,
                **offered,
            ) as events:
                async for event in events:
                    if isinstance(event, RawMessageStartEvent):
                        usage = _usage_at_start(event.message.usage)
                        yield usage
                    elif isinstance(event, RawContentBlockDeltaEvent) and isinstance(event.delta, TextDelta):
                        yield Text(event.delta.text)
                    elif isinstance(event, RawContentBlockStartEvent):
                        call = event.content_block if isinstance(event.content_block, ToolUseBlock) else None
                        arguments = []
                    elif isinstance(event, RawContentBlockDeltaEvent) and isinstance(
                        event.delta, InputJSONDelta
                    ):
                        arguments.append(event.delta.partial_json)
                    elif isinstance(event, RawContentBlockStopEvent) and call is not None:
                        yield ToolCall(id=call.id, name=call.name, arguments="".join(arguments) or "{}")
                        call = None
                    elif isinstance(event, RawMessageDeltaEvent):
                        usage = _usage_so_far(usage, event.usage)
                        reason = event.delta.stop_reason or reason
                        yield usage
        except APIStatusError as error:
            status = STATUS_BY_TYPE.get(str(error.type), error.status_code)
            raise failure_from(
                status if status >= 400 else 500,
                error.response.headers.get("retry-after"),
                said=f"{error.message} {error.body}",
            ) from error
        except APIConnectionError as error:
            raise ProviderFailed(Failure.UNREACHABLE) from error
        except (APIError, httpx2.HTTPError) as error:
            # While iterating, errors of the transport pass the SDK unchanged.
            raise ProviderFailed(Failure.CUT) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The SDK builds its objects without validating them: an event of another shape shows as one of these.
            raise ProviderFailed(Failure.MALFORMED) from error
        if reason is None:
            raise ProviderFailed(Failure.CUT)
        if reason == "refusal":
            raise ContentRefused
        yield Ended(END_REASONS.get(reason, EndReason.STOP))

    async def close(self) -> None:
        await self._client.close()


def _offer(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": dict(tool.parameters),
    }


def _messages(prompt: Prompt) -> list[Any]:
    return [{"role": turn.role, "content": _content(turn)} for turn in prompt.turns]


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if not turn.calls and not turn.results:
        return turn.text
    # Results must stand before any text of the same message, calls after it.
    results = [
        {"type": "tool_result", "tool_use_id": result.call_id, "content": result.text}
        for result in turn.results
    ]
    text = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)}
        for call in turn.calls
    ]
    return [*results, *text, *calls]


def _input(arguments: str) -> dict[str, Any]:
    # This wire takes objects only. What is not one was answered with an error, which is all the model needs to see.
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _usage_at_start(usage: MessageUsage) -> Usage:
    # input_tokens leaves out what was read from the cache or written to it; both are billed.
    read = usage.cache_read_input_tokens or 0
    return Usage(
        input_tokens=usage.input_tokens + read + (usage.cache_creation_input_tokens or 0),
        output_tokens=usage.output_tokens,
        cached_tokens=read,
    )


def _usage_so_far(usage: Usage, delta: MessageDeltaUsage) -> Usage:
    # The counts are cumulative. Those of the input are optional here and never fall.
    read = delta.cache_read_input_tokens or 0
    input_tokens = (delta.input_tokens or 0) + read + (delta.cache_creation_input_tokens or 0)
    thought = delta.output_tokens_details
    return Usage(
        input_tokens=max(usage.input_tokens, input_tokens),
        output_tokens=delta.output_tokens,
        cached_tokens=max(usage.cached_tokens, read),
        reasoning_tokens=(thought and thought.thinking_tokens) or 0,
    )
