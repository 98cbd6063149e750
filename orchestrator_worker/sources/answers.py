"""Answers that hold for the whole market: one process asks, and every process reads until they are no longer fresh."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from orchestrator_worker.sources import store
from orchestrator_worker.sources.vendor import PATIENCE_SECONDS, REQUEST_SECONDS, SourceUnavailable
from zmarty.postgres import Pool

# A claim outlives the slowest request, so that it runs out only when its process has died.
CLAIM_SECONDS = PATIENCE_SECONDS + 2 * REQUEST_SECONDS
WAIT_SECONDS_MAX = 30.0
POLL_SECONDS = 0.25
# Who waited while the vendor failed is told so, instead of trying the same again one after the other.
FAILURE_SECONDS = 5.0

Fetch: TypeAlias = Callable[[], Awaitable[str]]


class Answers(Protocol):
    """Where the body of a market-wide answer comes from."""

    async def body(self, vendor: str, question: str, fetch: Fetch, *, fresh_seconds: float) -> str:
        """The newest body, at most `fresh_seconds` old; `fetch` brings a checked one. Raises SourceUnavailable."""
        ...


class SharedAnswers:
    """The bodies in `vendor_answers`. `question` is a constant of the code: each one is a row for ever."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failures: dict[tuple[str, str], tuple[float, SourceUnavailable]] = {}

    async def body(self, vendor: str, question: str, fetch: Fetch, *, fresh_seconds: float) -> str:
        # Within this process one looks for all; the claim in the database holds between processes.
        async with self._turns[vendor, question]:
            ends = time.monotonic() + WAIT_SECONDS_MAX
            while True:
                if (body := await store.fresh_answer(self._pool, vendor, question)) is not None:
                    return body
                self._refuse_after_failure(vendor, question)
                if (
                    body := await self._ask(vendor, question, fetch, fresh_seconds=fresh_seconds)
                ) is not None:
                    return body
                if time.monotonic() >= ends:
                    raise self._failed(
                        vendor,
                        question,
                        SourceUnavailable(vendor, f"another process is still asking {question}"),
                    )
                await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, vendor: str, question: str, fetch: Fetch, *, fresh_seconds: float) -> str | None:
        """Ask, unless another process is asking; then None."""
        claimed_until = await store.claim_question(self._pool, vendor, question, seconds=CLAIM_SECONDS)
        if claimed_until is None:
            return None
        try:
            body = await fetch()
            await store.save_answer(self._pool, vendor, question, body, fresh_seconds=fresh_seconds)
        except SourceUnavailable as error:
            raise self._failed(vendor, question, error) from error.__cause__
        finally:
            # Also when the job is cut off by a drain; after a saved answer there is nothing left to release.
            await store.release_question(self._pool, vendor, question, claimed_until)
        return body

    def _failed(self, vendor: str, question: str, error: SourceUnavailable) -> SourceUnavailable:
        self._failures[vendor, question] = (time.monotonic(), error)
        return error

    def _refuse_after_failure(self, vendor: str, question: str) -> None:
        failed = self._failures.get((vendor, question))
        if failed is None or time.monotonic() - failed[0] > FAILURE_SECONDS:
            return
        error = failed[1]
        raise type(error)(
            vendor,
            error.reason,
            answered=error.answered,
            retry_after_seconds=error.retry_after_seconds,
        )
