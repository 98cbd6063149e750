"""What happens while a question is answered, in the order in which clients may learn of it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from orchestrator_api.chat.facts import SignalFact
from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.provider import ToolCall
from zmarty.errors import ZmartyError

# How an answer ended that its user stopped.
STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer has begun; it will be this message of this conversation."""

    message_id: UUID
    conversation_id: UUID
    signals: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Token:
    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A model failed and the answer starts anew: text told so far does not count."""

    provider: str
    model: str
    failure: str


@dataclass(frozen=True, slots=True)
class ToolAsked:
    """The model has something looked up. `arguments` is as it wrote them."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """What was found for a call, or why nothing was."""

    call_id: str
    text: str
    is_refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The answer is whole, stored and paid."""

    message_id: UUID
    conversation_id: UUID
    text: str
    provider: str | None
    model: str
    finish_reason: str
    usage: Usage
    credits: int
    balance: int
    signals: Sequence[Mapping[str, Any]]
    audio_url: str | None = None
    # Why an answer that should be spoken was not.
    voice_refusal: str | None = None
    # Given before, to the same question on the same facts.
    is_cached: bool = False
    # Of the client's own tools: it has them done and comes back with the results.
    calls: Sequence[ToolCall] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, and nothing is charged."""

    error: ZmartyError


Event: TypeAlias = Opened | Token | Restarted | ToolAsked | ToolAnswered | Completed | Failed
# Whom an answer tells its events while it is written; None is the end.
Tell: TypeAlias = Callable[[Event | None], None]


def signal_json(signal: SignalFact) -> dict[str, Any]:
    """A signal as clients get it beside the answer."""
    return {
        "id": str(signal.id),
        "symbol": signal.symbol,
        "timeframe": signal.timeframe,
        "opened_at": signal.opened_at.isoformat(),
        "origin": signal.origin,
        "direction": signal.direction,
        "score": signal.score,
        "strength": signal.strength,
        "confidence": signal.confidence,
        "entry_price": float(signal.entry_price),
        "targets": [float(target) for target in signal.targets],
        "stop_price": float(signal.stop_price) if signal.stop_price is not None else None,
        "verdict": signal.verdict,
        "expires_at": signal.expires_at.isoformat(),
    }
