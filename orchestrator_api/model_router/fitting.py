"""Makes a prompt fit a model: without the oldest exchanges, or without tools for one that calls none. Pure."""

from dataclasses import replace
from itertools import pairwise

from orchestrator_api.model_router.provider import Prompt, Turn
from orchestrator_api.model_router.tokens import tokens_bound


def exchange_tokens(prompt: Prompt) -> tuple[int, ...]:
    """How long each earlier exchange is at most, oldest first: what may be dropped. The question itself is not among them."""
    starts = _starts(prompt)
    return tuple(
        sum(tokens_bound(turn.text) for turn in prompt.turns[start:end]) for start, end in pairwise(starts)
    )


def without_oldest(prompt: Prompt, count: int) -> Prompt:
    """The prompt without its `count` oldest exchanges; what the user asks now and what was found for it always stays."""
    starts = _starts(prompt)
    if not count or not starts:
        return prompt
    return replace(prompt, turns=prompt.turns[starts[min(count, len(starts) - 1)] :])


def without_tools(prompt: Prompt) -> Prompt:
    """The prompt for a model that calls no tools: what others found becomes text of the user's."""
    if not prompt.tools and not any(turn.calls or turn.results for turn in prompt.turns):
        return prompt
    turns = []
    for turn in prompt.turns:
        if turn.results:
            found = "\n".join(result.text for result in turn.results)
            turns.append(
                Turn(turn.role, "\n".join(filter(None, (turn.text, f"What was looked up:\n{found}"))))
            )
        elif turn.text or not turn.calls:
            turns.append(Turn(turn.role, turn.text))
    return replace(prompt, turns=tuple(turns), tools=())


def _starts(prompt: Prompt) -> list[int]:
    # An exchange begins where the user speaks; results of calls are told in the user's name and begin none.
    return [place for place, turn in enumerate(prompt.turns) if turn.role == "user" and not turn.results]
