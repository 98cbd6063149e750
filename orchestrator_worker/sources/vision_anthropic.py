"""Claude looking at an image, through Anthropic's SDK. Loaded when it is first needed."""

from base64 import b64encode

import anthropic
import httpx2

from orchestrator_worker.sources.vendor import AnswerUnreadable, SourceUnavailable
from orchestrator_worker.sources.vision import (
    ANSWER_TOKENS_MAX,
    CONNECT_SECONDS,
    NAME,
    READ_SECONDS,
    Look,
    refused,
)


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
            raise refused(error.status_code, error.response.headers.get("retry-after")) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise SourceUnavailable(NAME, type(error).__name__) from error
        text = "".join(block.text for block in message.content if block.type == "text")
        if not text:
            raise AnswerUnreadable(NAME, "the model said nothing", answered=200)
        return text

    async def close(self) -> None:
        await self._client.close()


def open_model(model: str, *, api_key: str, base_url: str) -> AnthropicVision:
    return AnthropicVision(model, api_key=api_key, base_url=base_url)
