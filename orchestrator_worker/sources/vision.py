"""Models that look at an image and answer in a JSON schema, each through its vendor's own SDK, under one shared limit."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, cast

import anthropic
import httpx2
import openai
import structlog

from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.limits import Limits
from orchestrator_worker.sources.vendor import (
    PATIENCE_SECONDS,
    REFUSED,
    AnswerUnreadable,
    QuotaUsed,
    SourceLimited,
    SourceUnavailable,
    retry_after_seconds,
)

log = structlog.get_logger(__name__)

NAME = "vision"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
ANSWER_TOKENS_MAX = 4_096
SCHEMA_NAME = "answer"

MediaType: TypeAlias = Literal["image/png", "image/jpeg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An image, what to read in it, and the JSON schema of the answer."""

    image: bytes
    media_type: MediaType
    instructions: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model answered, as JSON, and which model it was. Its shape is checked by whoever asked."""

    answer: Any
    model: str


class VisionModel(Protocol):
    """One vendor's model. `see` returns the text of its answer or raises SourceUnavailable."""

    model: str

    async def see(self, look: Look) -> str: ...

    async def close(self) -> None: ...


class Vision:
    """Asks the models in order until one answers."""

    def __init__(self, models: Sequence[VisionModel], limits: Limits) -> None:
        assert models, "without a model there is no vision"
        self._models = tuple(models)
        self._limits = limits

    async def see(self, look: Look) -> Seen:
        """Raises the last model's SourceUnavailable when none of them answers."""
        failure: SourceUnavailable | None = None
        for model in self._models:
            await self._wait_turn()
            try:
                return Seen(_document(await model.see(look)), model.model)
            except SourceUnavailable as error:
                log.warning("vision_failed", model=model.model, reason=error.reason, answered=error.answered)
                failure = error
        assert failure is not None
        raise failure

    async def close(self) -> None:
        for model in self._models:
            await model.close()

    async def _wait_turn(self) -> None:
        admission = await self._limits.wait_turn(NAME, weight=1, patience_seconds=PATIENCE_SECONDS)
        if admission.is_granted:
            return
        kind = QuotaUsed if admission.verdict == "quota_used" else SourceLimited
        raise kind(NAME, REFUSED[admission.verdict], retry_after_seconds=admission.wait_seconds)


class OpenAIVision:
    """GPT, and Grok by another address: both speak chat completions with a strict JSON schema."""

    def __init__(self, model: str, *, api_key: str, base_url: str) -> None:
        self.model = model
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    async def see(self, look: Look) -> str:
        address = f"data:{look.media_type};base64,{b64encode(look.image).decode()}"
        try:
            completion = await self._client.chat.completions.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": look.instructions},
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": address}}]},
                ],
                max_completion_tokens=ANSWER_TOKENS_MAX,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": dict(look.schema)},
                },
            )
        except openai.APIStatusError as error:
            raise _refusal(error.status_code, error.response.headers.get("retry-after")) from error
        except (openai.APIError, httpx2.HTTPError) as error:
            raise SourceUnavailable(NAME, type(error).__name__) from error
        text = completion.choices[0].message.content if completion.choices else None
        if not text:
            raise AnswerUnreadable(NAME, "the model said nothing", answered=200)
        return text

    async def close(self) -> None:
        await self._client.close()


class AnthropicVision:
    """Claude."""

    def __init__(self, model: str, *, api_key: str, base_url: str) -> None:
        self.model = model
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    async def see(self, look: Look) -> str:
        try:
            message = await self._client.messages.create(
                model=self.model,
                max_tokens=ANSWER_TOKENS_MAX,
                messages=[
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image",
                                "source": {
                                    "type": "base64",
                                    "media_type": look.media_type,
                                    "data": b64encode(look.image).decode(),
                                },
                            },
                            {"type": "text", "text": look.instructions},
                        ],
                    }
                ],
                output_config={"format": {"type": "json_schema", "schema": dict(look.schema)}},
            )
        except anthropic.APIStatusError as error:
            raise _refusal(error.status_code, error.response.headers.get("retry-after")) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise SourceUnavailable(NAME, type(error).__name__) from error
        text = "".join(block.text for block in message.content if block.type == "text")
        if not text:
            raise AnswerUnreadable(NAME, "the model said nothing", answered=200)
        return text

    async def close(self) -> None:
        await self._client.close()


def _document(text: str) -> Any:
    try:
        return cast(Any, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise AnswerUnreadable(NAME, "the answer is not JSON", answered=200) from error


def _refusal(status: int, retry_after: str | None) -> SourceUnavailable:
    # The vendor's own words stay out: they may repeat the key or the image.
    return SourceUnavailable(
        NAME,
        f"answered {status}",
        answered=status,
        retry_after_seconds=retry_after_seconds(retry_after, now=utc_now()),
    )
