"""The official MCP client against a real server: tools, resources, what they cost, and how they refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent, TextResourceContents

from orchestrator_api.agents.sources import SOURCES, source_rows
from orchestrator_api.tools.tools import TABLE
from tests.orchestrator_api.chat.conftest import save_signal, save_win_rates
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "get_signals", "arguments": {"symbol": "BTC/USDT"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
async def ada(chat: Pool) -> UUID:
    user = await add_user(chat)
    await chat.execute(
        "insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC/USDT', '1h')", user
    )
    return user


@pytest.fixture
async def markets(trading: Pool) -> None:
    await save_signal(trading)
    await save_win_rates(trading)


@asynccontextmanager
async def agent(url: str, token: str, *, mode: Any = "auto", key: str | None = None) -> AsyncIterator[Client]:
    headers = {**bearer(token), **({"Idempotency-Key": key} if key else {})}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode, cache=None) as client,
    ):
        yield client


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def account(chat: Pool, user_id: UUID) -> tuple[int, int, list[str]]:
    record = await chat.fetchrow("select balance, held from credit_accounts where user_id = $1", user_id)
    reasons = await chat.fetch(
        "select reason from credits_ledger where user_id = $1 and kind = 'charge'", user_id
    )
    assert record is not None
    return record["balance"], record["held"], [each["reason"] for each in reasons]


@pytest.mark.usefixtures("markets")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_lists_and_calls_the_tools(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool, mode: str
) -> None:
    async with agent(api_server, auth.token(ada), mode=mode) as client:
        listed = (await client.list_tools()).tools
        result = await client.call_tool("get_signals", {"symbol": "BTC"})

    assert [tool.name for tool in listed] == list(TABLE)
    assert listed[0].input_schema["required"] == ["symbol"]
    assert not result.is_error
    assert "BTC/USDT 1h signal: direction long" in text_of(result)
    assert await account(chat, ada) == (99, 0, ["mcp"])


@pytest.mark.usefixtures("markets")
async def test_resources_are_what_the_user_watches(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool
) -> None:
    async with agent(api_server, auth.token(ada)) as client:
        listed = (await client.list_resources()).resources
        [watched] = (await client.read_resource("zmarty://watched")).contents
        [signals] = (await client.read_resource("zmarty://signals")).contents

    assert [str(resource.uri) for resource in listed] == ["zmarty://watched", "zmarty://signals"]
    assert isinstance(watched, TextResourceContents)
    assert watched.text == "- BTC/USDT 1h"
    assert isinstance(signals, TextResourceContents)
    assert "n=312 (backfill 300, live 12)" in signals.text
    assert await account(chat, ada) == (98, 0, ["mcp", "mcp"])


async def test_nobody_sees_what_another_watches(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool
) -> None:
    bob = await add_user(chat)

    async with agent(api_server, auth.token(bob)) as client:
        [watched] = (await client.read_resource("zmarty://watched")).contents

    assert isinstance(watched, TextResourceContents)
    assert watched.text == "You watch nothing yet."
    assert await account(chat, bob) == (100, 0, [])


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("get_signals", {"symbol": "ZZZZ/USDT"}, "symbol_unknown: "),
        ("get_signals", {}, "field_invalid: symbol"),
        ("get_candles_summary", {"symbol": "BTC", "count": 0}, "field_invalid: count"),
        ("make_money", {}, "tool_unknown: "),
    ],
)
async def test_a_wrong_call_is_told_its_rule_and_free(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool, name: str, arguments: dict[str, Any], told: str
) -> None:
    async with agent(api_server, auth.token(ada)) as client:
        result = await client.call_tool(name, arguments)

    assert result.is_error
    assert text_of(result).startswith(told)
    assert await account(chat, ada) == (100, 0, [])


async def test_an_unknown_resource_is_an_error(api_server: str, auth: AuthServer, ada: UUID) -> None:
    async with agent(api_server, auth.token(ada)) as client:
        with pytest.raises(MCPError, match="not_found"):
            await client.read_resource("zmarty://nothing")


@pytest.mark.usefixtures("markets")
async def test_an_empty_account_is_told_so(api_server: str, auth: AuthServer, ada: UUID, chat: Pool) -> None:
    await chat.execute("select hold_id from private.hold_credits($1, 100, 60)", ada)

    async with agent(api_server, auth.token(ada)) as client:
        result = await client.call_tool("get_signals", {"symbol": "BTC"})
        with pytest.raises(MCPError, match="credits_exhausted"):
            await client.read_resource("zmarty://watched")

    assert result.is_error
    assert text_of(result).startswith("credits_exhausted: ")


async def test_without_a_token_nothing_is_served(api: httpx2.AsyncClient) -> None:
    refused = await api.post("/mcp", json=CALL, headers=ACCEPT)

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["error"] == "token_missing"


@pytest.mark.usefixtures("markets")
async def test_a_call_under_a_key_is_charged_once(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool, trading: Pool
) -> None:
    async with agent(api_server, auth.token(ada), key="once") as client:
        first = await client.call_tool("get_signals", {"symbol": "BTC/USDT"})
        await trading.execute("delete from signals")
        again = await client.call_tool("get_signals", {"symbol": "BTC/USDT"})
        other = await client.call_tool("get_signals", {"symbol": "ETH/USDT"})

    assert text_of(again) == text_of(first)
    assert text_of(other).startswith("idempotency_key_reused: ")
    assert await account(chat, ada) == (99, 0, ["mcp"])


@pytest.mark.usefixtures("markets")
async def test_many_at_once_under_one_key_are_charged_once(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, chat: Pool
) -> None:
    headers = {**bearer(auth.token(ada)), **ACCEPT, "Idempotency-Key": "one"}

    answers = await asyncio.gather(*(api.post("/mcp", json=CALL, headers=headers) for _ in range(12)))

    texts = [answer.json()["result"]["content"][0]["text"] for answer in answers]
    assert any("direction long" in text for text in texts)
    assert all("direction long" in text or text.startswith("request_in_progress") for text in texts)
    assert await account(chat, ada) == (99, 0, ["mcp"])


async def test_a_call_that_brought_nothing_may_be_repeated_under_its_key(
    api_server: str, auth: AuthServer, ada: UUID, chat: Pool, trading: Pool
) -> None:
    async with agent(api_server, auth.token(ada), key="later") as client:
        nothing = await client.call_tool("get_signals", {"symbol": "BTC/USDT"})
        await save_signal(trading)
        something = await client.call_tool("get_signals", {"symbol": "BTC/USDT"})

    assert "Nothing is stored" in text_of(nothing)
    assert "direction long" in text_of(something)
    assert await account(chat, ada) == (99, 0, ["mcp"])


async def test_a_body_too_large_is_refused_by_the_protocol(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID
) -> None:
    body = json.dumps({**CALL, "padding": "x" * 70_000})

    answer = await api.post(
        "/mcp",
        content=body,
        headers={**bearer(auth.token(ada)), **ACCEPT, "Content-Type": "application/json"},
    )

    assert answer.status_code == 413


async def test_the_state_of_the_sources_is_told(
    api: httpx2.AsyncClient, auth: AuthServer, ada: UUID, trading: Pool
) -> None:
    await trading.execute(
        "insert into liq_clusters (symbol, side, price, size, source, observed_at)"
        " values ('BTC/USDT', 'above', 45000, 'large', 'king_fisher', now() - interval '1 minute')"
    )

    answer = await api.get("/v1/mcp-status", headers=bearer(auth.token(ada)))

    assert answer.status_code == 200
    document = answer.json()
    assert document["tools"] == list(TABLE)
    states = {row["name"]: row["state"] for row in document["sources"]}
    assert list(states) == ["king_fisher", "cryptometer", "risk_metric", "grok", "x", "whale_trades"]
    assert states["king_fisher"] == "fresh"
    assert states["cryptometer"] == "empty"
    assert 50 <= document["sources"][0]["age_seconds"] <= 600


def test_old_data_are_stale_and_a_fast_clock_is_not_negative() -> None:
    newest = {"king_fisher": NOW - timedelta(days=1), "sentiment": NOW + timedelta(seconds=5)}

    rows = {row.name: row for row in source_rows(newest, now=NOW)}

    assert rows["king_fisher"].state == "stale"
    assert (rows["x"].state, rows["x"].age_seconds) == ("fresh", 0.0)
    assert len(rows) == len(SOURCES)
