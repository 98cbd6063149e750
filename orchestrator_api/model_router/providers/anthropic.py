"""Claude by Anthropic through its SDK: the Messages stream turned into pieces."""

from collections.abc import AsyncGenerator

import httpx2
from anthropic import APIConnectionError, APIError, APIStatusError, AsyncAnthropic
from anthropic.types import (
    MessageDeltaUsage,
    MessageParam,
    RawContentBlockDeltaEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    TextDelta,
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
    failure_from,
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 60.0
# An error inside a stream arrives with the status of the stream, 200: its type says what it is.
STATUS_BY_TYPE = {"rate_limit_error": 429, "overloaded_error": 529, "api_error": 500, "timeout_error": 504}


class AnthropicProvider:
    """Claude."""

    name = "anthropic"

    def __init__(self, *, api_key: str, base_url: str) -> None:
        # The router retries on another provider; a silent retry in here would eat its deadlines.
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        # Made out here: a mistake of our own in it must not pass as a malformed stream below.
        messages = _messages(prompt)
        usage = Usage.none()
        reason: str | None = None
        try:
            async with await self._client.messages.create(
                model=model,
                max_tokens=output_tokens_max,
                system=prompt.system,
                messages=messages,
                stream=True,
            ) as events:
                async for event in events:
                    if isinstance(event, RawMessageStartEvent):
                        usage = _usage_at_start(event.message.usage)
                        yield usage
                    elif isinstance(event, RawContentBlockDeltaEvent) and isinstance(event.delta, TextDelta):
                        yield Text(event.delta.text)
                    elif isinstance(event, RawMessageDeltaEvent):
                        usage = _usage_so_far(usage, event.usage)
                        reason = event.delta.stop_reason or reason
                        yield usage
        except APIStatusError as error:
            status = STATUS_BY_TYPE.get(str(error.type), error.status_code)
            raise failure_from(
                status if status >= 400 else 500, error.response.headers.get("retry-after")
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
        yield Ended(EndReason.LENGTH if reason == "max_tokens" else EndReason.STOP)

    async def close(self) -> None:
        await self._client.close()


def _messages(prompt: Prompt) -> list[MessageParam]:
    messages: list[MessageParam] = []
    for turn in prompt.turns:
        if turn.role == "user":
            messages.append({"role": "user", "content": turn.text})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    return messages


def _usage_at_start(usage: MessageUsage) -> Usage:
    # input_tokens leaves out what was read from the cache or written to it; both are billed.
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return Usage(input_tokens=usage.input_tokens + cached, output_tokens=usage.output_tokens)


def _usage_so_far(usage: Usage, delta: MessageDeltaUsage) -> Usage:
    # The counts are cumulative. Those of the input are optional here and never fall.
    cached = (delta.cache_read_input_tokens or 0) + (delta.cache_creation_input_tokens or 0)
    return Usage(
        input_tokens=max(usage.input_tokens, (delta.input_tokens or 0) + cached),
        output_tokens=delta.output_tokens,
    )
