"""/mcp: agents call the tools over streamable HTTP; /v1/mcp-status: how fresh what they get is."""

import asyncio
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from orchestrator_api.agents import store
from orchestrator_api.agents.sources import SourcesAnswer, source_rows
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.openapi import documented
from orchestrator_api.resources import Resources
from orchestrator_api.tools.tools import TABLE
from zmarty.errors import DatabaseUnavailable

# Calls are small; the API's own bound for this path lies above, so that the protocol's answer is given first.
BODY_BYTES_MAX = 64 * 1024


class RpcRequest(BaseModel):
    """A request of JSON-RPC 2.0, as the Model Context Protocol has it."""

    model_config = ConfigDict(extra="allow")

    jsonrpc: str = "2.0"
    id: int | str | None = None
    method: str
    params: dict[str, Any] | None = None


class RpcAnswer(BaseModel):
    model_config = ConfigDict(extra="allow")

    jsonrpc: str = "2.0"
    id: int | str | None = None


@documented(
    summary="The MCP server",
    tag="Agents",
    description=(
        "Model Context Protocol over streamable HTTP, without sessions, so that any instance answers. The tools of the chat, and "
        "the resources `zmarty://watched` and `zmarty://signals`. A call that finds something costs 1 credit."
    ),
    headers={
        "Idempotency-Key": "Names this call, so that a repetition is answered and charged once (a day)."
    },
    request=RpcRequest,
    responses={200: RpcAnswer},
)
async def serve_agent(request: Request) -> Response:
    resources: Resources = request.state.resources
    request.state.user = await authenticate(request, resources.keys)
    return _Exchange()


class _Exchange(Response):
    """One request and its answer, by the protocol's own transport."""

    def __init__(self) -> None:
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The SDK takes two seconds to load, and most processes never meet an agent. In a thread: others are served meanwhile.
        server = await asyncio.to_thread(import_module, "orchestrator_api.agents.server")
        await server.serve(scope, receive, send, body_bytes_max=BODY_BYTES_MAX)


@documented(
    summary="The data sources behind the MCP server, with their state and age",
    tag="Agents",
    responses={200: SourcesAnswer},
    errors=(DatabaseUnavailable,),
)
async def show_sources(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    newest = await store.newest_data(resources.trading)
    return json_answer(SourcesAnswer(tools=list(TABLE), sources=source_rows(newest, now=datetime.now(UTC))))


routes: list[BaseRoute] = [
    Route("/mcp", serve_agent, methods=["POST"]),
    Route("/v1/mcp-status", show_sources, methods=["GET"]),
]
