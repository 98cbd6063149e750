"""Anthropic's messages wire: named events, usage at the start and cumulative at the end, input without the cache."""

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from local_stack.simulators.answering import Answer, Tool, Turn, answer, looked, tokens
from local_stack.simulators.control import accepted, bearer, faults_of
from local_stack.simulators.openai import RequestInvalid, text_of
from local_stack.simulators.seeing import TOKENS_AN_IMAGE, images_in, seen
from local_stack.simulators.streams import ErrorInStream, StreamCut, paced

MODELS = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
}
CREATED_AT = "2026-06-01T00:00:00Z"
REMOVED_PARAMETERS = ("temperature", "top_p", "top_k")
PREFIXES_CACHED_MAX = 256
ERROR_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Messages:
    def __init__(self) -> None:
        self._cached_prefixes: OrderedDict[str, None] = OrderedDict()

    @property
    def router(self) -> Router:
        return Router(
            [
                Route("/v1/messages", self.create, methods=["POST"]),
                Route("/v1/models", self.list_models),
            ]
        )

    async def list_models(self, request: Request) -> Response:
        refused = _refused(request)
        if refused:
            return refused
        models = [
            {"type": "model", "id": model, "display_name": name, "created_at": CREATED_AT}
            for model, name in MODELS.items()
        ]
        first, last = models[0]["id"], models[-1]["id"]
        return JSONResponse({"data": models, "has_more": False, "first_id": first, "last_id": last})

    async def create(self, request: Request) -> Response:
        refused = _refused(request)
        if refused:
            return refused
        faults = faults_of(request)
        try:
            asked, turns = parse(await request.body())
        except RequestInvalid as error:
            return refusal(400, "", str(error))
        if asked["model"] not in MODELS:
            return refusal(404, "", f"model: {asked['model']}")
        if faults.refuse_prefill and turns[-1].role == "assistant":
            return refusal(400, "", "This model does not support assistant message prefill.")
        said = _said(asked, turns)
        message: dict[str, Any] = {
            "id": f"msg_sim{int(time.time() * 1e6):x}",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**self._input_usage(asked, said), "output_tokens": 1},
        }
        if asked.get("stream"):
            frames = self._stream(request, said, message)
            return StreamingResponse(
                frames, media_type="text/event-stream", headers={"cache-control": "no-cache"}
            )
        if said.call:
            call = {"type": "tool_use", "id": said.call.id, "name": said.call.name}
            message["content"] = [{**call, "input": dict(said.call.arguments)}]
        elif not faults.empty:
            message["content"] = [{"type": "text", "text": said.text}]
        message["stop_reason"] = _stop_reason(said)
        message["usage"]["output_tokens"] = _output_tokens(said)
        return JSONResponse(message, headers={"request-id": "req_simulated"})

    async def _stream(self, request: Request, said: Answer, message: dict[str, Any]) -> AsyncIterator[str]:
        faults = faults_of(request)
        yield _event("message_start", {"message": message})
        block: dict[str, Any] = {"type": "text", "text": ""}
        if said.call:
            block = {"type": "tool_use", "id": said.call.id, "name": said.call.name, "input": {}}
        yield _event("content_block_start", {"index": 0, "content_block": block})
        yield _event("ping", {})
        pieces = said.call.pieces if said.call else said.pieces
        kind, key = ("input_json_delta", "partial_json") if said.call else ("text_delta", "text")
        try:
            async for piece in paced([] if faults.empty else pieces, faults, request):
                yield _event("content_block_delta", {"index": 0, "delta": {"type": kind, key: piece}})
                if faults.malformed:
                    yield 'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": \n\n'
                    return
            if faults.no_end:
                return
            yield _event("content_block_stop", {"index": 0})
            delta = {"stop_reason": _stop_reason(said), "stop_sequence": None}
            usage = {**message["usage"], "output_tokens": _output_tokens(said)}
            yield _event("message_delta", {"delta": delta, "usage": usage})
            yield _event("message_stop", {})
        except ErrorInStream:
            yield _event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
        except StreamCut:
            return

    def _input_usage(self, asked: dict[str, Any], said: Answer) -> dict[str, int]:
        """Input tokens without what a cache breakpoint covers: that is written once and read afterwards."""
        prefix = _cacheable(asked.get("system"))
        key = sha256(f"{asked['model']}\x1f{prefix}".encode()).hexdigest()
        known, count = key in self._cached_prefixes, tokens(prefix)
        if prefix:
            self._cached_prefixes[key] = None
            self._cached_prefixes.move_to_end(key)
            if len(self._cached_prefixes) > PREFIXES_CACHED_MAX:
                self._cached_prefixes.popitem(last=False)
        return {
            "input_tokens": said.input_tokens - count,
            "cache_creation_input_tokens": 0 if known else count,
            "cache_read_input_tokens": count if known else 0,
        }


def _said(asked: dict[str, Any], turns: list[Turn]) -> Answer:
    images = images_in(asked["messages"][-1].get("content"))
    wanted = (asked.get("output_config") or {}).get("format") or {}
    if images and wanted.get("type") == "json_schema":
        return looked(seen(images), prompt=turns[-1].text, image_tokens=TOKENS_AN_IMAGE * len(images))
    tools = tuple(
        Tool(tool["name"], tool.get("description", ""), tool.get("input_schema") or {})
        for tool in asked.get("tools") or []
    )
    if (asked.get("tool_choice") or {}).get("type") == "none":
        tools = ()
    return answer(text_of(asked.get("system")), turns, tokens_max=asked["max_tokens"], tools=tools)


def parse(body: bytes) -> tuple[dict[str, Any], list[Turn]]:
    """Raises RequestInvalid."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise RequestInvalid("The request body is not valid JSON.") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise RequestInvalid("model: Field required")
    if not isinstance(asked.get("max_tokens"), int) or asked["max_tokens"] < 1:
        raise RequestInvalid("max_tokens: Field required")
    for name in REMOVED_PARAMETERS:
        if name in asked:
            raise RequestInvalid(f"{name}: Extra inputs are not permitted")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestInvalid("messages: at least one message is required")
    for order, tool in enumerate(asked.get("tools") or []):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise RequestInvalid(f"tools.{order}.name: Field required")
    turns: list[Turn] = []
    called: set[str] = set()
    for order, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise RequestInvalid(f"messages.{order}.role: Input should be 'user' or 'assistant'")
        turns.append(_turn(order, message, called))
    if turns[0].role != "user":
        raise RequestInvalid('messages: first message must use the "user" role')
    return asked, turns


def _turn(order: int, message: dict[str, Any], called: set[str]) -> Turn:
    """`called` are the calls that wait for a result. Raises RequestInvalid."""
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    results = {block.get("tool_use_id"): block for block in blocks if block.get("type") == "tool_result"}
    if results.keys() != called:
        raise RequestInvalid(
            f"messages.{order}: each `tool_use` block must have a `tool_result` block in the next message"
        )
    called.clear()
    called.update(str(block.get("id")) for block in blocks if block.get("type") == "tool_use")
    if not (results or called or text_of(content).strip()):
        raise RequestInvalid(f"messages.{order}: text content blocks must be non-empty")
    found = tuple(text_of(block.get("content")) for block in results.values())
    return Turn(message["role"], text_of(content), results=found)


def refusal(status: int, code: str, message: str) -> Response:
    kind = code or ERROR_KINDS.get(status, "overloaded_error" if status == 503 else "api_error")
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}
    return JSONResponse(body, status, headers={"request-id": "req_simulated"})


def _refused(request: Request) -> Response | None:
    if not accepted(request.headers.get("x-api-key") or bearer(request)):
        return refusal(401, "", "invalid x-api-key")
    if not request.headers.get("anthropic-version"):
        return refusal(400, "", "anthropic-version: header is required")
    return None


def _cacheable(system: Any) -> str:
    """The system text up to its last cache breakpoint."""
    blocks = [block for block in system if isinstance(block, dict)] if isinstance(system, list) else []
    marked = [order for order, block in enumerate(blocks) if block.get("cache_control")]
    return text_of(blocks[: marked[-1] + 1]) if marked else ""


def _output_tokens(said: Answer) -> int:
    return said.output_tokens + said.reasoning_tokens


def _stop_reason(said: Answer) -> str:
    if said.call:
        return "tool_use"
    return "max_tokens" if said.cut else "end_turn"


def _event(name: str, body: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **body})}\n\n"
