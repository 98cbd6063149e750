"""Grok by xAI: OpenAI's wire with its own way of counting tokens and of finding its cache."""

from collections.abc import Mapping

from openai.types import CompletionUsage

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import Prompt
from orchestrator_api.model_router.providers.openai import OpenAIProvider


class XaiProvider(OpenAIProvider):
    """Grok, the default."""

    name = "xai"

    def _usage(self, usage: CompletionUsage) -> Usage:
        # completion_tokens may leave out reasoning tokens that are billed; the total never does.
        output_tokens = max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens)
        return Usage(input_tokens=usage.prompt_tokens, output_tokens=output_tokens)

    def _headers(self, prompt: Prompt) -> Mapping[str, str]:
        return {"x-grok-conv-id": prompt.conversation_id}
