"""Clients that leave at every stage, and databases and processes that go away: the hold is resolved exactly once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import asyncpg
import httpx2
import pytest

from orchestrator_api.chat import answer as answering
from orchestrator_api.chat.exchange import Draft, Exchange, complete_exchange
from orchestrator_api.credits.ledger import Settlement
from orchestrator_api.model_router.catalog import Candidate
from orchestrator_api.model_router.provider import Prompt, Text
from orchestrator_api.model_router.router import Router, Step
from tests.orchestrator_api.chat.conftest import Chat, Chats, served
from tests.orchestrator_api.model_router.wire_server import Hang, Stream, chat_completion, chunk
from zmarty.postgres import Pool

SLOW = Stream((chunk("half "),), "hang")
ASKED = {"message": "What about BTC?"}


async def leave_after(chat: Chat, url: str, frames: int) -> None:
    """Ask, read some frames, and close the connection."""
    seen = 0
    async with (
        httpx2.AsyncClient(base_url=url) as client,
        client.stream("POST", "/chat", json=ASKED, headers=chat.headers, timeout=60) as response,
    ):
        if frames == 0:
            return
        async for line in response.aiter_lines():
            seen += line.startswith("data: ")
            if seen >= frames:
                return


@pytest.mark.parametrize("frames", [0, 1, 3, 5, 6, 8])
async def test_a_client_that_leaves_pays_once_for_the_whole_answer(chats: Chats, frames: int) -> None:
    chat = await chats.scripted(xai=[chat_completion(*("word " for _ in range(50)))])

    async with served(chat.resources) as url:
        await leave_after(chat, url, frames)
        states = await chat.until_resolved()

    assert states == ["settled"]
    assert await chat.charges() == [(6, "xai", "chat")]
    assert await chat.account() == (94, 0)
    assert (await chat.messages())[-1] == ("assistant", "word " * 50)


async def test_a_client_that_leaves_before_a_restart_pays_once(chats: Chats) -> None:
    chat = await chats.scripted(xai=[SLOW])

    async with served(chat.resources) as url:
        await leave_after(chat, url, 5)
        states = await chat.until_resolved()

    assert states == ["settled"]
    [(_, provider, _)] = await chat.charges()
    assert provider == "openai"


async def test_an_ending_process_gives_the_credits_back(chats: Chats) -> None:
    chat = await chats.scripted(xai=[Hang()])
    assert chat.models is not None
    asking = asyncio.create_task(chat.ask(key="k-1"))
    async with asyncio.timeout(30):
        await chat.models.hung.wait()

    await chat.resources.background.close(drain_seconds=0)

    assert await chat.holds() == ["released"]
    assert (await asking).status_code == 500
    assert await chat.account() == (100, 0)
    # The key is free again: the same request may be repeated.
    assert await chat.database.fetchval("select count(*) from request_keys") == 0


async def test_a_commit_that_was_not_heard_of_is_settled_once(
    chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await chats.scripted()
    calls = 0

    async def complete(pool: Pool, exchange: Exchange, draft: Draft) -> Settlement:
        nonlocal calls
        calls += 1
        settlement = await complete_exchange(pool, exchange, draft)
        if calls == 1:
            raise asyncpg.ConnectionDoesNotExistError("the connection was closed in the middle of operation")
        return settlement

    monkeypatch.setattr(answering, "complete_exchange", complete)

    document = (await chat.ask(key="k-1")).json()

    assert calls == 2
    assert document["credits"] == 6
    assert await chat.charges() == [(6, "xai", "chat")]
    assert await chat.messages() == [("user", "What about BTC?"), ("assistant", "from Grok")]
    assert (await chat.ask(key="k-1")).json() == document


async def test_an_answer_is_not_charged_while_the_database_is_away(
    chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await chats.scripted()

    async def lose(pool: Pool, exchange: Exchange, draft: Draft) -> Settlement:
        raise ConnectionRefusedError

    monkeypatch.setattr(answering, "complete_exchange", lose)
    monkeypatch.setattr(answering, "SETTLE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(answering, "SETTLE_SECONDS", 0.1)

    answer = await chat.ask()
    streamed = await chat.ask(stream=True)

    assert (answer.status_code, answer.json()["error"]) == (503, "database_unavailable")
    frames = streamed.text.split("\n\n")
    assert '"type":"data-credits"' in frames[-4]
    assert '"type":"error","errorText":"database_unavailable' in frames[-3]
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert await chat.charges() == []
    # What the sweeper does with it a little later.
    await chat.database.execute("update credit_holds set expires_at = now() - interval '1 second'")
    await chat.database.execute("select private.expire_holds(10)")
    assert await chat.account() == (100, 0)


async def test_an_answer_that_breaks_a_rule_of_the_database_is_given_back(chats: Chats) -> None:
    chat = await chats.scripted()
    await chat.database.execute(
        "alter table messages add constraint broken check (role <> 'assistant') not valid"
    )

    answer = await chat.ask()

    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert await chat.holds() == ["released"]
    assert await chat.account() == (100, 0)
    assert await chat.messages() == []


async def test_a_fault_of_our_own_gives_the_credits_back(chats: Chats) -> None:
    chat = await chats.scripted()
    # A router that breaks its promise is the bug nobody thought of.
    broken = replace(chat.resources, router=BrokenRouter(chat.resources.router.providers))
    async with served(broken) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.post("/chat", json={**ASKED, "stream": False}, headers=chat.headers)

    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert await chat.holds() == ["released"]
    assert await chat.account() == (100, 0)


class BrokenRouter(Router):
    async def stream(self, prompt: Prompt, candidates: Sequence[Candidate]) -> AsyncGenerator[Step, None]:
        for _ in candidates:
            raise RuntimeError("a bug")
        yield Text("never")
