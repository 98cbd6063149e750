"""Decides whether a question's models get tools: they do when what is held pays for calls beside the answer."""

from dataclasses import replace

from orchestrator_api.chat.briefing import Briefing
from orchestrator_api.chat.plan import Budget, Plan
from orchestrator_api.chat.prompt import prompt_tokens
from orchestrator_api.chat.rounds import plan_rounds


def equip(plan: Plan, briefing: Briefing, budget: Budget) -> tuple[Plan, Briefing]:
    """The plan that holds credits for calls, or the plan as it was and a briefing without tools."""
    equipped = replace(briefing.prompt, tools=briefing.tools)
    # An ensemble compares what models make of the same facts: none of them looks up its own.
    if plan.is_ensemble:
        return plan, replace(briefing, tools=())
    if briefing.tools and (
        richer := plan_rounds(plan, prompt_tokens=prompt_tokens(equipped), credits=budget.credits)
    ):
        return richer, briefing
    return plan, replace(briefing, tools=())
