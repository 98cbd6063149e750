"""What the simulated models say: the facts they were given, for the symbol they were asked about. Pure.

Nothing but the request is used. Other facts, another answer; no facts, and the answer says so. A tool whose name the
question speaks of is called once, and answers that are to be compared are compared line by line.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Any

FACTS_QUOTED_MAX = 6
CHARACTERS_A_TOKEN = 4
REASONING_TOKENS_A_FACT = 12

_FACTS = re.compile(r"^<facts>[ \t]*$(.*?)^</facts>[ \t]*$", re.MULTILINE | re.DOTALL)
_SYMBOL = re.compile(r"\b([A-Z0-9]{2,12})/([A-Z0-9]{2,12})\b")


_SPOKEN_SYMBOL = re.compile(r"\b([A-Z0-9]{2,12}/[A-Z0-9]{2,12}|[A-Z]{2,10})\b")
_ANSWER = re.compile(r'^<answer model="([^"]+)">$(.*?)^</answer>$', re.MULTILINE | re.DOTALL)
# Of a tool's name, what says nothing about its subject.
_VERBS = frozenset({"get", "list", "show", "find", "fetch", "read"})


@dataclass(frozen=True)
class Tool:
    """What the request offers; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    id: str
    name: str
    arguments: Mapping[str, Any]

    @property
    def pieces(self) -> list[str]:
        """The arguments as they come: in parts that are no JSON by themselves."""
        text = json.dumps(self.arguments)
        return [text[start : start + 7] for start in range(0, len(text), 7)]


@dataclass(frozen=True)
class Turn:
    """`results` are what was found for calls; such a turn asks nothing."""

    role: str
    text: str
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    text: str
    # The answer did not fit into the tokens allowed.
    cut: bool
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    call: Call | None = None

    @property
    def pieces(self) -> list[str]:
        """Word by word, with the space in front, as tokens come."""
        return re.findall(r"\s*\S+\s*$|\s*\S+", self.text)


def tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_A_TOKEN)


def answer(system: str, turns: list[Turn], *, tokens_max: int | None, tools: Sequence[Tool] = ()) -> Answer:
    asked = max((place for place, turn in enumerate(turns) if _asks(turn)), default=0)
    question = turns[asked].text if turns else ""
    results = [result for turn in turns[asked:] for result in turn.results]
    facts = facts_in(system)
    read = tokens(system) + sum(tokens(turn.text) + sum(map(tokens, turn.results)) for turn in turns)
    if not results and (call := call_for(question, tools)) is not None:
        return Answer(
            text="",
            cut=False,
            input_tokens=read,
            output_tokens=tokens(call.name + json.dumps(call.arguments)),
            reasoning_tokens=0,
            call=call,
        )
    if results:
        facts = chosen = [line for result in results for line in result.splitlines() if line.strip()]
    else:
        chosen = facts_for(question, facts)
    said = _ANSWER.findall(question)
    text = compared(said) if len(said) > 1 else compose(question, facts, chosen[:FACTS_QUOTED_MAX])
    cut, reasoning = False, REASONING_TOKENS_A_FACT * len(chosen[:FACTS_QUOTED_MAX])
    if tokens_max is not None:
        # Thinking and speaking share the allowance, as with every vendor; a hold relies on it.
        reasoning = min(reasoning, tokens_max // 4)
        characters_max = (tokens_max - reasoning) * CHARACTERS_A_TOKEN
        text, cut = text[:characters_max], len(text) > characters_max
    return Answer(
        text=text,
        cut=cut,
        input_tokens=read,
        output_tokens=tokens(text),
        reasoning_tokens=reasoning,
    )


def call_for(question: str, tools: Sequence[Tool]) -> Call | None:
    """The tool that the question speaks of most, called with what the question says; None when it speaks of none."""
    spoken = _stems(re.findall(r"[a-z]+", question.lower()))

    def likeness(tool: Tool) -> tuple[int, int]:
        name = _stems(tool.name.lower().split("_")) - _VERBS
        described = _stems(re.findall(r"[a-z]{5,}", tool.description.lower()))
        return len(name & spoken), len(described & spoken)

    for tool in sorted(tools, key=likeness, reverse=True):
        arguments = arguments_for(question, tool)
        if likeness(tool)[0] and arguments is not None:
            seal = sha256(f"{tool.name}\x1f{question}".encode()).hexdigest()[:16]
            return Call(f"call_sim{seal}", tool.name, arguments)
    return None


def arguments_for(question: str, tool: Tool) -> dict[str, Any] | None:
    """The symbol that the question names, and what the schema itself proposes; None when something required is missing."""
    properties = tool.parameters.get("properties") or {}
    required = tool.parameters.get("required") or []
    arguments: dict[str, Any] = {}
    for name, schema in properties.items():
        if name == "symbol" and (symbol := _SPOKEN_SYMBOL.search(question)):
            arguments[name] = symbol.group(1)
        elif name in required and "default" in schema:
            arguments[name] = schema["default"]
        elif name in required and schema.get("enum"):
            arguments[name] = schema["enum"][0]
    return arguments if set(required) <= arguments.keys() else None


def compared(said: Sequence[tuple[str, str]]) -> str:
    """The lines that all answers have, and for each the lines that only it has."""
    lines = {model: [line for line in text.splitlines() if line.strip()] for model, text in said}
    shared = [line for line in next(iter(lines.values())) if all(line in other for other in lines.values())]
    own = {model: [line for line in each if line not in shared] for model, each in lines.items()}
    agree = "\n".join(shared) or "- They share no line."
    differ = "\n".join(f"- {model}: {' '.join(each)}" for model, each in own.items() if each)
    return f"## Where they agree\n{agree}\n\n## Where they differ\n{differ or '- Nowhere.'}"


def _asks(turn: Turn) -> bool:
    return turn.role == "user" and not turn.results


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in words)


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
