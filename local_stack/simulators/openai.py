"""The chat completions wire that OpenAI defined and xAI speaks with habits of its own."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from local_stack.simulators.answering import Answer, Tool, Turn, answer, looked
from local_stack.simulators.control import Refusal, accepted, bearer, faults_of
from local_stack.simulators.seeing import TOKENS_AN_IMAGE, images_in, seen
from local_stack.simulators.streams import ErrorInStream, StreamCut, paced

SYSTEM_ROLES = ("system", "developer")
ROLES = (*SYSTEM_ROLES, "user", "assistant", "tool")
CREATED = 1_780_000_000
# xAI's unit of cost, and prices of its flagship: dollars for a million tokens in and out.
TICKS_A_DOLLAR = 10**10
XAI_PRICE_IN, XAI_PRICE_OUT = 3.0, 15.0


class RequestInvalid(Exception):
    """The body is not a chat completion request; the message says why."""

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True)
class Completion:
    """One parsed request."""

    model: str
    system: str
    turns: list[Turn]
    tokens_max: int | None
    stream: bool
    include_usage: bool
    # Of the last message, when it shall be answered in a JSON schema.
    images: tuple[bytes, ...] = ()
    tools: tuple[Tool, ...] = ()

    def answer(self) -> Answer:
        if self.images:
            return looked(
                seen([*self.images]), prompt=self.system, image_tokens=TOKENS_AN_IMAGE * len(self.images)
            )
        return answer(self.system, self.turns, tokens_max=self.tokens_max, tools=self.tools)


class ChatCompletions:
    """One vendor that speaks this wire: its models, how it counts, how it refuses."""

    def __init__(self, *, owner: str, models: tuple[str, ...], refusal: Refusal) -> None:
        self.owner = owner
        self.models = models
        self.refusal = refusal

    @property
    def router(self) -> Router:
        return Router(
            [
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/models", self.list_models),
                Route("/v1/models/{model}", self.show_model),
            ]
        )

    async def list_models(self, request: Request) -> Response:
        if not accepted(bearer(request)):
            return self._key_refused()
        return JSONResponse({"object": "list", "data": [self._model(model) for model in self.models]})

    async def show_model(self, request: Request) -> Response:
        if not accepted(bearer(request)):
            return self._key_refused()
        model = request.path_params["model"]
        return JSONResponse(self._model(model)) if model in self.models else self._model_unknown(model)

    async def complete(self, request: Request) -> Response:
        if not accepted(bearer(request)):
            return self._key_refused()
        faults = faults_of(request)
        try:
            completion = parse(await request.body())
        except RequestInvalid as error:
            return self.refusal(400, "", str(error))
        if completion.model not in self.models:
            return self._model_unknown(completion.model)
        if faults.refuse_prefill and completion.turns[-1].role == "assistant":
            return self.refusal(400, "", "The last message must be from the user.")
        said = completion.answer()
        envelope = {
            "id": f"chatcmpl-sim{int(time.time() * 1e6):x}",
            "created": int(time.time()),
            "model": completion.model,
            "system_fingerprint": "fp_simulated",
        }
        if completion.stream:
            frames = self._stream(request, completion, said, envelope)
            return StreamingResponse(
                frames, media_type="text/event-stream", headers={"cache-control": "no-cache"}
            )
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "" if faults.empty else said.text,
            "refusal": None,
        }
        if said.call:
            function = {"name": said.call.name, "arguments": "".join(said.call.pieces)}
            call = {"id": said.call.id, "type": "function", "function": function}
            message |= {"content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(said)}
        return JSONResponse(
            {**envelope, "object": "chat.completion", "choices": [choice], "usage": self._usage(said)}
        )

    async def _stream(
        self, request: Request, completion: Completion, said: Answer, envelope: dict[str, Any]
    ) -> AsyncIterator[str]:
        faults = faults_of(request)

        def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return frame({"choices": [choice], **({"usage": None} if completion.include_usage else {})})

        def frame(body: dict[str, Any]) -> str:
            return f"data: {json.dumps({**envelope, 'object': 'chat.completion.chunk', **body})}\n\n"

        def part(arguments: str, **beginning: Any) -> str:
            function = {**beginning.pop("function", {}), "arguments": arguments}
            return chunk({"tool_calls": [{"index": 0, **beginning, "function": function}]})

        pieces = said.call.pieces if said.call else said.pieces
        try:
            role_sent = False
            async for piece in paced([] if faults.empty else pieces, faults, request):
                if not role_sent:
                    # Real vendors send the role when the model begins, not when the request arrives.
                    content = None if said.call else ""
                    yield chunk({"role": "assistant", "content": content, "refusal": None})
                    if said.call:
                        # Its name comes first, then the arguments in parts.
                        yield part("", id=said.call.id, type="function", function={"name": said.call.name})
                    role_sent = True
                yield part(piece) if said.call else chunk({"content": piece})
                if faults.malformed:
                    yield 'data: {"id": "chatcmpl-sim", "choices": [{"delta": {"content": \n\n'
                    return
            if faults.no_end:
                return
            yield chunk({}, _finish_reason(said))
            if completion.include_usage:
                yield frame({"choices": [], "usage": self._usage(said)})
            yield "data: [DONE]\n\n"
        except ErrorInStream:
            error = {
                "message": "The server had an error while processing your request.",
                "type": "server_error",
            }
            yield f"data: {json.dumps({'error': {**error, 'param': None, 'code': 'server_error'}})}\n\n"
        except StreamCut:
            return

    def _usage(self, said: Answer) -> dict[str, Any]:
        usage: dict[str, Any] = {
            "prompt_tokens": said.input_tokens,
            "completion_tokens": said.output_tokens + said.reasoning_tokens,
            "total_tokens": said.input_tokens + said.output_tokens + said.reasoning_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": said.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        if self.owner == "xai":
            # xAI bills reasoning tokens but leaves them out here; only the total tells.
            usage["completion_tokens"] = said.output_tokens
            dollars = (
                said.input_tokens * XAI_PRICE_IN
                + (said.output_tokens + said.reasoning_tokens) * XAI_PRICE_OUT
            )
            usage["cost_in_usd_ticks"] = round(dollars / 1e6 * TICKS_A_DOLLAR)
            usage["num_sources_used"] = 0
        return usage

    def _model(self, model: str) -> dict[str, Any]:
        return {"id": model, "object": "model", "created": CREATED, "owned_by": self.owner}

    def _key_refused(self) -> Response:
        return self.refusal(401, "invalid_api_key", "Incorrect API key provided.")

    def _model_unknown(self, model: str) -> Response:
        return self.refusal(
            404, "model_not_found", f"The model `{model}` does not exist or you do not have access to it."
        )


def parse(body: bytes) -> Completion:
    """Raises RequestInvalid."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise RequestInvalid("We could not parse the JSON body of your request.") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise RequestInvalid("you must provide a model parameter", "model")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestInvalid("Missing required parameter: 'messages'.", "messages")
    turns: list[Turn] = []
    called: set[str] = set()
    for order, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise RequestInvalid(f"Invalid value: 'messages[{order}].role'.", "messages")
        turns.append(_turn(order, message, called))
    tokens_max = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if tokens_max is not None and (not isinstance(tokens_max, int) or tokens_max < 1):
        raise RequestInvalid(
            "Invalid 'max_completion_tokens': a positive integer is expected.", "max_completion_tokens"
        )
    options = asked.get("stream_options") or {}
    if options and not asked.get("stream"):
        raise RequestInvalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    return Completion(
        model=asked["model"],
        system="\n".join(turn.text for turn in turns if turn.role in SYSTEM_ROLES),
        turns=[turn for turn in turns if turn.role not in SYSTEM_ROLES] or [Turn("user", "")],
        tokens_max=tokens_max,
        stream=bool(asked.get("stream")),
        include_usage=bool(options.get("include_usage")),
        images=_images_to_read(asked),
        tools=() if asked.get("tool_choice") == "none" else _tools(asked.get("tools") or []),
    )


def _turn(order: int, message: dict[str, Any], called: set[str]) -> Turn:
    """`called` are the calls that wait for a result. Raises RequestInvalid."""
    text = text_of(message.get("content"))
    if message["role"] == "tool":
        if message.get("tool_call_id") not in called:
            raise RequestInvalid(
                "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                f"messages[{order}].tool_call_id",
            )
        called.discard(message["tool_call_id"])
        return Turn("tool", "", results=(text,))
    if called:
        raise RequestInvalid("An assistant message with 'tool_calls' must be followed by tool messages.")
    calls = message.get("tool_calls") or []
    called.update(str(call.get("id")) for call in calls)
    return Turn(message["role"], text)


def _tools(offered: list[Any]) -> tuple[Tool, ...]:
    """Raises RequestInvalid."""
    tools = []
    for order, offer in enumerate(offered):
        function = offer.get("function") if isinstance(offer, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise RequestInvalid(f"Missing required parameter: 'tools[{order}].function.name'.", "tools")
        tools.append(
            Tool(function["name"], function.get("description", ""), function.get("parameters") or {})
        )
    return tuple(tools)


def _images_to_read(asked: dict[str, Any]) -> tuple[bytes, ...]:
    """Raises RequestInvalid."""
    images = images_in(asked["messages"][-1].get("content"))
    wanted = asked.get("response_format") or {}
    if not images or wanted.get("type") != "json_schema":
        return ()
    schema = wanted.get("json_schema") or {}
    if not isinstance(schema.get("schema"), dict) or not schema.get("name"):
        raise RequestInvalid("Missing required parameter: 'response_format.json_schema'.", "response_format")
    return tuple(images)


def text_of(content: Any) -> str:
    """A message's text, written plainly or in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(
        part.get("text", "") for part in parts if isinstance(part, dict) and part.get("type") == "text"
    )


def refuse_as_openai(status: int, code: str, message: str) -> Response:
    kinds = {
        401: "invalid_request_error",
        429: "rate_limit_error",
        400: "invalid_request_error",
        404: "invalid_request_error",
    }
    defaults = {429: "rate_limit_exceeded"}
    error = {
        "message": message,
        "type": kinds.get(status, "server_error"),
        "param": None,
        "code": code or defaults.get(status),
    }
    return JSONResponse({"error": error}, status, headers={"x-request-id": "req_simulated"})


def refuse_as_xai(status: int, code: str, message: str) -> Response:
    kinds = {
        400: "Client specified an invalid argument",
        401: "Unauthenticated",
        404: "Some requested entity was not found",
        429: "Some resource has been exhausted",
        503: "The service is currently unavailable",
    }
    kind = (
        code
        if code not in ("", "invalid_api_key", "model_not_found")
        else kinds.get(status, "Internal error")
    )
    return JSONResponse({"code": kind, "error": message}, status)


def _finish_reason(said: Answer) -> str:
    if said.call:
        return "tool_calls"
    return "length" if said.cut else "stop"
