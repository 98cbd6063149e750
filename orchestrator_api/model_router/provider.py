"""What every provider promises: one protocol, the pieces of a stream, and the facts by which a stream fails. Pure."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from orchestrator_api.credits.pricing import Usage


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said in a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All that a model gets to know. It may use nothing else."""

    system: str
    turns: tuple[Turn, ...]
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


class EndReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own word that the answer is complete. Without it a stream has failed, however much it said."""

    reason: EndReason


# Usage is cumulative: the last one counts.
Piece: TypeAlias = Text | Usage | Ended


class Failure(StrEnum):
    """Why a provider gave no complete answer."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    CUT = "cut"
    EMPTY = "empty"
    FIRST_TOKEN_LATE = "first_token_late"  # noqa: S105 — not that kind of token
    STALLED = "stalled"
    TOTAL_LATE = "total_late"
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
    """One vendor. `stream` yields text, usage and one `Ended`, or raises ProviderFailed or ContentRefused.

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


def failure_from(status: int, retry_after: str | None) -> ProviderFailed:
    """The fact behind a refusing status. Other statuses of the 4xx kind say that the request does not suit this model."""
    failure = STATUS_FAILURES.get(status, Failure.UNAVAILABLE if status >= 500 else Failure.REJECTED)
    return ProviderFailed(failure, retry_after_seconds=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        # The other form is a date. Vendors of models send seconds; the breaker's own pause serves for the rest.
        return None
