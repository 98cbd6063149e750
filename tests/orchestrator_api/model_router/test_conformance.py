"""The sixteen faults of FailoverBench against the real SDKs and the real router: each is survived, 16/16.

github.com/failoverbench/failoverbench names them; docs/zmarty-blueprint/40-ORCHESTRATOR-API.md tells what we do about each,
and a test holds the two lists together. The deadlines are shortened; nothing else is.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from orchestrator_api.credits.pricing import Usage
from orchestrator_api.model_router.breaker import PAUSE_SECONDS
from orchestrator_api.model_router.catalog import CATALOG, Candidate
from orchestrator_api.model_router.provider import ContentRefused, Failure, Prompt, Text, Turn
from orchestrator_api.model_router.router import (
    Deadlines,
    FellBack,
    Finished,
    Router,
    Started,
    Step,
    open_router,
)
from orchestrator_api.providers import Access
from tests.orchestrator_api.model_router.wire_server import (
    Call,
    Hang,
    Refuse,
    Reply,
    Reset,
    Stream,
    chat_completion,
    chunk,
    message,
    wire_server,
)

PAGE = Path(__file__).parents[3] / "docs/zmarty-blueprint/40-ORCHESTRATOR-API.md"
# Long enough for a healthy answer on a busy machine.
QUICK = Deadlines(first_token=0.9, idle=0.5, attempt=5.0, total=10.0)
TURNS = (Turn("user", "Hello"), Turn("assistant", "Hello."), Turn("user", "What about BTC?"))
PROMPT = Prompt(system="You know nothing.", turns=TURNS, conversation_id="c-1")
USED = {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}
Script: TypeAlias = list[Reply] | Callable[[Call], Reply]


class Bench:
    """A router with Grok in trouble, GPT and Claude well, and a clock that can be set forward."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.grok: Script = [chat_completion("from Grok")]
        self.gpt: Script = [chat_completion("from GPT", prompt=100, completion=20)]
        self.calls: list[Call] = []
        self.router: Router
        self.failures: list[Failure] = []

    async def ask(self, prompt: Prompt = PROMPT) -> tuple[str, Finished]:
        """The text that counts, and how it ended."""
        steps = [step async for step in self.router.stream(prompt, candidates())]
        self.failures = [step.attempt.failure for step in steps if isinstance(step, FellBack)]
        assert isinstance(steps[-1], Finished)
        return counted(steps), steps[-1]

    def calls_to(self, vendor: str) -> int:
        return sum(call.path.startswith(f"/{vendor}/") for call in self.calls)


def candidates() -> list[Candidate]:
    return [Candidate(model, 400) for model in CATALOG.candidates("grok")]


def counted(steps: Sequence[Step]) -> str:
    start = max(place for place, step in enumerate(steps) if isinstance(step, Started))
    return "".join(step.text for step in steps[start:] if isinstance(step, Text))


async def survives(bench: Bench, grok: Script, failures: list[Failure], text: str = "from GPT") -> Finished:
    bench.grok = grok
    said, finished = await bench.ask()
    assert (said, bench.failures) == (text, failures)
    return finished


async def a_429_with_retry_after(bench: Bench) -> None:
    limited = Refuse(429, headers={"retry-after": "0.2"})
    await survives(bench, [limited, chat_completion("from Grok")], [Failure.RATE_LIMITED], "from Grok")


async def a_429_for_ever(bench: Bench) -> None:
    await survives(bench, [Refuse(429, headers={"retry-after": "60"})], [Failure.RATE_LIMITED])
    # Left alone meanwhile.
    await survives(bench, bench.grok, [Failure.BREAKER_OPEN])
    assert bench.calls_to("xai") == 1


async def one_500(bench: Bench) -> None:
    await survives(bench, [Refuse(500), chat_completion("from Grok")], [Failure.UNAVAILABLE], "from Grok")


async def a_503_for_ever(bench: Bench) -> None:
    for _ in range(5):
        bench.grok = [Refuse(503)]
        assert (await bench.ask())[0] == "from GPT"
    # The breaker opened after three.
    assert bench.calls_to("xai") == 3


async def a_tcp_reset(bench: Bench) -> None:
    await survives(bench, [Reset(), chat_completion("from Grok")], [Failure.UNREACHABLE], "from Grok")
    await survives(bench, [Reset()], [Failure.UNREACHABLE] * 2)


async def no_response_at_all(bench: Bench) -> None:
    await survives(bench, [Hang()], [Failure.FIRST_TOKEN_LATE])


async def a_first_token_after_20_s(bench: Bench) -> None:
    # The stream is open and says nothing that counts: a role is no token.
    role = chunk("")
    await survives(bench, [Stream((role,), "hang")], [Failure.FIRST_TOKEN_LATE])


async def a_stream_cut_in_the_middle(bench: Bench) -> None:
    await survives(bench, [Stream((chunk("half "),), "close")], [Failure.CUT])
    await survives(bench, [Stream((chunk("half "),), "reset")], [Failure.CUT])


async def a_stream_that_stalls_30_s(bench: Bench) -> None:
    await survives(bench, [Stream((chunk("half "),), "hang")], [Failure.STALLED])


async def a_malformed_chunk(bench: Bench) -> None:
    await survives(bench, [Stream((chunk("half "), 'data: {"choices": [{\n\n'))], [Failure.MALFORMED])


async def no_end_marker(bench: Bench) -> None:
    await survives(bench, [Stream((chunk("half "), "data: [DONE]\n\n"))], [Failure.CUT])


async def a_400_context_length(bench: Bench) -> None:
    def reply(call: Call) -> Reply:
        if len(call.body["messages"]) > 2:
            return Refuse(400, {"message": "too long", "code": "context_length_exceeded"})
        return chat_completion("from Grok")

    # Once more without the older half of the history; the question itself stays.
    await survives(bench, reply, [Failure.TOO_LONG], "from Grok")
    assert bench.calls[-1].body["messages"][-1]["content"] == "What about BTC?"
    await survives(bench, [Refuse(400, {"code": "context_length_exceeded"})], [Failure.TOO_LONG] * 2)


async def a_400_content_filter(bench: Bench) -> None:
    bench.grok = [Refuse(400, {"message": "no", "code": "content_filter"})]
    with pytest.raises(ContentRefused):
        await bench.ask()
    # Asking another vendor would evade it.
    assert bench.calls_to("openai") == 0


async def a_fallback_that_rejects_a_prefilled_answer(bench: Bench) -> None:
    def reply(call: Call) -> Reply:
        if call.body["messages"][-1]["role"] == "assistant":
            return Refuse(400, {"message": "The last message must be from the user."})
        return chat_completion("from GPT")

    bench.gpt = reply
    await survives(bench, [Stream((chunk("half "),), "reset")], [Failure.CUT])
    assert "half " not in str(bench.calls[-1].body)


async def a_provider_that_flaps_for_60_s(bench: Bench) -> None:
    bench.grok = [Refuse(503)]
    for _ in range(7):
        assert (await bench.ask())[0] == "from GPT"
        bench.now += 10
    probes = bench.calls_to("xai")
    # It recovers, and is in use again with the next probe.
    bench.grok = [chat_completion("from Grok")]
    bench.now += PAUSE_SECONDS
    assert (await bench.ask())[0] == "from Grok"
    assert PAUSE_SECONDS <= 30
    assert probes <= 3 + 6
    assert bench.router.states()["xai"] == "closed"


async def accounting_across_a_fail_over(bench: Bench) -> None:
    cut = Stream((chunk("half "), chunk(usage=USED)), "reset")
    bench.grok = [cut]
    steps = [step async for step in bench.router.stream(PROMPT, candidates())]
    [lost] = [step.attempt for step in steps if isinstance(step, FellBack)]
    # What the failed attempt used is known, and is not on the bill.
    assert (lost.provider, lost.usage) == ("xai", Usage(input_tokens=30, output_tokens=9))
    assert lost.duration_ms >= 0
    assert isinstance(steps[-1], Finished)
    assert (steps[-1].model.provider, steps[-1].usage) == (
        "openai",
        Usage(input_tokens=100, output_tokens=20),
    )


FAULTS: tuple[Callable[[Bench], Awaitable[None]], ...] = (
    a_429_with_retry_after,
    a_429_for_ever,
    one_500,
    a_503_for_ever,
    a_tcp_reset,
    no_response_at_all,
    a_first_token_after_20_s,
    a_stream_cut_in_the_middle,
    a_stream_that_stalls_30_s,
    a_malformed_chunk,
    no_end_marker,
    a_400_context_length,
    a_400_content_filter,
    a_fallback_that_rejects_a_prefilled_answer,
    a_provider_that_flaps_for_60_s,
    accounting_across_a_fail_over,
)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_failoverbench(fault: Callable[[Bench], Awaitable[None]]) -> None:
    bench = Bench()

    def grok(call: Call) -> Reply:
        return played(bench, bench.grok, call)

    def gpt(call: Call) -> Reply:
        return played(bench, bench.gpt, call)

    async with wire_server(xai=grok, openai=gpt, anthropic=[message("from Claude")]) as server:
        accesses = {
            "xai": Access(f"{server.url}/xai/v1", "key"),
            "openai": Access(f"{server.url}/openai/v1", "key"),
            "anthropic": Access(f"{server.url}/anthropic", "key"),
        }
        bench.calls = server.calls
        async with open_router(accesses, deadlines=QUICK) as opened:
            bench.router = opened
            if fault is a_provider_that_flaps_for_60_s:
                # Minutes pass in this one, so its clock is ours; none of its answers is late.
                deadlines = replace(QUICK, first_token=5.0)
                bench.router = Router(opened.providers, deadlines=deadlines, clock=lambda: bench.now)
            await fault(bench)


def played(bench: Bench, script: Script, call: Call) -> Reply:
    if callable(script):
        return script(call)
    return script.pop(0) if len(script) > 1 else script[0]


def test_the_page_tells_of_each_fault() -> None:
    told = re.findall(r"^\| .* \| `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert told == [fault.__name__ for fault in FAULTS]
    assert len(FAULTS) == 16
