"""Turns a briefing into a draft: by the models of the plan and the tools they call, or without any model at all."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace

from orchestrator_api.chat.briefing import Briefing
from orchestrator_api.chat.caching import draft_from, may_be_cached
from orchestrator_api.chat.data_brief import LABEL, data_brief
from orchestrator_api.chat.ensemble import usage_record, write_ensemble
from orchestrator_api.chat.events import Restarted, Tell, Token, ToolAnswered, ToolAsked
from orchestrator_api.chat.exchange import Draft
from orchestrator_api.chat.languages import correction_in
from orchestrator_api.chat.plan import Plan
from orchestrator_api.chat.promises import promise_in
from orchestrator_api.chat.prompt import prompt_tokens, turn_tokens
from orchestrator_api.chat.rounds import ROUNDS_MAX
from orchestrator_api.chat.store import cache_answer
from orchestrator_api.chat.work import PARAGRAPH, Work
from orchestrator_api.credits.pricing import DATA_CREDITS, Usage
from orchestrator_api.model_router.catalog import Candidate, Model
from orchestrator_api.model_router.provider import (
    ContentRefused,
    EndReason,
    Failure,
    Prompt,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from orchestrator_api.model_router.router import FellBack, Finished, ProvidersUnavailable, Started
from orchestrator_api.resources import Resources
from orchestrator_api.tools import tools

# Of these a client has seen nothing that could begin anew.
SILENT = (Failure.BREAKER_OPEN, Failure.OVERTAKEN)
REFUSAL = "The model declined to answer this question under its content policy. Nothing was charged."
UNPAID = "credits_exhausted: no credits are left for this call; answer with what is known."
LOGGED_ARGUMENTS_MAX = 500
# After so long no more tools are offered: with the rounds that may still follow, an answer ends before its hold does.
TOOLS_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class _Round:
    """What a model said, what it wants to know, and which model it was."""

    text: str
    calls: tuple[ToolCall, ...]
    finished: Finished


async def write_draft(resources: Resources, plan: Plan, briefing: Briefing, work: Work, tell: Tell) -> Draft:
    """Let the planned models write, telling each step; what cannot be written by any becomes a data brief.

    `work` holds at any moment what there is, for whoever cancels this.
    """
    if briefing.cached is not None:
        draft = draft_from(briefing.cached)
        tell(Token(draft.text))
    else:
        draft = await _written(resources, plan, briefing, work, tell)
        _keep(resources, briefing, draft)
    return draft


def _keep(resources: Resources, briefing: Briefing, draft: Draft) -> None:
    """For whoever asks the same. Beside the answer: neither waits for the other."""
    if briefing.cache_key is None or draft.provider is None or not may_be_cached(draft):
        return
    keeping = cache_answer(
        resources.chat, briefing.cache_key, content=draft.text, provider=draft.provider, model=draft.model
    )
    resources.background.start(keeping, name="cache_answer")


async def _written(resources: Resources, plan: Plan, briefing: Briefing, work: Work, tell: Tell) -> Draft:
    try:
        if plan.is_ensemble:
            draft = await write_ensemble(resources.router, plan, briefing.prompt, work, tell)
        else:
            draft = await _converse(resources, plan, briefing, work, tell)
        return _corrected(draft, briefing.tone.language, tell)
    except ProvidersUnavailable as error:
        work.attempts = work.attempts or list(error.attempts)
        lines = (*briefing.lines, *work.found)
        credits = work.spending.calls * DATA_CREDITS + (DATA_CREDITS if briefing.lines else 0)
        brief = data_brief(lines, now=briefing.composed_at, language=briefing.tone.language)
        return _without_model(brief, "stop", work, tell, credits=credits)
    except ContentRefused:
        return _without_model(REFUSAL, "content_filter", work, tell, credits=0)


def _corrected(draft: Draft, language: str, tell: Tell) -> Draft:
    """The draft, and below a promise of profit the sentence that takes it back: told and stored like the rest."""
    if draft.calls or promise_in(draft.text) is None:
        return draft
    correction = PARAGRAPH + correction_in(language)
    tell(Token(correction))
    return replace(draft, text=draft.text + correction, metadata={**draft.metadata, "is_corrected": True})


async def _converse(resources: Resources, plan: Plan, briefing: Briefing, work: Work, tell: Tell) -> Draft:
    """Rounds of a model that writes and calls, until one only writes."""
    prompt, candidates = briefing.prompt, plan.candidates
    for number in range(1, ROUNDS_MAX + 1):
        may_call = number < ROUNDS_MAX and work.seconds < TOOLS_SECONDS
        offered = briefing.tools if may_call else ()
        said = await _round(resources, prompt, candidates, offered, work, tell)
        model = said.finished.model
        work.end()
        work.spending.add(model, said.finished.usage)
        work.texts.append(said.text)
        if briefing.prompt.tools and said.calls:
            return _draft(said.finished, work, calls=said.calls)
        asked = Turn("assistant", said.text, calls=said.calls)
        paid = work.spending.calls_paid(model, prompt_tokens(prompt) + turn_tokens(asked))
        if not said.calls or not offered or not paid:
            if not work.text.strip():
                # It called for what there is not, and said nothing.
                raise ProvidersUnavailable(work.attempts)
            return _draft(said.finished, work)
        results = await _look_up(resources, briefing, said.calls, paid, work, tell)
        prompt = replace(prompt, turns=(*prompt.turns, asked, Turn("user", "", results=results)))
        # Whoever asked goes on; the others follow in the order of the plan.
        candidates = tuple(sorted(candidates, key=lambda candidate: candidate.model != model))
    raise AssertionError("the last round offers no tools and so ends the answer")


async def _round(
    resources: Resources,
    prompt: Prompt,
    candidates: Sequence[Candidate],
    offered: Sequence[Tool],
    work: Work,
    tell: Tell,
) -> _Round:
    """One complete saying of one model: with tools by those who can pay for calls, else without."""
    if offered:
        equipped = replace(prompt, tools=tuple(offered))
        able = work.spending.tool_round(candidates, prompt_tokens(equipped))
        if able:
            try:
                return await _say(resources, equipped, able, work, tell)
            except ProvidersUnavailable:
                if len(able) == len(candidates):
                    raise
                tried: set[Model] = {candidate.model for candidate in able}
                candidates = [candidate for candidate in candidates if candidate.model not in tried]
    able = work.spending.last_round(candidates, prompt_tokens(prompt))
    return await _say(resources, prompt, able, work, tell)


async def _say(
    resources: Resources, prompt: Prompt, candidates: Sequence[Candidate], work: Work, tell: Tell
) -> _Round:
    calls: list[ToolCall] = []
    work.begin(prompt)
    written = work.saying
    try:
        async with aclosing(resources.router.stream(prompt, candidates)) as steps:
            async for step in steps:
                if isinstance(step, Text):
                    if not written and work.text:
                        tell(Token(PARAGRAPH))
                    written.append(step.text)
                    tell(Token(step.text))
                elif isinstance(step, ToolCall):
                    calls.append(work.named(step))
                elif isinstance(step, FellBack):
                    work.attempts.append(step.attempt)
                    if step.attempt.failure not in SILENT:
                        tell(Restarted(step.attempt.provider, step.attempt.model, step.attempt.failure))
                    work.fall_back()
                    calls.clear()
                elif isinstance(step, Finished):
                    return _Round("".join(written), tuple(calls), step)
                else:
                    assert isinstance(step, Started)
                    work.model = step.model
    except ContentRefused:
        if written:
            tell(Restarted("", "", "content_refused"))
        raise
    raise AssertionError("a router's stream ends with Finished or an exception")


async def _look_up(
    resources: Resources,
    briefing: Briefing,
    calls: Sequence[ToolCall],
    paid: int,
    work: Work,
    tell: Tell,
) -> tuple[ToolResult, ...]:
    """A result for every call, in order; beyond those that are paid for the result says so."""
    for call in calls:
        tell(ToolAsked(call))
    looked = await asyncio.gather(
        *(tools.call(resources, briefing.user_id, call.name, call.arguments) for call in calls[:paid])
    )
    results = []
    for place, call in enumerate(calls):
        found = looked[place] if place < paid else None
        text = found.text if found else UNPAID
        is_refused = found is None or found.refusal is not None
        if found is not None and found.is_charged:
            work.spending.calls += 1
            work.found.extend(text.splitlines())
        work.lookups.append(
            {"name": call.name, "arguments": call.arguments[:LOGGED_ARGUMENTS_MAX], "is_refused": is_refused}
        )
        tell(ToolAnswered(call.id, text, is_refused))
        results.append(ToolResult(call.id, text))
    return tuple(results)


def _draft(finished: Finished, work: Work, *, calls: tuple[ToolCall, ...] = ()) -> Draft:
    if calls:
        reason = EndReason.TOOL_CALLS
    else:
        # A reason that promises calls would leave a client waiting that gets none.
        reason = EndReason.STOP if finished.reason is EndReason.TOOL_CALLS else finished.reason
    metadata = work.record(reason) | {
        "usage": usage_record(finished.model, work.spending.usages[finished.model])
    }
    if calls:
        metadata["tool_calls"] = [asdict(call) for call in calls]
    return Draft(
        text=work.text,
        provider=finished.model.provider,
        model=finished.model.id,
        finish_reason=reason,
        usage=work.spending.usage,
        credits=work.spending.credits,
        metadata=metadata,
        calls=calls,
    )


def _without_model(text: str, finish_reason: str, work: Work, tell: Tell, *, credits: int) -> Draft:
    # What a model said before it called has been told, and stays.
    tell(Token(PARAGRAPH + text if work.text else text))
    work.texts.append(text)
    return Draft(
        text=work.text,
        provider=None,
        model=LABEL,
        finish_reason=finish_reason,
        usage=Usage.none(),
        credits=credits,
        metadata=work.record(finish_reason),
    )
