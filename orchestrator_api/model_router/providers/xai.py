"""Grok by xAI: OpenAI's wire with its own way of counting tokens and of finding its cache."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import Prompt
from orchestrator_api.model_router.providers.openai import OpenAIProvider

TICKS_A_DOLLAR = 10**10


class XaiProvider(OpenAIProvider):
    """Grok, the default."""

    name = "xai"

    def _usage(self, usage: Mapping[str, Any]) -> Usage:
        # completion_tokens may leave out reasoning tokens that are billed; the total never does.
        output_tokens = max(usage["completion_tokens"], usage["total_tokens"] - usage["prompt_tokens"])
        ticks = usage.get("cost_in_usd_ticks")
        return replace(
            super()._usage(usage),
            output_tokens=output_tokens,
            vendor_dollars=ticks / TICKS_A_DOLLAR if isinstance(ticks, int | float) else None,
        )

    def _headers(self, prompt: Prompt) -> Mapping[str, str]:
        return {"x-grok-conv-id": prompt.conversation_id}
