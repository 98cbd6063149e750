"""Turns a briefing into a draft: by the models of the plan, or without any when none can be reached."""

from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from orchestrator_api.chat.briefing import Briefing
from orchestrator_api.chat.data_brief import LABEL, data_brief
from orchestrator_api.chat.ensemble import usage_record, write_ensemble
from orchestrator_api.chat.events import Restarted, Tell, Token
from orchestrator_api.chat.exchange import Draft
from orchestrator_api.chat.plan import Plan
from orchestrator_api.credits.pricing import DATA_CREDITS, Usage, cost
from orchestrator_api.model_router.provider import ContentRefused, Failure, Text
from orchestrator_api.model_router.router import Attempt, FellBack, Finished, ProvidersUnavailable, Started
from orchestrator_api.resources import Resources

# Of these a client has seen nothing that could begin anew.
SILENT = (Failure.BREAKER_OPEN, Failure.OVERTAKEN)
REFUSAL = "The model declined to answer this question under its content policy. Nothing was charged."


async def write_draft(resources: Resources, plan: Plan, briefing: Briefing, tell: Tell) -> Draft:
    """Let the planned models write, telling each step; what cannot be written by any becomes a data brief."""
    if plan.is_ensemble:
        return await _write_together(resources, plan, briefing, tell)
    written: list[str] = []
    attempts: list[Attempt] = []
    try:
        async with aclosing(resources.router.stream(briefing.prompt, plan.candidates)) as steps:
            async for step in steps:
                if isinstance(step, Text):
                    written.append(step.text)
                    tell(Token(step.text))
                elif isinstance(step, FellBack):
                    attempts.append(step.attempt)
                    if step.attempt.failure not in SILENT:
                        tell(Restarted(step.attempt.provider, step.attempt.model, step.attempt.failure))
                    written.clear()
                elif isinstance(step, Finished):
                    return Draft(
                        text="".join(written),
                        provider=step.model.provider,
                        model=step.model.id,
                        finish_reason=step.reason,
                        usage=step.usage,
                        credits=cost(step.model.rate, step.usage),
                        metadata=_record(step.reason, attempts)
                        | {"usage": usage_record(step.model, step.usage)},
                    )
                else:
                    assert isinstance(step, Started)
    except ProvidersUnavailable:
        return _without_model(
            data_brief(briefing.lines, now=briefing.composed_at),
            "stop",
            attempts,
            tell,
            credits=DATA_CREDITS if briefing.lines else 0,
        )
    except ContentRefused:
        if written:
            tell(Restarted("", "", "content_refused"))
        return _without_model(REFUSAL, "content_filter", attempts, tell, credits=0)
    raise AssertionError("a router's stream ends with Finished or an exception")


async def _write_together(resources: Resources, plan: Plan, briefing: Briefing, tell: Tell) -> Draft:
    try:
        return await write_ensemble(resources.router, plan, briefing.prompt, tell)
    except ProvidersUnavailable as error:
        return _without_model(
            data_brief(briefing.lines, now=briefing.composed_at),
            "stop",
            list(error.attempts),
            tell,
            credits=DATA_CREDITS if briefing.lines else 0,
        )
    except ContentRefused:
        return _without_model(REFUSAL, "content_filter", [], tell, credits=0)


def _without_model(
    text: str, finish_reason: str, attempts: list[Attempt], tell: Tell, *, credits: int
) -> Draft:
    tell(Token(text))
    return Draft(
        text=text,
        provider=None,
        model=LABEL,
        finish_reason=finish_reason,
        usage=Usage.none(),
        credits=credits,
        metadata=_record(finish_reason, attempts),
    )


def _record(finish_reason: str, attempts: list[Attempt]) -> dict[str, Any]:
    return {"finish_reason": str(finish_reason), "attempts": [asdict(attempt) for attempt in attempts]}
