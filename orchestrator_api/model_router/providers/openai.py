"""OpenAI's Chat Completions: asked through its SDK, read by us; xAI speaks the same wire and changes two rules of it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI

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
    failure_from,
)
from orchestrator_api.model_router.providers.frames import json_frames
from orchestrator_api.model_router.providers.timeouts import client_options

END_REASONS = {
    "stop": EndReason.STOP,
    "length": EndReason.LENGTH,
    "tool_calls": EndReason.TOOL_CALLS,
    "function_call": EndReason.TOOL_CALLS,
}
POLICY_CODES = frozenset({"content_filter", "content_policy_violation"})
# More than any answer of ours needs; a stream that opens calls without end is malformed.
CALLS_MAX = 32


class OpenAIProvider:
    """GPT. Also every vendor that speaks this wire, by another name."""

    name = "openai"

    def __init__(self, *, api_key: str, base_url: str, name: str | None = None) -> None:
        self.name = name or self.name
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url, **client_options())

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        # Made out here: a mistake of our own in it must not pass as a malformed stream below.
        messages, headers = _messages(prompt), self._headers(prompt)
        offered: dict[str, Any] = {"tools": [_offer(tool) for tool in prompt.tools]} if prompt.tools else {}
        calls = Calls()
        ended = None
        try:
            async with self._client.chat.completions.with_streaming_response.create(
                model=model,
                messages=messages,
                max_completion_tokens=output_tokens_max,
                stream=True,
                stream_options={"include_usage": True},
                extra_headers=headers,
                **offered,
            ) as response:
                async for chunk in json_frames(response.iter_bytes()):
                    for piece in self._pieces(chunk, calls):
                        # The usage follows the finish reason, so the ending is kept back until all is told.
                        if isinstance(piece, Ended):
                            ended = piece
                        else:
                            yield piece
        except APIStatusError as error:
            if error.code in POLICY_CODES:
                raise ContentRefused from error
            raise failure_from(
                error.status_code,
                error.response.headers.get("retry-after"),
                said=f"{error.code} {error.message}",
            ) from error
        except APIConnectionError as error:
            raise ProviderFailed(Failure.UNREACHABLE) from error
        except httpx2.HTTPError as error:
            # While we read, errors of the transport are not the SDK's.
            raise ProviderFailed(Failure.CUT) from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            # Nothing here is validated before it is used: a chunk of another shape shows as one of these.
            raise ProviderFailed(Failure.MALFORMED) from error
        if ended is None:
            raise ProviderFailed(Failure.CUT)
        for call in calls.whole():
            yield call
        # Some servers of this wire say "stop" after calls.
        yield Ended(EndReason.TOOL_CALLS) if calls and ended.reason is EndReason.STOP else ended

    async def close(self) -> None:
        await self._client.close()

    def _pieces(self, chunk: Any, calls: "Calls") -> list[Piece]:
        if error := chunk.get("error"):
            # An error inside the stream carries no status.
            if isinstance(error, dict) and error.get("code") in POLICY_CODES:
                raise ContentRefused
            raise ProviderFailed(Failure.CUT)
        pieces: list[Piece] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if text := delta.get("content"):
                pieces.append(Text(text))
            for part in delta.get("tool_calls") or ():
                calls.add(part)
            reason = choice.get("finish_reason")
            if reason == "content_filter":
                raise ContentRefused
            if reason:
                pieces.append(Ended(END_REASONS.get(reason, EndReason.STOP)))
        if usage := chunk.get("usage"):
            pieces.append(self._usage(usage))
        return pieces

    def _usage(self, usage: Mapping[str, Any]) -> Usage:
        return Usage(
            # A server that leaves these out is estimated, like one that says nothing.
            input_tokens=usage.get("prompt_tokens") or 0,
            output_tokens=usage.get("completion_tokens") or 0,
            cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
            reasoning_tokens=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
        )

    def _headers(self, prompt: Prompt) -> Mapping[str, str]:
        return {}


@dataclass(slots=True)
class Draft:
    """A call of which parts have come."""

    id: str
    name: str
    arguments: str


class Calls:
    """Tool calls that come in parts: the first part of each has its id and name, all have pieces of the arguments."""

    def __init__(self) -> None:
        self._drafts: dict[int, Draft] = {}

    def add(self, part: Mapping[str, Any]) -> None:
        index = part["index"]
        if index not in self._drafts and len(self._drafts) >= CALLS_MAX:
            raise ProviderFailed(Failure.MALFORMED)
        draft = self._drafts.setdefault(index, Draft("", "", ""))
        draft.id = part.get("id") or draft.id
        function = part.get("function") or {}
        draft.name += function.get("name") or ""
        draft.arguments += function.get("arguments") or ""

    def __len__(self) -> int:
        return len(self._drafts)

    def whole(self) -> list[ToolCall]:
        """Raises ProviderFailed when one has no name or id: nothing could be answered to it."""
        drafts = [draft for _, draft in sorted(self._drafts.items())]
        if any(not (draft.id and draft.name) for draft in drafts):
            raise ProviderFailed(Failure.MALFORMED)
        return [ToolCall(id=draft.id, name=draft.name, arguments=draft.arguments) for draft in drafts]


def _offer(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return {"type": "function", "function": function}


def _messages(prompt: Prompt) -> list[Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}]
    for turn in prompt.turns:
        messages += [
            {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
            for result in turn.results
        ]
        if turn.calls:
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in turn.calls
            ]
            messages.append({"role": turn.role, "content": turn.text or None, "tool_calls": calls})
        elif turn.text or not turn.results:
            messages.append({"role": turn.role, "content": turn.text})
    return messages
