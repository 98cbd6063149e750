"""Tries models in order until one gives a complete answer, under deadlines of our own; the only caller of providers."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, TypeAlias

import structlog

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.breaker import Breaker
from orchestrator_api.model_router.catalog import CATALOG, Candidate, Catalog, Model
from orchestrator_api.model_router.fitting import exchange_tokens, without_oldest, without_tools
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
from orchestrator_api.model_router.tokens import BYTES_PER_TOKEN_MOST, tokens_estimated
from orchestrator_api.providers import Access
from zmarty.backoff import full_jitter
from zmarty.errors import ZmartyError

log = structlog.get_logger(__name__)

PROVIDERS: Mapping[str, Callable[..., Provider]] = {
    "xai": XaiProvider,
    "openai": OpenAIProvider,
    "anthropic": AnthropicProvider,
}

# What may pass within moments: 408, 409, 429, 5xx, and connections that break before the model speaks. Each candidate gets
# one more chance, as long as the pauses of all of them together stay within the budget.
RETRYABLE = frozenset({Failure.RATE_LIMITED, Failure.UNAVAILABLE, Failure.UNREACHABLE})
RETRY_SECONDS_MAX = 3.0
RETRY_PAUSE_SECONDS = 0.25
# A vendor that asks for a longer pause is left alone for that long, and the next candidate answers.
RETRY_AFTER_SECONDS_WAITED = 2.0
# These say nothing about whether the model is well.
BLAMELESS = frozenset(
    {
        Failure.REJECTED,
        Failure.TOO_LONG,
        Failure.BREAKER_OPEN,
        Failure.TOTAL_LATE,
        Failure.OVERTAKEN,
    }
)
# By how much a vendor's own figure may differ from our prices before somebody should look.
COST_DIFFERENCE_MAX = 0.2


class ProvidersUnavailable(ZmartyError):
    """No candidate gave a complete answer; `attempts` says what happened to each."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "providers_unavailable"

    def __init__(self, attempts: Sequence["Attempt"] = ()) -> None:
        super().__init__("No model can be reached now.", attempts=[attempt.failure for attempt in attempts])
        self.attempts = tuple(attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds from the request to the first text, between pieces, for one attempt, and for all of them together."""

    first_token: float = 12.0
    idle: float = 10.0
    attempt: float = 120.0
    total: float = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one provider did that failed or came too late. Recorded, never charged."""

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


@dataclass(slots=True)
class _Run:
    """One attempt: what is asked of whom, after which pause, and how far it has come."""

    candidate: Candidate
    pause_seconds: float = 0.0
    is_repeated: bool = False
    started_at: float = 0.0
    spent: Usage = field(default_factory=Usage)
    has_spoken: bool = False
    early: list[Step] = field(default_factory=list)
    steps: AsyncGenerator[Step | Usage, None] | None = None

    async def begin(self) -> None:
        """Read until the model speaks."""
        while (step := await self.next()) is not None:
            self.early.append(step)
            if self.has_spoken:
                return

    async def next(self) -> Step | None:
        assert self.steps is not None
        async for step in self.steps:
            if isinstance(step, Usage):
                self.spent = step
                continue
            self.has_spoken = self.has_spoken or not isinstance(step, Started)
            return step
        return None

    async def close(self) -> None:
        if self.steps is not None:
            await self.steps.aclose()


class Router:
    """Knows the models, the configured providers, and how each model has been doing."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        catalog: Catalog = CATALOG,
        deadlines: Deadlines | None = None,
        hedge_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.providers = providers
        self.catalog = catalog
        self.deadlines = deadlines or Deadlines()
        self._hedge_seconds = hedge_seconds
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._clock = clock

    def is_configured(self, provider: str) -> bool:
        return provider in self.providers

    def breaker(self, model: Model) -> Breaker:
        # Per model: one that is overloaded says little about its sisters.
        return self._breakers.setdefault((model.provider, model.id), Breaker())

    def states(self) -> dict[str, str]:
        """Each configured provider's worst breaker: open, half_open or closed."""
        worst = ("open", "half_open", "closed")
        states = self.model_states()
        return {
            name: min(states.get(name, {}).values(), key=worst.index, default="closed")
            for name in self.providers
        }

    def model_states(self) -> dict[str, dict[str, str]]:
        """The breaker of each configured model, by provider and id."""
        states: dict[str, dict[str, str]] = {name: {} for name in self.providers}
        for model in self.catalog.models:
            if model.provider in states:
                states[model.provider][model.id] = self.breaker(model).state(self._clock())
        return states

    async def stream(self, prompt: Prompt, candidates: Sequence[Candidate]) -> AsyncGenerator[Step, None]:
        """Yield the steps of one answer; the last is Finished.

        Raises ProvidersUnavailable when no candidate completes it and ContentRefused when one may not answer.
        """
        ends_at = self._clock() + self.deadlines.total
        waiting = deque(_Run(candidate) for candidate in candidates)
        attempts: list[Attempt] = []
        patience = RETRY_SECONDS_MAX
        while waiting and self._clock() < ends_at:
            run, failed = await self._begin(prompt, waiting, ends_at)
            try:
                for lost, reason in failed:
                    attempts.append(self._failed(lost, reason))
                    yield FellBack(attempts[-1])
                if run is not None:
                    for step in run.early:
                        yield step
                    while (following := await run.next()) is not None:
                        yield following
                    return
            except ProviderFailed as error:
                assert run is not None
                failed = [*failed, (run, error)]
                attempts.append(self._failed(run, error))
                yield FellBack(attempts[-1])
            finally:
                if run is not None:
                    await run.close()
            if any(reason.failure is Failure.TOO_LONG for _, reason in failed):
                waiting = deque(sorted(waiting, key=lambda run: -run.candidate.model.context_tokens))
            # Before the others, however large: who was asked gets its second chance first.
            for lost, reason in reversed(failed):
                if (again := self._repetition(lost, reason, prompt, patience)) is not None:
                    patience -= again.pause_seconds
                    waiting.appendleft(again)
        raise ProvidersUnavailable(attempts)

    async def _begin(
        self, prompt: Prompt, waiting: deque[_Run], ends_at: float
    ) -> tuple[_Run | None, list[tuple[_Run, ProviderFailed]]]:
        """Ask the first in line, and the second as well when hedging and the first is slow: who speaks first, and who failed."""
        failed: list[tuple[_Run, ProviderFailed]] = []
        running: dict[asyncio.Task[None], _Run] = {}
        hedge_seconds = self._hedge_seconds

        def ask_next() -> None:
            run = waiting.popleft()
            run.started_at = self._clock()
            run.steps = self._attempt(prompt, run, ends_at)
            running[asyncio.create_task(run.begin())] = run

        ask_next()
        try:
            while running:
                timeout = hedge_seconds if waiting else None
                done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    hedge_seconds = None
                    ask_next()
                for task in done:
                    run = running.pop(task)
                    try:
                        task.result()
                    except ProviderFailed as error:
                        failed.append((run, error))
                    else:
                        slower = ((loser, ProviderFailed(Failure.OVERTAKEN)) for loser in running.values())
                        return run, [*failed, *slower]
            return None, failed
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for run in running.values():
                await run.close()

    async def _attempt(self, prompt: Prompt, run: _Run, ends_at: float) -> AsyncGenerator[Step | Usage, None]:
        candidate, model = run.candidate, run.candidate.model
        await asyncio.sleep(run.pause_seconds)
        breaker = self.breaker(model)
        if not breaker.may_try(self._clock()):
            raise ProviderFailed(Failure.BREAKER_OPEN)
        yield Started(model)
        usage = Usage.none()
        written: list[str] = []
        size, size_max = 0, candidate.output_tokens_max * BYTES_PER_TOKEN_MOST
        has_called = False
        fitting = fitted(prompt, candidate)
        pieces = self.providers[model.provider].stream(
            fitting, model=model.id, output_tokens_max=candidate.output_tokens_max
        )
        async with aclosing(pieces):
            async for piece in self._in_time(pieces, ends_at):
                if isinstance(piece, Usage):
                    usage = piece
                    yield usage
                elif isinstance(piece, Text):
                    text = storable(piece.text)
                    written.append(text)
                    size += len(text.encode())
                    yield Text(text)
                elif isinstance(piece, ToolCall):
                    has_called = True
                    call = _storable_call(piece)
                    size += len(call.arguments)
                    yield call
                else:
                    # A model that says nothing and ends well has not answered; nobody is charged for that.
                    if not has_called and not "".join(written).strip():
                        raise ProviderFailed(Failure.EMPTY)
                    breaker.record_success()
                    usage = _completed(usage, fitting, "".join(written))
                    _compare_cost(model, usage)
                    yield Finished(model=model, reason=piece.reason, usage=usage)
                    return
                if size > size_max:
                    raise ProviderFailed(Failure.ENDLESS)
        raise ProviderFailed(Failure.CUT)

    async def _in_time(self, pieces: AsyncIterator[Piece], ends_at: float) -> AsyncGenerator[Piece, None]:
        # The SDKs' timeouts are per read and a vendor's pings reset them, so each piece gets a deadline here.
        now = self._clock()
        late, due_at = Failure.FIRST_TOKEN_LATE, now + self.deadlines.first_token
        limit_at, limit = min((ends_at, Failure.TOTAL_LATE), (now + self.deadlines.attempt, Failure.ENDLESS))
        while True:
            if limit_at < due_at:
                late, due_at = limit, limit_at
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

    def _failed(self, run: _Run, error: ProviderFailed) -> Attempt:
        model = run.candidate.model
        attempt = Attempt(
            provider=model.provider,
            model=model.id,
            failure=error.failure,
            duration_ms=int((self._clock() - run.started_at) * 1000),
            usage=run.spent,
        )
        log.warning(
            "provider_failed",
            provider=attempt.provider,
            model=attempt.model,
            failure=str(attempt.failure),
            duration_ms=attempt.duration_ms,
            input_tokens=attempt.usage.input_tokens,
            output_tokens=attempt.usage.output_tokens,
        )
        if attempt.failure not in BLAMELESS:
            self.breaker(model).record_failure(self._clock(), retry_after_seconds=error.retry_after_seconds)
        return attempt

    def _repetition(self, run: _Run, error: ProviderFailed, prompt: Prompt, patience: float) -> _Run | None:
        """The same model once more, when that may help: after a pause, or with half of the history."""
        if run.is_repeated or run.has_spoken:
            return None
        candidate = run.candidate
        if error.failure is Failure.TOO_LONG:
            left = len(exchange_tokens(prompt)) - candidate.exchanges_dropped
            dropped = candidate.exchanges_dropped + (left + 1) // 2
            return _Run(replace(candidate, exchanges_dropped=dropped), is_repeated=True) if left > 0 else None
        if error.failure not in RETRYABLE:
            return None
        pause = error.retry_after_seconds
        if pause is None:
            pause = full_jitter(
                1, base_seconds=RETRY_PAUSE_SECONDS, cap_seconds=RETRY_PAUSE_SECONDS, random=random.random
            )
        is_welcome = self.breaker(candidate.model).state(self._clock() + pause) == "closed"
        if pause > min(patience, RETRY_AFTER_SECONDS_WAITED) or not is_welcome:
            return None
        return _Run(candidate, pause_seconds=pause, is_repeated=True)


def fitted(prompt: Prompt, candidate: Candidate) -> Prompt:
    """The prompt as this candidate gets it."""
    shortened = without_oldest(prompt, candidate.exchanges_dropped)
    return shortened if candidate.model.supports_tools else without_tools(shortened)


def _storable_call(call: ToolCall) -> ToolCall:
    return ToolCall(id=storable(call.id), name=storable(call.name), arguments=storable(call.arguments))


def _completed(usage: Usage, prompt: Prompt, written: str) -> Usage:
    # A provider that ends well without counting is still paid by us; the estimate keeps the bill near the truth.
    if not usage.input_tokens:
        read = "".join((prompt.system, *(turn.text for turn in prompt.turns)))
        usage = replace(usage, input_tokens=tokens_estimated(read))
    if not usage.output_tokens:
        usage = replace(usage, output_tokens=tokens_estimated(written))
    return usage


def _compare_cost(model: Model, usage: Usage) -> None:
    if model.price is None or usage.vendor_dollars is None:
        return
    estimated = model.price.dollars(usage)
    if abs(estimated - usage.vendor_dollars) > COST_DIFFERENCE_MAX * max(estimated, usage.vendor_dollars):
        log.warning(
            "cost_disagrees",
            provider=model.provider,
            model=model.id,
            estimated_dollars=round(estimated, 6),
            vendor_dollars=round(usage.vendor_dollars, 6),
        )


@asynccontextmanager
async def open_router(
    accesses: Mapping[str, Access],
    *,
    catalog: Catalog = CATALOG,
    deadlines: Deadlines | None = None,
    hedge_seconds: float | None = None,
) -> AsyncIterator[Router]:
    """Yield a router over the vendors and endpoints that are configured; their connections close with it."""
    providers: dict[str, Provider] = {}
    for name in (*PROVIDERS, *catalog.endpoints):
        access = accesses.get(name)
        if access is not None and access.is_configured:
            make = PROVIDERS.get(name) or partial(OpenAIProvider, name=name)
            providers[name] = make(api_key=access.api_key, base_url=access.base_url)
    try:
        yield Router(providers, catalog=catalog, deadlines=deadlines, hedge_seconds=hedge_seconds)
    finally:
        for provider in providers.values():
            await provider.close()
