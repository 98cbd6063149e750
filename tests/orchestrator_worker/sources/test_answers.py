"""Market-wide answers in Postgres: asked once, shared while fresh, and a failure is told to who waited for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from orchestrator_worker.sources import answers as answers_module
from orchestrator_worker.sources import store
from orchestrator_worker.sources.answers import SharedAnswers
from orchestrator_worker.sources.vendor import SourceLimited, SourceUnavailable
from zmarty.postgres import Pool

QUESTION = ("acme", "/everything/")


class Asked:
    """A vendor that counts; its answer comes when `open` is set."""

    def __init__(self, *, failure: SourceUnavailable | None = None) -> None:
        self.times = 0
        self.failure = failure
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> str:
        self.times += 1
        number = self.times
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return f"answer {number}"


def reader(pool: Pool) -> Callable[[Asked], Coroutine[Any, Any, str]]:
    shared = SharedAnswers(pool)
    return lambda fetch: shared.body(*QUESTION, fetch, fresh_seconds=60)


async def test_processes_that_ask_at_once_get_one_answer(trading_worker: Pool) -> None:
    fetch = Asked()
    fetch.open.clear()
    one, other = reader(trading_worker), reader(trading_worker)
    asking = [asyncio.create_task(read(fetch)) for read in (one, one, other, other)]
    while fetch.times == 0:
        await asyncio.sleep(0.005)

    fetch.open.set()

    assert await asyncio.gather(*asking) == ["answer 1"] * 4
    assert fetch.times == 1


async def test_a_stale_answer_is_asked_for_again(trading_worker: Pool) -> None:
    fetch, read = Asked(), reader(trading_worker)
    assert await read(fetch) == await read(fetch) == "answer 1"

    await trading_worker.execute("update vendor_answers set fresh_until = now()")

    assert await read(fetch) == "answer 2"


async def test_a_failure_is_told_to_those_who_waited(trading_worker: Pool) -> None:
    fetch = Asked(failure=SourceLimited("acme", "too often", answered=429, retry_after_seconds=9))
    read = reader(trading_worker)

    told = await asyncio.gather(*(read(fetch) for _ in range(3)), return_exceptions=True)

    assert fetch.times == 1
    assert [type(error) for error in told] == [SourceLimited] * 3
    assert {getattr(error, "retry_after_seconds", None) for error in told} == {9}


async def test_a_failure_is_nobodys_answer(trading_worker: Pool) -> None:
    with pytest.raises(SourceUnavailable):
        await reader(trading_worker)(Asked(failure=SourceUnavailable("acme", "down")))

    assert await reader(trading_worker)(Asked()) == "answer 1", "the question is free for the next process"


async def test_a_question_that_is_cut_off_is_free_again(trading_worker: Pool) -> None:
    cut = Asked()
    cut.open.clear()
    asking = asyncio.create_task(reader(trading_worker)(cut))
    while cut.times == 0:
        await asyncio.sleep(0.005)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await reader(trading_worker)(Asked()) == "answer 1"


async def test_a_process_that_died_while_asking_holds_nobody_for_ever(
    trading_worker: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers_module, "WAIT_SECONDS_MAX", 1.0)
    monkeypatch.setattr(answers_module, "POLL_SECONDS", 0.05)
    assert await store.claim_question(trading_worker, *QUESTION, seconds=60) is not None

    read = reader(trading_worker)
    started = time.monotonic()

    told = await asyncio.gather(*(read(Asked()) for _ in range(3)), return_exceptions=True)

    assert ["still asking" in str(error) for error in told] == [True] * 3
    assert time.monotonic() - started < 2.5, "one of them waited for all"

    await trading_worker.execute("update vendor_answers set claimed_until = now()")
    assert await reader(trading_worker)(Asked()) == "answer 1"


async def test_a_late_release_leaves_anothers_claim_alone(trading_worker: Pool) -> None:
    ours = await store.claim_question(trading_worker, *QUESTION, seconds=0)
    assert ours is not None
    assert await store.claim_question(trading_worker, *QUESTION, seconds=60) is not None

    await store.release_question(trading_worker, *QUESTION, ours)

    assert await store.claim_question(trading_worker, *QUESTION, seconds=60) is None
