"""The router over the real SDKs against a real server: answers, failures and what the client is told of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.catalog import CATALOG, Candidate
from orchestrator_api.model_router.provider import (
    ContentRefused,
    EndReason,
    Failure,
    Prompt,
    Text,
    Turn,
)
from orchestrator_api.model_router.router import (
    Deadlines,
    FellBack,
    Finished,
    ProvidersUnavailable,
    Router,
    Started,
    Step,
    open_router,
)
from orchestrator_api.providers import Access
from tests.orchestrator_api.model_router.wire_server import (
    Hang,
    Refuse,
    Reset,
    Stream,
    WireServer,
    chat_completion,
    chunk,
    data,
    event,
    message,
    message_frames,
    wire_server,
)

PROMPT = Prompt(system="You know nothing.", turns=(Turn("user", "What about BTC?"),), conversation_id="c-1")
QUICK = Deadlines(first_token=1.5, idle=0.8, total=10.0)
HEALTHY = {"openai": [chat_completion("from ", "GPT")], "anthropic": [message("from ", "Claude")]}


@asynccontextmanager
async def routing(deadlines: Deadlines = QUICK, **replies: Any) -> AsyncIterator[tuple[Router, WireServer]]:
    async with wire_server(**{**HEALTHY, **replies}) as server:
        accesses = {
            "xai": Access(f"{server.url}/xai/v1", "key"),
            "openai": Access(f"{server.url}/openai/v1", "key"),
            "anthropic": Access(f"{server.url}/anthropic", "key"),
        }
        async with open_router(accesses, deadlines=deadlines) as router:
            yield router, server


async def steps_of(router: Router, choice: str = "grok") -> list[Step]:
    offered = [Candidate(model, 400) for model in CATALOG.candidates(choice)]
    return [step async for step in router.stream(PROMPT, offered)]


def text_after_last_start(steps: Sequence[Step]) -> str:
    start = max(place for place, step in enumerate(steps) if isinstance(step, Started))
    return "".join(step.text for step in steps[start:] if isinstance(step, Text))


def failures(steps: Sequence[Step]) -> list[Failure]:
    return [step.attempt.failure for step in steps if isinstance(step, FellBack)]


async def test_grok_answers_first_with_its_own_usage() -> None:
    async with routing(xai=[chat_completion("long ", "0.42", prompt=500, completion=600, total=1500)]) as (
        router,
        server,
    ):
        steps = await steps_of(router)

    # xAI's completion_tokens left 400 reasoning tokens out; the total has them.
    assert isinstance(steps[-1], Finished)
    assert steps[-1].usage == Usage(input_tokens=500, output_tokens=1000)
    assert text_after_last_start(steps) == "long 0.42"
    [call] = server.calls
    assert call.headers["x-grok-conv-id"] == "c-1"
    assert call.headers["authorization"] == "Bearer key"
    assert call.body["model"] == "grok-4.7"
    assert call.body["stream_options"] == {"include_usage": True}
    assert call.body["messages"] == [
        {"role": "system", "content": "You know nothing."},
        {"role": "user", "content": "What about BTC?"},
    ]


async def test_claude_counts_what_it_read_from_its_cache() -> None:
    async with routing(anthropic=[message("yes", read=2000, cached=1500, written=3000)]) as (router, server):
        steps = await steps_of(router, "claude")

    assert isinstance(steps[-1], Finished)
    assert steps[-1].usage == Usage(input_tokens=2000, output_tokens=3000, cached_tokens=1500)
    [call] = server.calls
    assert call.path == "/anthropic/v1/messages"
    assert call.body["system"] == "You know nothing."
    assert call.body["max_tokens"] == 400
    assert not {"temperature", "top_p", "top_k"} & call.body.keys()


# Those that may pass within moments get a second chance.
TWICE = (Failure.UNAVAILABLE, Failure.UNREACHABLE)
FAULTS = [
    (Refuse(429, headers={"retry-after": "7"}), Failure.RATE_LIMITED),
    (Refuse(500), Failure.UNAVAILABLE),
    (Refuse(503), Failure.UNAVAILABLE),
    (Refuse(401), Failure.UNAUTHORISED),
    (Refuse(400, {"message": "too long", "code": "context_length_exceeded"}), Failure.TOO_LONG),
    (Refuse(422), Failure.REJECTED),
    (Reset(), Failure.UNREACHABLE),
    (Hang(), Failure.FIRST_TOKEN_LATE),
    (Stream((), "hang"), Failure.FIRST_TOKEN_LATE),
    (Stream((chunk("half "),), "hang"), Failure.STALLED),
    (Stream((chunk("half "),), "close"), Failure.CUT),
    (Stream((chunk("half "),), "reset"), Failure.CUT),
    (Stream((chunk("half "), "data: {not json\n\n")), Failure.MALFORMED),
    (Stream((chunk("half "), data({"choices": "odd"}))), Failure.MALFORMED),
    (Stream((chunk("half "), data([1, 2]))), Failure.MALFORMED),
    (Stream((chunk("half "), data({"error": {"message": "overloaded"}}))), Failure.CUT),
    (Stream((chunk("half "), "data: [DONE]\n\n")), Failure.CUT),
    (chat_completion(), Failure.EMPTY),
]


@pytest.mark.parametrize(("fault", "failure"), FAULTS)
async def test_a_failing_grok_is_followed_by_gpt(fault: Any, failure: Failure) -> None:
    async with routing(xai=[fault]) as (router, server):
        steps = await steps_of(router)

    has_spoken = any(isinstance(step, Text) and step.text == "half " for step in steps)
    tries = 2 if failure in TWICE and not has_spoken else 1
    assert failures(steps) == [failure] * tries
    assert text_after_last_start(steps) == "from GPT"
    assert isinstance(steps[-1], Finished)
    assert steps[-1].model.provider == "openai"
    assert len(server.calls_to("xai")) == tries


CLAUDE_FAULTS = [
    (Refuse(529, {"type": "overloaded_error", "message": "busy"}), Failure.UNAVAILABLE),
    (Stream(message_frames("half ", stop=None)), Failure.CUT),
    (Stream(message_frames("half ", stop=None)[:4], "close"), Failure.CUT),
    (Stream(message_frames("half ", stop=None)[:4], "reset"), Failure.CUT),
    (Stream(message_frames("half ", stop=None)[:4], "hang"), Failure.STALLED),
    (
        Stream(
            (
                *message_frames("half ", stop=None)[:4],
                event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
            )
        ),
        Failure.UNAVAILABLE,
    ),
    (Stream(("event: message_start\ndata: {broken\n\n",)), Failure.MALFORMED),
]


@pytest.mark.parametrize(("fault", "failure"), CLAUDE_FAULTS)
async def test_a_failing_claude_is_followed_by_grok(fault: Any, failure: Failure) -> None:
    async with routing(xai=[chat_completion("from Grok")], anthropic=[fault]) as (router, _):
        steps = await steps_of(router, "claude")

    assert set(failures(steps)) == {failure}
    assert text_after_last_start(steps) == "from Grok"


async def test_a_slow_drip_meets_the_total_deadline() -> None:
    deadlines = Deadlines(first_token=5.0, idle=5.0, total=0.3)
    async with routing(deadlines, xai=[Stream((chunk("half "),), "hang")]) as (router, _):
        with pytest.raises(ProvidersUnavailable) as caught:
            await steps_of(router)

    assert caught.value.attempts[0].failure is Failure.TOTAL_LATE


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(400, {"message": "no", "code": "content_policy_violation"}),
        Stream((chunk("I "), chunk(finish="content_filter"))),
    ],
)
async def test_a_content_refusal_asks_nobody_else(refusal: Any) -> None:
    async with routing(xai=[refusal]) as (router, server):
        with pytest.raises(ContentRefused):
            await steps_of(router)

    assert not server.calls_to("openai")


async def test_a_refusal_by_claude_asks_nobody_else() -> None:
    async with routing(xai=[chat_completion("x")], anthropic=[message("no", stop="refusal")]) as (
        router,
        server,
    ):
        with pytest.raises(ContentRefused):
            await steps_of(router, "claude")

    assert not server.calls_to("xai")


async def test_all_failing_says_what_each_did() -> None:
    async with routing(xai=[Refuse(503)], openai=[Reset()], anthropic=[Refuse(429)]) as (router, _):
        with pytest.raises(ProvidersUnavailable) as caught:
            await steps_of(router)

    assert [attempt.failure for attempt in caught.value.attempts] == [
        *[Failure.UNAVAILABLE] * 2,
        *[Failure.UNREACHABLE] * 2,
        *[Failure.RATE_LIMITED] * 2,
    ]


async def test_retry_after_keeps_the_provider_out() -> None:
    async with routing(xai=[Refuse(429, headers={"retry-after": "20"})]) as (router, server):
        await steps_of(router)
        steps = await steps_of(router)

    assert failures(steps) == [Failure.BREAKER_OPEN]
    assert len(server.calls_to("xai")) == 1
    assert text_after_last_start(steps) == "from GPT"


async def test_three_failures_open_the_breaker() -> None:
    async with routing(xai=[Refuse(503)]) as (router, server):
        for _ in range(5):
            await steps_of(router)

        assert len(server.calls_to("xai")) == 3
        assert router.states()["xai"] == "open"


async def test_missing_usage_is_estimated() -> None:
    async with routing(xai=[Stream((chunk("x" * 400), chunk(finish="length"), "data: [DONE]\n\n"))]) as (
        router,
        _,
    ):
        steps = await steps_of(router)

    assert isinstance(steps[-1], Finished)
    assert steps[-1].reason is EndReason.LENGTH
    assert steps[-1].usage.output_tokens == 100
    assert steps[-1].usage.input_tokens == 8


async def test_an_unconfigured_provider_does_not_exist() -> None:
    async with open_router({"xai": Access("http://127.0.0.1:9/v1", None)}) as router:
        assert not router.is_configured("xai")
        assert router.states() == {}
