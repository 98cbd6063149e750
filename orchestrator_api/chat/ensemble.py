"""One question to several models at once, and what their answers have in common: each is paid, and so is the comparison."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator_api.chat.comparison import Said, ensemble_text, question_to_compare
from orchestrator_api.chat.events import Restarted, Tell, Token
from orchestrator_api.chat.exchange import Draft
from orchestrator_api.chat.plan import Plan
from orchestrator_api.chat.work import Work
from orchestrator_api.credits.pricing import Usage, cost
from orchestrator_api.model_router.catalog import Candidate, Choice, Model
from orchestrator_api.model_router.fitting import without_tools
from orchestrator_api.model_router.provider import ContentRefused, Prompt, Text
from orchestrator_api.model_router.router import (
    Attempt,
    FellBack,
    Finished,
    ProvidersUnavailable,
    Router,
    Started,
)


@dataclass(frozen=True, slots=True)
class Written:
    """What one model wrote, and what it costs."""

    model: Model
    text: str
    usage: Usage

    @property
    def credits(self) -> int:
        return cost(self.model.rate, self.usage)


async def write_ensemble(router: Router, plan: Plan, prompt: Prompt, work: Work, tell: Tell) -> Draft:
    """Ask all candidates of the plan, have their answers compared, and tell the comparison followed by the answers.

    Raises ProvidersUnavailable when none answers, ContentRefused when none does and one may not.
    """
    attempts = work.attempts
    answers = await _ask_all(router, plan.candidates, without_tools(prompt), attempts)
    for answer in answers:
        work.spending.add(answer.model, answer.usage)
    said = [Said(answer.model.id, answer.text) for answer in answers]
    missing = [candidate.model.id for candidate in plan.candidates if candidate.model.id not in dict(said)]
    comparison = None
    if len(answers) > 1:
        asked = question_to_compare(prompt, said, share=plan.candidates[0].output_tokens_max)
        work.begin(asked)
        comparison = await _compare(router, plan.comparing, asked, work, tell)
    compared = comparison.text if comparison else None
    text = ensemble_text(said, missing, compared)
    tell(Token(text.removeprefix(compared or "")))
    written = [*answers, *([comparison] if comparison else [])]
    models = [
        {**usage_record(part.model, part.usage), "model": part.model.id, "credits": part.credits}
        for part in written
    ]
    return Draft(
        text=text,
        provider=str(Choice.ENSEMBLE),
        model=str(Choice.ENSEMBLE),
        finish_reason="stop",
        usage=sum((part.usage for part in written), Usage.none()),
        credits=sum(part.credits for part in written),
        metadata={
            "finish_reason": "stop",
            "attempts": [asdict(attempt) for attempt in attempts],
            "models": models,
        },
        billed={"models": models},
    )


def usage_record(model: Model, usage: Usage) -> dict[str, Any]:
    """What is kept of one model's work: its tokens, what our prices make of them, and what the vendor says it takes."""
    estimated = model.price.dollars(usage) if model.price else None
    return {"provider": model.provider, **asdict(usage), "estimated_dollars": estimated}


async def _ask_all(
    router: Router, candidates: Sequence[Candidate], prompt: Prompt, attempts: list[Attempt]
) -> list[Written]:
    refused: list[ContentRefused] = []

    async def ask(candidate: Candidate) -> Written | None:
        try:
            return await _write(router, [candidate], prompt, attempts, tell=None)
        except ProvidersUnavailable:
            return None
        except ContentRefused as error:
            refused.append(error)
            return None

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask(candidate)) for candidate in candidates]
    answers = [answer for task in asking if (answer := task.result()) is not None]
    if not answers and refused:
        raise refused[0]
    if not answers:
        raise ProvidersUnavailable(attempts)
    return answers


async def _compare(
    router: Router, candidates: Sequence[Candidate], prompt: Prompt, work: Work, tell: Tell
) -> Written | None:
    def note(step: Text | Started | FellBack) -> None:
        if isinstance(step, Text):
            work.saying.append(step.text)
        elif isinstance(step, Started):
            work.model = step.model
        else:
            work.fall_back()

    try:
        return await _write(router, candidates, prompt, work.attempts, tell=tell, note=note)
    except ProvidersUnavailable:
        return None
    except ContentRefused:
        # The answers stand; only what this one began to write about them does not.
        tell(Restarted("", "", "content_refused"))
        return None


async def _write(
    router: Router,
    candidates: Sequence[Candidate],
    prompt: Prompt,
    attempts: list[Attempt],
    *,
    tell: Tell | None,
    note: Callable[[Text | Started | FellBack], None] | None = None,
) -> Written:
    written: list[str] = []
    async with aclosing(router.stream(prompt, candidates)) as steps:
        async for step in steps:
            if note and isinstance(step, Text | Started | FellBack):
                note(step)
            if isinstance(step, Text):
                written.append(step.text)
                if tell:
                    tell(Token(step.text))
            elif isinstance(step, FellBack):
                attempts.append(step.attempt)
                if tell and written:
                    tell(Restarted(step.attempt.provider, step.attempt.model, step.attempt.failure))
                written.clear()
            elif isinstance(step, Finished):
                return Written(step.model, "".join(written), step.usage)
    raise AssertionError("a router's stream ends with Finished or an exception")
