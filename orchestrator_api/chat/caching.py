"""When an answer may be given again, and how it is labelled then.

The key is all that the model was told but the time and the conversation's name. What a user's history, profile or tone changes
is therefore another key, and sharing answers between users tells nobody anything about another.
"""

import hashlib
import json
from datetime import datetime

from orchestrator_api.chat.briefing import Briefing
from orchestrator_api.chat.exchange import Draft
from orchestrator_api.chat.facts import moment
from orchestrator_api.chat.question import Question
from orchestrator_api.chat.store import CachedAnswer
from orchestrator_api.credits.pricing import DATA_CREDITS, Usage
from orchestrator_api.model_router.provider import EndReason

CONTENT_LENGTH_MAX = 200_000


def cache_key(question: Question, briefing: Briefing, *, output_tokens_max: int) -> str | None:
    """The name of the answer to this question on these facts; None for one that only its conversation explains."""
    if len(briefing.prompt.turns) != 1 or question.tools is not None or not briefing.lines:
        return None
    [turn] = briefing.prompt.turns
    told = [
        # The clock stands at the head; every fact carries its own time.
        briefing.prompt.system.replace(moment(briefing.composed_at), "", 1),
        _normalised(turn.text),
        question.model,
        output_tokens_max,
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def may_be_cached(draft: Draft) -> bool:
    """A whole answer of a model that rests on the facts of the key alone."""
    return (
        draft.provider is not None
        and draft.finish_reason == EndReason.STOP
        and not draft.calls
        # What was looked up is not part of the key.
        and "lookups" not in draft.metadata
        and len(draft.text) <= CONTENT_LENGTH_MAX
    )


def draft_from(cached: CachedAnswer) -> Draft:
    """The answer again, at the price of data, saying what it is."""
    return Draft(
        text=f"*(Answered at {moment(cached.answered_at)}: the same question on the same facts.)*\n\n{cached.content}",
        provider=cached.provider,
        model=cached.model,
        finish_reason=EndReason.STOP,
        usage=Usage.none(),
        credits=DATA_CREDITS,
        metadata=_record(cached.answered_at),
        is_cached=True,
    )


def _record(answered_at: datetime) -> dict[str, object]:
    return {
        "finish_reason": str(EndReason.STOP),
        "attempts": [],
        "cached": True,
        "answered_at": answered_at.isoformat(),
    }


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" ?!.")
