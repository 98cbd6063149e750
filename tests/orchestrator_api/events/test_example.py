"""The example of the documentation is code that runs: it hears events, and hears none twice when its stream breaks."""

import asyncio
import re
from pathlib import Path

import deno
import pytest

from orchestrator_api.resources import Resources
from tests.orchestrator_api.events.conftest import Person, save_candles, watch
from zmarty.postgres import Pool

PAGE = Path(__file__).parents[3] / "docs/zmarty-blueprint/40-ORCHESTRATOR-API.md"


@pytest.mark.timeout(180)
async def test_the_example_listens(
    server: str, live_resources: Resources, trading: Pool, ada: Person, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    program = tmp_path / "example.js"
    program.write_text(
        f'const API = "{server}";\n{example}\n'
        f'listen(async () => "{ada.token}", (event, data) => console.log(event, data.count ?? ""));\n'
    )
    await watch(trading, ada)
    process = await asyncio.create_subprocess_exec(
        deno.find_deno_bin(),
        "run",
        "--allow-net=127.0.0.1",
        "--no-config",
        program,
        stdout=asyncio.subprocess.PIPE,
        env={"NO_COLOR": "1", "DENO_DIR": str(tmp_path / "deno"), "DENO_NO_UPDATE_CHECK": "1"},
    )
    assert process.stdout is not None
    try:
        assert await line(process.stdout) == "ready"
        await save_candles(trading, count=1)
        assert await line(process.stdout) == "candle 1"
        for subscriber in live_resources.live.subscribers_of(ada.id):
            subscriber.end("too_slow")
        assert await line(process.stdout) == "end"
        await save_candles(trading, volume=2, count=1)
        assert await line(process.stdout) == "ready"
        assert await line(process.stdout) == "candle 1"
    finally:
        process.kill()
        await process.wait()


async def line(output: asyncio.StreamReader) -> str:
    async with asyncio.timeout(90):
        return (await output.readline()).decode().strip()
