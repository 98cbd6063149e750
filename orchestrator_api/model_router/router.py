"""Tries models in order until one gives a complete answer, under deadlines of our own; the only caller of providers."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import structlog

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.breaker import Breaker
from orchestrator_api.model_router.catalog import Candidate, Model
from orchestrator_api.model_router.provider import (
    EndReason,
    Failure,
    Piece,
    Prompt,
    Provider,
    ProviderFailed,
    Text,
    ToolCall,
)
from orchestrator_api.model_router.providers.anthropic import AnthropicProvider
from orchestrator_api.model_router.providers.openai import OpenAIProvider
from orchestrator_api.model_router.providers.xai import XaiProvider
from orchestrator_api.model_router.text import storable
from orchestrator_api.model_router.tokens import tokens_estimated
from orchestrator_api.providers import Access
from zmarty.errors import ZmartyError

log = structlog.get_logger(__name__)

PROVIDERS: Mapping[str, Callable[..., Provider]] = {
    "xai": XaiProvider,
    "openai": OpenAIProvider,
    "anthropic": AnthropicProvider,
}


class ProvidersUnavailable(ZmartyError):
    """No candidate gave a complete answer; `attempts` says what happened to each."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "providers_unavailable"

    def __init__(self, attempts: Sequence["Attempt"] = ()) -> None:
        super().__init__("No model can be reached now.", attempts=[attempt.failure for attempt in attempts])
        self.attempts = tuple(attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds from the request to the first text, between pieces, and for the whole answer with all its attempts."""

    first_token: float = 12.0
    idle: float = 10.0
    total: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one provider did that failed. Recorded, never charged."""

    provider: str
    model: str
    failure: Failure
    duration_ms: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Started:
    model: Model


@dataclass(frozen=True, slots=True)
class FellBack:
    """An attempt failed. What it wrote does not count: the next one starts the answer anew."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The answer is complete."""

    model: Model
    reason: EndReason
    usage: Usage


Step: TypeAlias = Started | Text | ToolCall | FellBack | Finished


class Router:
    """Knows the configured providers and how each has been doing."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        deadlines: Deadlines | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.providers = providers
        self._breakers = {name: Breaker() for name in providers}
        self._clock = clock
        self.deadlines = deadlines or Deadlines()

    def is_configured(self, provider: str) -> bool:
        return provider in self.providers

    def states(self) -> dict[str, str]:
        """Each configured provider's breaker: closed, open or half_open."""
        return {name: breaker.state(self._clock()) for name, breaker in self._breakers.items()}

    async def stream(self, prompt: Prompt, candidates: Sequence[Candidate]) -> AsyncGenerator[Step, None]:
        """Yield the steps of one answer; the last is Finished.

        Raises ProvidersUnavailable when no candidate completes it and ContentRefused when one may not answer.
        """
        ends_at = self._clock() + self.deadlines.total
        attempts = []
        for candidate in candidates:
            started_at = self._clock()
            spent = Usage.none()
            try:
                async with aclosing(self._attempt(prompt, candidate, ends_at)) as steps:
                    async for step in steps:
                        if isinstance(step, Usage):
                            spent = step
                        else:
                            yield step
                return
            except ProviderFailed as error:
                attempt = Attempt(
                    provider=candidate.model.provider,
                    model=candidate.model.id,
                    failure=error.failure,
                    duration_ms=int((self._clock() - started_at) * 1000),
                    usage=spent,
                )
                self._record(attempt, error.retry_after_seconds)
                attempts.append(attempt)
                yield FellBack(attempt)
        raise ProvidersUnavailable(attempts)

    async def _attempt(
        self, prompt: Prompt, candidate: Candidate, ends_at: float
    ) -> AsyncGenerator[Step | Usage, None]:
        model = candidate.model
        breaker = self._breakers[model.provider]
        if not breaker.may_try(self._clock()):
            raise ProviderFailed(Failure.BREAKER_OPEN)
        yield Started(model)
        usage = Usage.none()
        written = []
        has_called = False
        pieces = self.providers[model.provider].stream(
            prompt, model=model.id, output_tokens_max=candidate.output_tokens_max
        )
        async with aclosing(pieces):
            async for piece in self._in_time(pieces, ends_at):
                if isinstance(piece, Usage):
                    usage = piece
                    yield usage
                elif isinstance(piece, Text):
                    text = storable(piece.text)
                    written.append(text)
                    yield Text(text)
                elif isinstance(piece, ToolCall):
                    has_called = True
                    yield piece
                else:
                    # A model that says nothing and ends well has not answered; nobody is charged for that.
                    if not has_called and not "".join(written).strip():
                        raise ProviderFailed(Failure.EMPTY)
                    breaker.record_success()
                    yield Finished(
                        model=model, reason=piece.reason, usage=_completed(usage, prompt, "".join(written))
                    )
                    return
        raise ProviderFailed(Failure.CUT)

    async def _in_time(self, pieces: AsyncIterator[Piece], ends_at: float) -> AsyncGenerator[Piece, None]:
        # The SDKs' timeouts are per read and a vendor's pings reset them, so each piece gets a deadline here.
        late, due_at = Failure.FIRST_TOKEN_LATE, self._clock() + self.deadlines.first_token
        while True:
            if ends_at < due_at:
                late, due_at = Failure.TOTAL_LATE, ends_at
            try:
                async with asyncio.timeout(max(0.0, due_at - self._clock())):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ProviderFailed(late) from error
            yield piece
            if isinstance(piece, Text | ToolCall):
                late = Failure.STALLED
            if late is Failure.STALLED:
                due_at = self._clock() + self.deadlines.idle

    def _record(self, attempt: Attempt, retry_after_seconds: float | None) -> None:
        log.warning(
            "provider_failed",
            provider=attempt.provider,
            model=attempt.model,
            failure=str(attempt.failure),
            duration_ms=attempt.duration_ms,
            input_tokens=attempt.usage.input_tokens,
            output_tokens=attempt.usage.output_tokens,
        )
        # A request that does not suit a model says nothing about the provider, and neither does our own refusal to ask.
        if attempt.failure not in (Failure.REJECTED, Failure.BREAKER_OPEN, Failure.TOTAL_LATE):
            self._breakers[attempt.provider].record_failure(
                self._clock(), retry_after_seconds=retry_after_seconds
            )


def _completed(usage: Usage, prompt: Prompt, written: str) -> Usage:
    # A provider that ends well without counting is still paid by us; the estimate keeps the bill near the truth.
    if not usage.input_tokens:
        read = "".join((prompt.system, *(turn.text for turn in prompt.turns)))
        usage = replace(usage, input_tokens=tokens_estimated(read))
    if not usage.output_tokens:
        usage = replace(usage, output_tokens=tokens_estimated(written))
    return usage


@asynccontextmanager
async def open_router(
    accesses: Mapping[str, Access], *, deadlines: Deadlines | None = None
) -> AsyncIterator[Router]:
    """Yield a router over the vendors that are configured; their connections close with it."""
    providers = {
        name: make(api_key=access.api_key, base_url=access.base_url)
        for name, make in PROVIDERS.items()
        if (access := accesses.get(name)) is not None and access.is_configured
    }
    try:
        yield Router(providers, deadlines=deadlines)
    finally:
        for provider in providers.values():
            await provider.close()
