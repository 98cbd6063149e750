"""GPT and Grok looking at an image, through OpenAI's SDK. Loaded when it is first needed."""

from base64 import b64encode

import httpx2
import openai

from orchestrator_worker.sources.vendor import AnswerUnreadable, SourceUnavailable
from orchestrator_worker.sources.vision import (
    ANSWER_TOKENS_MAX,
    CONNECT_SECONDS,
    NAME,
    READ_SECONDS,
    SCHEMA_NAME,
    Look,
    refused,
)


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
            raise refused(error.status_code, error.response.headers.get("retry-after")) from error
        except (openai.APIError, httpx2.HTTPError) as error:
            raise SourceUnavailable(NAME, type(error).__name__) from error
        text = completion.choices[0].message.content if completion.choices else None
        if not text:
            raise AnswerUnreadable(NAME, "the model said nothing", answered=200)
        return text

    async def close(self) -> None:
        await self._client.close()


def open_model(model: str, *, api_key: str, base_url: str) -> OpenAIVision:
    return OpenAIVision(model, api_key=api_key, base_url=base_url)
