"""The router before the simulated vendors: tools on all three wires, and an ensemble from end to end."""

import pytest

from orchestrator_api.model_router.catalog import CATALOG, Candidate
from orchestrator_api.model_router.provider import EndReason, Prompt, Text, Tool, ToolCall, ToolResult, Turn
from orchestrator_api.model_router.router import Finished, Router, Step, open_router
from tests.orchestrator_api.chat.conftest import Chats, accesses

RATES = Tool(
    name="get_win_rate",
    description="How often signals of a symbol were right.",
    parameters={"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]},
)
ASKED = Turn("user", "What is the win rate of BTC/USDT?")


async def steps_of(router: Router, family: str, *turns: Turn) -> list[Step]:
    prompt = Prompt(system="You know nothing.", turns=turns, conversation_id="c", tools=(RATES,))
    model = CATALOG.candidates(family)[0]
    return [step async for step in router.stream(prompt, [Candidate(model, 400)])]


@pytest.mark.parametrize("family", CATALOG.families)
async def test_a_tool_is_called_and_its_result_told(simulators: str, family: str) -> None:
    async with open_router(accesses(simulators)) as router:
        steps = await steps_of(router, family, ASKED)
        [call] = [step for step in steps if isinstance(step, ToolCall)]
        called = Turn("assistant", "", calls=(call,))
        found = Turn("user", "", results=(ToolResult(call.id, "BTC/USDT won 53 % of 312"),))
        told = await steps_of(router, family, ASKED, called, found)

    assert (call.name, call.arguments) == ("get_win_rate", '{"symbol": "BTC/USDT"}')
    assert isinstance(steps[-1], Finished)
    assert steps[-1].reason is EndReason.TOOL_CALLS
    assert "won 53 % of 312" in "".join(step.text for step in told if isinstance(step, Text))


@pytest.mark.usefixtures("markets")
async def test_simulated_models_agree_on_what_they_were_given(chats: Chats, simulators: str) -> None:
    chat = await chats.on(simulators)
    await chat.database.execute("update profiles set tier = 'pro' where user_id = $1", chat.user_id)

    document = (await chat.ask(model="ensemble")).json()

    assert document["answer"].startswith("## Where they agree\nOn BTC/USDT")
    assert "## Where they differ\n- Nowhere." in document["answer"]
    assert document["answer"].count("43210.5") >= 4
    assert document["credits"] == (await chat.charges())[0][0] > 4
