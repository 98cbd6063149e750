"""What there is of a draft while it is written: enough to end it at any moment, by its writer or by whoever stops it."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, count
from typing import Any

from orchestrator_api.chat.events import STOPPED
from orchestrator_api.chat.exchange import Draft
from orchestrator_api.chat.rounds import Spending
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.catalog import Model
from orchestrator_api.model_router.provider import Prompt, ToolCall
from orchestrator_api.model_router.router import Attempt
from orchestrator_api.model_router.tokens import tokens_estimated

PARAGRAPH = "\n\n"


@dataclass(slots=True)
class Work:
    """`texts` are of the rounds that are over: they stay, whatever becomes of the next; `saying` is of the one that runs."""

    spending: Spending
    started_at: float = field(default_factory=time.monotonic)
    texts: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    lookups: list[dict[str, Any]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    saying: list[str] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    # Who says it, and what was read for it.
    model: Model | None = None
    prompt: Prompt | None = None

    @property
    def text(self) -> str:
        return PARAGRAPH.join(text for text in self.texts if text)

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return time.monotonic() - self.started_at

    def begin(self, prompt: Prompt) -> None:
        self.saying.clear()
        self.model, self.prompt = None, prompt

    def fall_back(self) -> None:
        """A model failed: what it read and said is nobody's bill."""
        self.saying.clear()
        self.model = None

    def end(self) -> None:
        """The round is over; its usage is known."""
        self.saying.clear()
        self.prompt = None

    def named(self, call: ToolCall) -> ToolCall:
        """The call by a name that no other of this answer has: some models number theirs anew in each round."""
        names = chain([call.id], (f"{call.id}-{number}" for number in count(2)))
        name = next(name for name in names if name not in self.call_ids)
        self.call_ids.add(name)
        return replace(call, id=name)

    def record(self, finish_reason: str) -> dict[str, Any]:
        return {
            "finish_reason": str(finish_reason),
            "attempts": [asdict(attempt) for attempt in self.attempts],
            **({"lookups": self.lookups} if self.lookups else {}),
        }


def stopped_draft(work: Work) -> Draft | None:
    """What was said until somebody stopped it, at the price of what was read and said; None when nothing was said.

    Rounds that are over are counted by their vendor. For the one that was cut nobody counted: its tokens are estimated.
    """
    said = "".join(work.saying)
    text = PARAGRAPH.join(part for part in (work.text, said) if part)
    model = work.model or next(reversed(work.spending.usages), None)
    if not text.strip() or model is None:
        return None
    if work.prompt is not None and work.model is not None:
        read = [work.prompt.system, *_texts(work.prompt)]
        work.spending.add(
            work.model,
            Usage(input_tokens=tokens_estimated("".join(read)), output_tokens=tokens_estimated(said)),
        )
    return Draft(
        text=text,
        provider=model.provider,
        model=model.id,
        finish_reason=STOPPED,
        usage=work.spending.usage,
        credits=work.spending.credits,
        metadata=work.record(STOPPED),
    )


def _texts(prompt: Prompt) -> Sequence[str]:
    return [text for turn in prompt.turns for text in (turn.text, *(result.text for result in turn.results))]
