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
        counted = super()._usage(usage)
        billed = (usage.get("total_tokens") or 0) - counted.input_tokens
        ticks = usage.get("cost_in_usd_ticks")
        return replace(
            counted,
            output_tokens=max(counted.output_tokens, billed),
            vendor_dollars=ticks / TICKS_A_DOLLAR if isinstance(ticks, int | float) else None,
        )

    def _headers(self, prompt: Prompt) -> Mapping[str, str]:
        return {"x-grok-conv-id": prompt.conversation_id}
