"""Beyond the sixteen faults: answers without end, slow first tokens, histories that are too long, and what it all costs."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.catalog import CATALOG, Candidate, Models, Price, catalog_from
from orchestrator_api.model_router.fitting import exchange_tokens, without_oldest
from orchestrator_api.model_router.provider import Failure, Prompt, ToolResult, Turn
from orchestrator_api.model_router.router import Deadlines, FellBack, Finished, Router, Step, open_router
from orchestrator_api.model_router.tokens import BYTES_PER_TOKEN_MOST
from orchestrator_api.providers import Access
from tests.orchestrator_api.model_router.test_router import PROMPT, failures, routing, text_after_last_start
from tests.orchestrator_api.model_router.wire_server import (
    Hang,
    Refuse,
    Stream,
    chat_completion,
    chunk,
    message,
    message_frames,
)

PATIENT = Deadlines(first_token=5.0, idle=5.0, attempt=5.0, total=10.0)


async def steps_of(
    router: Router, prompt: Prompt = PROMPT, choice: str = "grok", output_tokens_max: int = 400
) -> list[Step]:
    offered = [Candidate(model, output_tokens_max) for model in CATALOG.candidates(choice)]
    return [step async for step in router.stream(prompt, offered)]


def finished(steps: list[Step]) -> Finished:
    assert isinstance(steps[-1], Finished)
    return steps[-1]


async def test_an_answer_that_writes_more_than_it_may_is_cut_off() -> None:
    endless = Stream(tuple(chunk("x" * 50 * BYTES_PER_TOKEN_MOST) for _ in range(5)), "hang")
    async with routing(PATIENT, xai=[endless]) as (router, _):
        steps = await steps_of(router, output_tokens_max=200)

    assert failures(steps) == [Failure.ENDLESS]
    assert text_after_last_start(steps) == "from GPT"


async def test_an_attempt_that_takes_too_long_leaves_time_for_the_next() -> None:
    # Something always comes in time, and it never ends.
    deadlines = Deadlines(first_token=5.0, idle=5.0, attempt=0.9, total=10.0)
    async with routing(deadlines, xai=[Stream((chunk("half "),), "hang")]) as (router, _):
        steps = await steps_of(router)

    assert failures(steps) == [Failure.ENDLESS]
    assert text_after_last_start(steps) == "from GPT"


async def hedged(
    deadlines: Deadlines = PATIENT, hedge_seconds: float = 0.05, **replies: Any
) -> tuple[list[Step], int]:
    async with routing(**replies) as (opened, server):
        router = Router(opened.providers, deadlines=deadlines, hedge_seconds=hedge_seconds)
        return await steps_of(router), len(server.calls)


async def test_a_slow_first_token_is_overtaken_and_not_paid() -> None:
    # Claude counts its input before it speaks.
    slow = Stream(message_frames("half ", read=70, stop=None)[:3], "hang")
    async with routing(
        PATIENT, xai=[chat_completion("from Grok", prompt=5, completion=6)], anthropic=[slow]
    ) as (
        opened,
        _,
    ):
        router = Router(opened.providers, deadlines=PATIENT, hedge_seconds=0.6)
        steps = await steps_of(router, choice="claude")

    [lost] = [step.attempt for step in steps if isinstance(step, FellBack)]
    assert (lost.provider, lost.failure) == ("anthropic", Failure.OVERTAKEN)
    assert lost.usage == Usage(input_tokens=70, output_tokens=1)
    assert text_after_last_start(steps) == "from Grok"
    assert finished(steps).usage == Usage(input_tokens=5, output_tokens=6)


async def test_a_hedge_that_fails_leaves_the_first_its_time() -> None:
    impatient = Deadlines(first_token=0.9, idle=5.0)
    steps, calls = await hedged(impatient, xai=[Hang()], openai=[Refuse(400)])

    # The third in line is asked in its turn, when both have failed or been late.
    assert set(failures(steps)) == {Failure.FIRST_TOKEN_LATE, Failure.REJECTED}
    assert text_after_last_start(steps) == "from Claude"
    assert calls == 3


async def test_a_prompt_first_answer_needs_no_hedge() -> None:
    steps, calls = await hedged(hedge_seconds=5.0, xai=[chat_completion("from Grok")])

    assert (failures(steps), calls) == ([], 1)


async def test_history_that_does_not_fit_is_left_out_for_that_candidate() -> None:
    turns = (
        Turn("user", "one"),
        Turn("assistant", "1"),
        Turn("user", "two"),
        Turn("assistant", "2"),
        Turn("user", "three"),
    )
    prompt = Prompt(system="s", turns=turns, conversation_id="c")
    async with routing(xai=[chat_completion("x")]) as (router, server):
        model = CATALOG.models[0]
        [_ async for _ in router.stream(prompt, [Candidate(model, 400, exchanges_dropped=1)])]

    assert [said["content"] for said in server.calls[0].body["messages"]] == ["s", "two", "2", "three"]


def test_the_question_and_what_was_found_for_it_always_stay() -> None:
    turns = (
        Turn("user", "x" * 400),
        Turn("assistant", "y" * 40),
        Turn("user", "Now?"),
        Turn("assistant", "", calls=()),
        Turn("user", "", results=(ToolResult("call", "found"),)),
    )
    prompt = Prompt(system="s", turns=turns, conversation_id="c")

    assert exchange_tokens(prompt) == (220,)
    assert without_oldest(prompt, 1).turns == turns[2:]
    assert without_oldest(prompt, 9).turns == turns[2:]
    assert without_oldest(prompt, 0) is prompt


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(400, {"message": "x", "code": "context_length_exceeded"}),
        Refuse(
            400,
            {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
        ),
        Refuse(413, {"message": "This model's maximum context length is 131072 tokens."}),
    ],
)
async def test_any_words_for_too_long_are_understood(refusal: Refuse) -> None:
    async with routing(xai=[chat_completion("from Grok")], anthropic=[refusal]) as (router, _):
        steps = await steps_of(router, choice="claude")

    assert failures(steps) == [Failure.TOO_LONG]


async def test_a_small_model_is_asked_with_less_before_the_larger_ones() -> None:
    turns = (Turn("user", "one"), Turn("assistant", "1"), Turn("user", "two"))
    prompt = Prompt(system="s", turns=turns, conversation_id="c")
    too_long = Refuse(400, {"message": "too long", "code": "context_length_exceeded"})
    small, large, largest = (
        CATALOG.candidates(family)[0].model_copy(update={"context_tokens": tokens})
        for family, tokens in (("grok", 8_000), ("gpt", 128_000), ("claude", 200_000))
    )
    candidates = [Candidate(model, 400) for model in (small, large, largest)]
    async with routing(PATIENT, xai=[too_long], anthropic=[message("from Claude")]) as (router, server):
        steps = [step async for step in router.stream(prompt, candidates)]
        asked = [(call.path.split("/")[1], len(call.body["messages"])) for call in server.calls]

    assert failures(steps) == [Failure.TOO_LONG] * 2
    assert text_after_last_start(steps) == "from Claude"
    assert [vendor for vendor, _ in asked] == ["xai", "xai", "anthropic"]
    assert [length for _, length in asked[:2]] == [4, 2]


async def test_usage_says_what_was_cached_thought_and_billed_by_the_vendor() -> None:
    usage: Any = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 600},
        "completion_tokens_details": {"reasoning_tokens": 400},
        "cost_in_usd_ticks": 50_000_000,
    }
    reply = Stream((chunk("yes"), chunk(finish="stop"), chunk(usage=usage), "data: [DONE]\n\n"))
    async with routing(xai=[reply]) as (router, _):
        steps = await steps_of(router)

    assert finished(steps).usage == Usage(
        input_tokens=1000, output_tokens=500, cached_tokens=600, reasoning_tokens=400, vendor_dollars=0.005
    )


@pytest.mark.parametrize(
    ("price", "disagrees"), [(Price(input=2, output=6), False), (Price(input=3, output=15), True)]
)
async def test_a_vendor_that_bills_something_else_is_noticed(price: Price, disagrees: bool) -> None:
    usage: Any = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "total_tokens": 1500,
        "cost_in_usd_ticks": 50_000_000,
    }
    reply = Stream((chunk("yes"), chunk(finish="stop"), chunk(usage=usage), "data: [DONE]\n\n"))
    model = CATALOG.models[0].model_copy(update={"price": price})
    async with routing(xai=[reply]) as (router, _):
        with capture_logs() as logs:
            [_ async for _ in router.stream(PROMPT, [Candidate(model, 400)])]

    assert ("cost_disagrees" in [line["event"] for line in logs]) is disagrees


async def test_claudes_thinking_is_part_of_its_output() -> None:
    frames = list(message("yes", read=10, written=50).frames)
    frames[-2] = frames[-2].replace(
        '"output_tokens": 50', '"output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20}'
    )
    async with routing(xai=[chat_completion("x")], anthropic=[Stream(tuple(frames))]) as (router, _):
        steps = await steps_of(router, choice="claude")

    assert finished(steps).usage == Usage(input_tokens=10, output_tokens=50, reasoning_tokens=20)


async def test_one_models_breaker_leaves_its_sisters_alone() -> None:
    async with routing(openai=[Refuse(401)]) as (router, _):
        for _ in range(3):
            await steps_of(router, choice="gpt-6-luna")

        assert router.model_states()["openai"] == {
            "gpt-6.1-sol": "closed",
            "gpt-6.1-terra": "closed",
            "gpt-6-luna": "open",
        }
        assert router.states() == {"xai": "closed", "openai": "open", "anthropic": "closed"}


async def test_an_endpoint_of_the_operators_speaks_openais_wire() -> None:
    async with routing(home=[chat_completion("from home")]) as (_, server):
        endpoint = {"base_url": f"{server.url}/home/v1"}
        row = CATALOG.models[0].model_dump() | {"id": "qwen-local", "family": "qwen", "provider": "home"}
        catalog = catalog_from(Models.model_validate({"models": [row], "providers": {"home": endpoint}}))
        async with open_router({"home": Access(endpoint["base_url"], "none")}, catalog=catalog) as router:
            model = catalog.candidates("qwen")[0]
            steps = [step async for step in router.stream(PROMPT, [Candidate(model, 400)])]

    assert text_after_last_start(steps) == "from home"
    assert finished(steps).model.provider == "home"
    assert router.states() == {"home": "closed"}
