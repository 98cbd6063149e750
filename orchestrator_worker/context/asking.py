"""Asks one question of the plan, when it is due and nobody else is asking, and keeps the answer or why there is none."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from orchestrator_worker.context import store
from orchestrator_worker.context.questions import Question
from orchestrator_worker.sources.plan import due_after_failure, due_again
from orchestrator_worker.sources.readings import Reading
from orchestrator_worker.sources.vendor import KeyRefused, RequestRefused, SourceUnavailable
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)

FAILURE_LENGTH_MAX = 300

Answer = TypeVar("Answer", bound=Reading)


async def ask_once(
    pool: Pool, question: Question, ask: Callable[[], Awaitable[Answer]], *, now: datetime
) -> Answer | None:
    """Ask unless it is not due or somebody else does; then None. Raises SourceUnavailable, after noting it.

    The answer is kept by the caller, who knows what it is.
    """
    due_at = now + due_again(question.source, question.timeframe)
    if not await store.claim(pool, question, now=now, due_at=due_at):
        return None
    try:
        return await ask()
    except SourceUnavailable as error:
        refused = isinstance(error, KeyRefused | RequestRefused)
        wait = due_after_failure(question.source, question.timeframe, is_refused=refused)
        reason = error.reason[:FAILURE_LENGTH_MAX]
        await store.keep_failure(pool, question, due_at=now + wait, failure=reason)
        log.warning(
            "reading_missing",
            source=question.source.name,
            about=question.symbol,
            vendor=error.vendor,
            reason=reason,
        )
        raise
