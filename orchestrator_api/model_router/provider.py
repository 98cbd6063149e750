"""What every provider promises: one protocol, the pieces of a stream, and the facts by which a stream fails. Pure."""

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

from orchestrator_api.credits.pricing import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something a model may have looked up; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """What a model wants looked up. `arguments` is JSON as the model wrote it: nobody has checked it yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What was found for one call."""

    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said in a conversation: by the user, or by a model with the calls it made, or the results of those calls."""

    role: Literal["user", "assistant"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All that a model gets to know. It may use nothing else, and call no other tools."""

    system: str
    turns: tuple[Turn, ...]
    conversation_id: str
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    text: str


class EndReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    # The model waits for the results of its calls.
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own word that the answer is complete. Without it a stream has failed, however much it said."""

    reason: EndReason


# Usage is cumulative: the last one counts.
Piece: TypeAlias = Text | ToolCall | Usage | Ended


class Failure(StrEnum):
    """Why a provider gave no complete answer."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    REJECTED = "rejected"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    CUT = "cut"
    EMPTY = "empty"
    FIRST_TOKEN_LATE = "first_token_late"  # noqa: S105 — not that kind of token
    STALLED = "stalled"
    TOTAL_LATE = "total_late"
    # It wrote more than it may, or for longer than one attempt may take.
    ENDLESS = "endless"
    # Another model, asked because this one was slow, spoke first.
    OVERTAKEN = "overtaken"
    BREAKER_OPEN = "breaker_open"


class ProviderFailed(Exception):
    """This provider cannot answer this request now; another one may."""

    def __init__(self, failure: Failure, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(failure)
        self.failure = failure
        self.retry_after_seconds = retry_after_seconds


class ContentRefused(Exception):
    """The provider's content policy refuses the question. Asking another one would evade it, so nobody else is asked."""


class Provider(Protocol):
    """One vendor. `stream` yields text, whole tool calls, usage and one `Ended`, or raises ProviderFailed or ContentRefused.

    It keeps no deadline of its own: whoever iterates may cancel at any time and must close the iterator.
    """

    name: str

    def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]: ...

    async def close(self) -> None: ...


STATUS_FAILURES = {
    401: Failure.UNAUTHORISED,
    403: Failure.UNAUTHORISED,
    408: Failure.UNAVAILABLE,
    409: Failure.UNAVAILABLE,
    429: Failure.RATE_LIMITED,
}


# Vendors name this in a code or only in their words; it is the one refusal that a shorter prompt mends.
_TOO_LONG = re.compile(
    r"context_length_exceeded|context (length|window)|prompt is too long|too many tokens|maximum prompt length",
    re.IGNORECASE,
)


def failure_from(status: int, retry_after: str | None, *, said: str = "") -> ProviderFailed:
    """The fact behind a refusing status and what was said with it.

    Other statuses of the 4xx kind say that the request does not suit this model.
    """
    if status in (400, 413, 422) and _TOO_LONG.search(said):
        return ProviderFailed(Failure.TOO_LONG)
    failure = STATUS_FAILURES.get(status, Failure.UNAVAILABLE if status >= 500 else Failure.REJECTED)
    return ProviderFailed(failure, retry_after_seconds=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        # The other form is a date. Vendors of models send seconds; the breaker's own pause serves for the rest.
        return None
