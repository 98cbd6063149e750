"""OpenAI's Chat Completions through its SDK; xAI speaks the same wire and changes two rules of it."""

from collections.abc import AsyncGenerator, Mapping

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

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
END_REASONS = {"stop": EndReason.STOP, "length": EndReason.LENGTH}
POLICY_CODES = frozenset({"content_filter", "content_policy_violation"})


class OpenAIProvider:
    """GPT. Also the base of every vendor that speaks this wire."""

    name = "openai"

    def __init__(self, *, api_key: str, base_url: str) -> None:
        # The router retries on another provider; a silent retry in here would eat its deadlines.
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        # Made out here: a mistake of our own in it must not pass as a malformed stream below.
        messages, headers = _messages(prompt), self._headers(prompt)
        try:
            async with await self._client.chat.completions.create(
                model=model,
                messages=messages,
                max_completion_tokens=output_tokens_max,
                stream=True,
                stream_options={"include_usage": True},
                extra_headers=headers,
            ) as chunks:
                ended = None
                async for chunk in chunks:
                    for piece in self._pieces(chunk):
                        # The usage follows the finish reason, so the ending is kept back until all is told.
                        if isinstance(piece, Ended):
                            ended = piece
                        else:
                            yield piece
                if ended is None:
                    raise ProviderFailed(Failure.CUT)
                yield ended
        except APIStatusError as error:
            if error.code in POLICY_CODES:
                raise ContentRefused from error
            raise failure_from(error.status_code, error.response.headers.get("retry-after")) from error
        except APIConnectionError as error:
            raise ProviderFailed(Failure.UNREACHABLE) from error
        except APIError as error:
            # An error inside the stream carries no status.
            if error.code in POLICY_CODES:
                raise ContentRefused from error
            raise ProviderFailed(Failure.CUT) from error
        except httpx2.HTTPError as error:
            raise ProviderFailed(Failure.CUT) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The SDK builds its objects without validating them: a chunk of another shape shows as one of these.
            raise ProviderFailed(Failure.MALFORMED) from error

    async def close(self) -> None:
        await self._client.close()

    def _pieces(self, chunk: ChatCompletionChunk) -> list[Piece]:
        pieces: list[Piece] = []
        for choice in chunk.choices or ():
            if choice.delta and choice.delta.content:
                pieces.append(Text(choice.delta.content))
            if choice.finish_reason == "content_filter":
                raise ContentRefused
            if choice.finish_reason:
                pieces.append(Ended(END_REASONS.get(choice.finish_reason, EndReason.STOP)))
        if chunk.usage:
            pieces.append(self._usage(chunk.usage))
        return pieces

    def _usage(self, usage: CompletionUsage) -> Usage:
        return Usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)

    def _headers(self, prompt: Prompt) -> Mapping[str, str]:
        return {}


def _messages(prompt: Prompt) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": prompt.system}]
    for turn in prompt.turns:
        if turn.role == "user":
            messages.append({"role": "user", "content": turn.text})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    return messages
