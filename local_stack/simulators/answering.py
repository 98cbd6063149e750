"""What the simulated models say: the facts they were given, for the symbol they were asked about. Pure.

Nothing but the request is used. Other facts, another answer; no facts, and the answer says so.
"""

import re
from dataclasses import dataclass
from math import ceil

FACTS_QUOTED_MAX = 6
CHARACTERS_A_TOKEN = 4
REASONING_TOKENS_A_FACT = 12

_FACTS = re.compile(r"^<facts>[ \t]*$(.*?)^</facts>[ \t]*$", re.MULTILINE | re.DOTALL)
_SYMBOL = re.compile(r"\b([A-Z0-9]{2,12})/([A-Z0-9]{2,12})\b")


@dataclass(frozen=True)
class Turn:
    role: str
    text: str


@dataclass(frozen=True)
class Answer:
    text: str
    # The answer did not fit into the tokens allowed.
    cut: bool
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int

    @property
    def pieces(self) -> list[str]:
        """Word by word, with the space in front, as tokens come."""
        return re.findall(r"\s*\S+\s*$|\s*\S+", self.text)


def tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_A_TOKEN)


def answer(system: str, turns: list[Turn], *, tokens_max: int | None) -> Answer:
    question = next((turn.text for turn in reversed(turns) if turn.role == "user"), "")
    facts = facts_in(system)
    chosen = facts_for(question, facts)
    text, cut, reasoning = compose(question, facts, chosen), False, REASONING_TOKENS_A_FACT * len(chosen)
    if tokens_max is not None:
        # Thinking and speaking share the allowance, as with every vendor; a hold relies on it.
        reasoning = min(reasoning, tokens_max // 4)
        characters_max = (tokens_max - reasoning) * CHARACTERS_A_TOKEN
        text, cut = text[:characters_max], len(text) > characters_max
    return Answer(
        text=text,
        cut=cut,
        input_tokens=tokens(system) + sum(tokens(turn.text) for turn in turns),
        output_tokens=tokens(text),
        reasoning_tokens=reasoning,
    )


def looked(text: str, *, prompt: str, image_tokens: int) -> Answer:
    """An answer that was read from an image, by a model that was told `prompt`."""
    return Answer(
        text=text,
        cut=False,
        input_tokens=tokens(prompt) + image_tokens,
        output_tokens=tokens(text),
        reasoning_tokens=0,
    )


def facts_in(system: str) -> list[str]:
    """The lines between <facts> and </facts>, without their bullets."""
    block = _FACTS.search(system.replace("\r\n", "\n"))
    lines = block.group(1).splitlines() if block else []
    return [line.strip().removeprefix("-").strip() for line in lines if line.strip().strip("-")]


def facts_for(question: str, facts: list[str]) -> list[str]:
    """The facts about a symbol that the question names, else the first ones."""
    asked = [fact for fact in facts if any(_names(question, *symbol) for symbol in _SYMBOL.findall(fact))]
    return (asked or facts)[:FACTS_QUOTED_MAX]


def compose(question: str, facts: list[str], chosen: list[str]) -> str:
    if not facts:
        return "I was given no facts for this question, so I cannot say anything about the market."
    subject = _SYMBOL.search(chosen[0])
    named = subject is not None and _names(question, *subject.groups())
    opening = f"On {subject.group(0)}, this is what I have:" if subject and named else "This is what I have:"
    lines = "\n".join(f"- {fact}" for fact in chosen)
    return f"{opening}\n{lines}\nThat is all I can see; I add nothing to these numbers."


def _names(question: str, base: str, quote: str) -> bool:
    return re.search(rf"(?<![A-Z0-9]){base}(?:[/_-]?{quote})?(?![A-Z0-9])", question.upper()) is not None
