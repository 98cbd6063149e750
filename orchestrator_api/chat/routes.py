"""The first sentence of the house: request → auth → context → model → ledger → stream, in one function for every form of chat."""

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import User
from orchestrator_api.chat import store
from orchestrator_api.chat.asking import REFUSALS, ask, completed, wants_cached
from orchestrator_api.chat.completions import (
    CompletionAnswer,
    ModelAnswer,
    ModelsAnswer,
    completion_frames,
    completion_from,
    model_answer,
    models_answer,
)
from orchestrator_api.chat.events import Completed, Event
from orchestrator_api.chat.exchange import (
    request_key,
)
from orchestrator_api.chat.following import follow
from orchestrator_api.chat.question import (
    ChatRequest,
    CompletionRequest,
    ModelUnknown,
    Question,
    conversation_named,
    question_from,
    question_from_completion,
)
from orchestrator_api.chat.ui_stream import HEADERS, ui_frames, usage_json
from orchestrator_api.event_stream import EventStream
from orchestrator_api.model_router.catalog import Catalog
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.parsing import parse_body
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, NotFound

Asked = TypeVar("Asked", bound=BaseModel)

IDEMPOTENCY_HEADERS = {
    "Idempotency-Key": "Names this request, so that a repetition is answered and charged once (24 hours).",
    "Cache-Control": "`no-cache` for an answer that was not given before.",
}


class ChatAnswer(BaseModel):
    """An answer as one document."""

    model_config = ConfigDict(serialize_by_alias=True)

    answer: str
    model: str
    provider: str | None = Field(description="Null for a data brief.")
    finish_reason: str
    usage: dict[str, int]
    credits: int = Field(description="What this answer cost.")
    balance: int = Field(description="What is left.")
    conversation_id: UUID
    message_id: UUID
    signals: list[dict[str, Any]] = Field(description="The signals that the answer could use.")
    audio_url: str | None = Field(default=None, serialization_alias="audioUrl")
    cached: bool = Field(
        default=False, description="Given before, to the same question on the same facts; priced as data."
    )
    voice_refusal: str | None = Field(
        default=None, description="Why there is no audio although it was asked for: `code: reason`."
    )


@dataclass(frozen=True, slots=True)
class Form(Generic[Asked]):
    """One way to ask and to be answered: how a body becomes a question, and events become a response."""

    asked: type[Asked]
    question: Callable[[Asked, UUID, Catalog], Question]
    streams: Callable[[Asked], bool]
    frames: Callable[[Asked, AsyncGenerator[Event, None]], AsyncGenerator[str, None]]
    headers: dict[str, str]
    document: Callable[[Completed], BaseModel]


@documented(
    summary="Ask a question",
    tag="Chat",
    description=(
        "Takes the plain form (`message`) and the AI SDK's (`messages`). Streams the UI message stream, version 1; "
        "with `stream: false` answers one document."
    ),
    request=ChatRequest,
    responses={200: ChatAnswer},
    errors=REFUSALS,
    headers=IDEMPOTENCY_HEADERS,
)
async def chat(request: Request) -> Response:
    return await _converse(request, CHAT)


@documented(
    summary="Ask a question as OpenAI's clients do",
    tag="Chat",
    request=CompletionRequest,
    responses={200: CompletionAnswer},
    errors=(*REFUSALS, ModelUnknown),
    headers=IDEMPOTENCY_HEADERS,
)
async def complete(request: Request) -> Response:
    return await _converse(request, COMPLETIONS)


@documented(summary="The models that may be asked for", tag="Chat", responses={200: ModelsAnswer})
async def list_models(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    return json_answer(models_answer(resources.router.catalog))


@documented(
    summary="A model that may be asked for", tag="Chat", responses={200: ModelAnswer}, errors=(ModelUnknown,)
)
async def show_model(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    found = model_answer(resources.router.catalog, request.path_params["model"])
    if found is None:
        raise ModelUnknown("There is no such model; /v1/models lists what there is.")
    return json_answer(found)


async def _converse(request: Request, form: Form[Asked]) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, form.asked)
    question = form.question(asked, user.id, resources.router.catalog)
    key = request_key(request.headers.get("idempotency-key"), request.url.path, await request.body())
    if question.is_anew:
        question = await _asked_before(resources, user, question)
    return await _respond(
        form,
        asked,
        await ask(
            resources,
            user,
            question,
            key,
            may_be_cached=wants_cached(request.headers) and not question.is_anew,
        ),
    )


async def _asked_before(resources: Resources, user: User, question: Question) -> Question:
    async with as_user(resources.chat, user) as connection:
        last = await store.last_question(connection, question.conversation_id, user.id)
    if last is None:
        raise NotFound("There is no question in this conversation that could be answered anew.")
    return replace(question, text=last.content, anew_since=last.created_at)


@documented(
    summary="Follow an answer that is being written",
    tag="Chat",
    description=(
        "For a client that lost its stream, or another one of the same user: the UI message stream from its beginning, through "
        "any instance. `{id}` is the conversation, as `POST /chat` was told it."
    ),
    responses={
        200: Answer("The stream of the answer.", media_type="text/event-stream"),
        204: Answer("Nothing is being written.", media_type=""),
    },
    errors=(DatabaseUnavailable,),
)
async def follow_answer(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = conversation_named(request.path_params["id"], user.id)
    message_id = await store.answer_under_way(resources.chat, conversation_id, user.id)
    if message_id is None:
        return Response(status_code=204)
    return EventStream(follow(resources.chat, message_id), headers=HEADERS)


@documented(
    summary="Stop an answer that is being written",
    tag="Chat",
    description="What was read and said until then is charged and kept; nothing is when it has not begun to speak. Safe to repeat.",
    responses={204: Answer("It stops within a moment, if it was being written.", media_type="")},
    errors=(DatabaseUnavailable,),
)
async def stop_answer(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = conversation_named(request.path_params["id"], user.id)
    await store.request_stop(resources.chat, conversation_id, user.id)
    return Response(status_code=204)


async def _respond(form: Form[Asked], asked: Asked, events: AsyncGenerator[Event, None]) -> Response:
    if form.streams(asked):
        return EventStream(form.frames(asked, events), headers=form.headers)
    return json_answer(form.document(await completed(events)))


def _chat_answer(event: Completed) -> ChatAnswer:
    return ChatAnswer(
        answer=event.text,
        model=event.model,
        provider=event.provider,
        finish_reason=event.finish_reason,
        usage=usage_json(event),
        credits=event.credits,
        balance=event.balance,
        conversation_id=event.conversation_id,
        message_id=event.message_id,
        signals=[dict(signal) for signal in event.signals],
        audio_url=event.audio_url,
        voice_refusal=event.voice_refusal,
        cached=event.is_cached,
    )


def _completion_stream(
    asked: CompletionRequest, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[str, None]:
    return completion_frames(
        events, model=asked.model, created=int(time.time()), include_usage=asked.stream_options.include_usage
    )


CHAT = Form(
    asked=ChatRequest,
    question=lambda asked, user_id, _catalog: question_from(asked, user_id=user_id, new_id=uuid4()),
    streams=lambda asked: asked.stream,
    frames=lambda asked, events: ui_frames(events),
    headers=HEADERS,
    document=_chat_answer,
)
COMPLETIONS = Form(
    asked=CompletionRequest,
    question=lambda asked, user_id, catalog: question_from_completion(
        asked, user_id=user_id, names=catalog.names
    ),
    streams=lambda asked: asked.stream,
    frames=_completion_stream,
    headers={},
    document=lambda event: completion_from(event, created=int(time.time())),
)

routes: list[BaseRoute] = [
    Route("/chat", chat, methods=["POST"]),
    Route("/v1/chat/completions", complete, methods=["POST"]),
    Route("/v1/chat/{id}/stream", follow_answer, methods=["GET"]),
    Route("/v1/chat/{id}/stream", stop_answer, methods=["DELETE"]),
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{model}", show_model, methods=["GET"]),
]
