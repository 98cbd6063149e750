"""POST /chat as the AI SDK's real clients meet it: `Chat` of @ai-sdk/react, and the parsers of `ai` 7, 6 and 5, under Node."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator_api.model_router.provider import Failure, Piece, ProviderFailed, Text
from tests.orchestrator_api.chat.conftest import Chats, ScriptedProvider, calling, saying, served

FOLDER = Path(__file__).parent / "ai_sdk"
TALK_SECONDS_MAX = 60
ANSWERS: tuple[Sequence[Piece | Exception], ...] = (
    calling(("get_signals", '{"symbol": "BTC/USDT"}'), ("get_risk", "no json"), text="Looking."),
    saying("It is long."),
    saying("Still long."),
    saying("Long, as before."),
    [Text("Half of an"), ProviderFailed(Failure.CUT)],
    [RuntimeError("ours")],
    *(saying(f"Version {number}.") for number in (7, 6, 5)),
)


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


@pytest.mark.timeout(90)
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
