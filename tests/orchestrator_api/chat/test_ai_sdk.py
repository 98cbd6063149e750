"""POST /chat as the AI SDK's real clients meet it: `Chat` of @ai-sdk/react, and the parsers of `ai` 7, 6 and 5, under Node."""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator_api.limits.calls import CallLimits
from orchestrator_api.model_router.provider import Failure, Piece, Prompt, ProviderFailed, Text
from orchestrator_api.model_router.router import Deadlines
from tests.orchestrator_api.chat.conftest import Chats, ScriptedProvider, calling, saying, served
from tests.orchestrator_api.limits.test_limits import empty
from tests.orchestrator_api.support import AuthServer, add_user
from zmarty.postgres import Pool

FOLDER = Path(__file__).parent / "ai_sdk"
TALK_SECONDS_MAX = 120
# The models wait for the clients.
PATIENT = Deadlines(first_token=30.0, idle=30.0, total=60.0)
ANSWERS: tuple[Sequence[Piece | Exception | asyncio.Event], ...] = (
    calling(("get_signals", '{"symbol": "BTC/USDT"}'), ("get_risk", "no json"), text="Looking."),
    saying("It is long."),
    saying("Still long."),
    saying("Long, as before."),
    [Text("Half of an"), ProviderFailed(Failure.CUT)],
    [RuntimeError("ours")],
    *(saying(f"Version {number}.") for number in (7, 6, 5)),
)


class OpeningProvider(ScriptedProvider):
    """From its second round on, what the first waits for has happened."""

    def __init__(self, event: asyncio.Event, *rounds: Sequence[Piece | Exception | asyncio.Event]) -> None:
        super().__init__("xai", *rounds)
        self.event = event

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        if self.prompts:
            self.event.set()
        async for piece in super().stream(prompt, model=model, output_tokens_max=output_tokens_max):
            yield piece


async def node_reads(script: str, *arguments: str, input: str = "") -> str:
    """What a script of the folder prints."""
    assert (FOLDER / "node_modules").exists(), f"run `npm ci` in {FOLDER} (`make setup` does)"
    node = shutil.which("node")
    assert node, "Node is missing (`make setup` installs it)"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, str(FOLDER / script), *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(TALK_SECONDS_MAX):
        output, errors = await process.communicate(input.encode())
    assert process.returncode == 0, errors.decode()
    return output.decode()


@pytest.fixture
async def seen(chats: Chats, markets: None) -> dict[str, Any]:
    chat = await chats.speaking(ScriptedProvider("xai", *ANSWERS))
    token = chat.headers["Authorization"].removeprefix("Bearer ")
    async with served(chat.resources) as url:
        told = json.loads(await node_reads("talk.mjs", url, token))
    return {**told, "charges": len(await chat.charges()), "holds": await chat.holds()}


@pytest.mark.timeout(300)
async def test_the_real_clients_understand_all_of_it(seen: dict[str, Any]) -> None:
    whole = seen["whole"]
    answer = whole["answer"]
    assert whole["status"] == "ready"
    assert answer["text"] == ["Looking.", "\n\nIt is long."]
    assert {"data-signals", "data-usage", "data-credits"} <= set(answer["data"])
    assert answer["metadata"]["conversation_id"] == "11111111-1111-4111-8111-111111111111"
    assert answer["metadata"]["credits"] == answer["data"]["data-credits"]["charged"] > 0
    [signals, risk] = answer["tools"]
    assert (signals["type"], signals["state"]) == ("tool-get_signals", "output-available")
    assert signals["input"] == {"symbol": "BTC/USDT"}
    assert "BTC/USDT 1h signal" in signals["output"]
    assert risk["state"] == "output-error"

    assert (seen["second"]["count"], seen["second"]["answer"]["text"]) == (4, ["Still long."])
    # The earlier answer made room, as its user sees it.
    assert (seen["again"]["count"], seen["again"]["answer"]["text"]) == (4, ["Long, as before."])
    assert seen["resumed"] == {"status": "ready", "count": 4}

    broken = seen["broken"]["answer"]
    assert broken["data"]["data-restart"]["discarded"] == "text-1"
    assert broken["text"][0] == "Half of an"
    assert "**Data brief**" in broken["text"][1]

    assert seen["failing"]["status"] == "error"
    assert seen["failing"]["error"].startswith("internal_error: ")
    assert seen["refused"]["status"] == "error"
    assert json.loads(seen["refused"]["error"])["error"] == "field_invalid"

    for number in (7, 6, 5):
        assert seen[f"ai{number}"]["text"] == [f"Version {number}."]
        assert seen[f"ai{number}"]["kinds"] == seen["ai7"]["kinds"]

    assert seen["charges"] == 7
    assert sorted(seen["holds"]) == ["released", *["settled"] * 7]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("markets")
async def test_real_clients_leave_follow_stop_and_repeat(chats: Chats, chat: Pool, auth: AuthServer) -> None:
    """Leaving stops nothing, stopping stops everybody, and whoever repeats a request gets the same answer."""
    goes_on, never = asyncio.Event(), asyncio.Event()
    model = OpeningProvider(
        goes_on,
        [Text("Half "), goes_on, *saying("and whole.")],
        saying("Whoever asks next."),
        [Text("Half an answer."), never],
        saying("Once."),
    )
    user = await chats.speaking(model, deadlines=PATIENT)
    poor = await add_user(chat)
    await chat.execute("update credit_accounts set balance = 0 where user_id = $1", poor)
    await empty(chat, f"question:{poor}", missing=1.5)
    limited = replace(user.resources, limits=CallLimits(is_on=True))
    async with served(user.resources) as url, served(limited) as limited_url:
        token = user.headers["Authorization"].removeprefix("Bearer ")
        seen = json.loads(await node_reads("leave.mjs", url, token, limited_url, auth.token(poor)))
    states = await user.until_resolved()

    assert (seen["left"]["status"], seen["left"]["text"]) == ("ready", "Half ")
    assert ("assistant", "Half and whole.") in await user.messages()
    assert seen["next"]["text"] == "Whoever asks next."

    stopped = seen["stopped"]
    assert stopped["code"] == 204
    assert stopped["asker"] == stopped["follower"]
    assert (stopped["asker"]["status"], stopped["asker"]["text"]) == ("ready", "Half an answer.")
    assert stopped["asker"]["credits"] > 0

    first, again = seen["twice"]
    assert first == again
    assert (first["status"], first["text"]) == ("ready", "Once.")

    # What is refused before the stream is an error whose text is the JSON of the refusal.
    refusals = {name: seen[name]["error"] for name in ("unknown", "poor", "late", "reused")}
    assert refusals == {
        "unknown": "token_invalid",
        "poor": "credits_exhausted",
        "late": "rate_limited",
        "reused": "idempotency_key_reused",
    }
    assert all(seen[name]["status"] == "error" and seen[name]["message"] for name in refusals)

    assert states == ["settled"] * 4
    assert len(await user.charges()) == 4
