"""The answer as OpenAI's chat completions, for clients that know nothing of us. Pure."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from orchestrator_api.chat.events import (
    STOPPED,
    Completed,
    Event,
    Opened,
    Restarted,
    Token,
    ToolAnswered,
    ToolAsked,
)
from orchestrator_api.credits.pricing import Rate
from orchestrator_api.model_router.catalog import Catalog, Choice, Model, Tier
from orchestrator_api.model_router.provider import ToolCall

DONE = "data: [DONE]\n\n"
# This wire cannot take text back.
RESTART_NOTICE = "\n\n[The model was interrupted; the answer starts anew.]\n\n"


class AnsweredFunction(BaseModel):
    name: str
    arguments: str = Field(description="JSON as the model wrote it; check it before use.")


class AnsweredCall(BaseModel):
    """A call of one of the client's tools."""

    id: str
    type: Literal["function"] = "function"
    function: AnsweredFunction


class CompletionAnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str | None
    tool_calls: list[AnsweredCall] | None = Field(default=None, exclude_if=lambda calls: calls is None)


class CompletionChoice(BaseModel):
    index: int = 0
    message: CompletionAnswerMessage
    finish_reason: str


class CompletionUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Bill(BaseModel):
    """What the answer cost here."""

    credits: int
    balance: int
    provider: str | None
    cached: bool = Field(default=False, description="Given before; priced as data.")


class CompletionAnswer(BaseModel):
    """A whole chat completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
    zmarty: Bill


class ModelAnswer(BaseModel):
    """As OpenAI's clients know a model, and what it costs here."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    family: str | None = Field(description="The models of one kind; null for `auto` and `ensemble`.")
    rate: Rate | None = Field(
        description=(
            "Credits for a thousand tokens, and the least of a call. A family's is that of its first model. "
            "Null for `auto` and `ensemble`, which cost what the models cost that answer."
        ),
    )
    tier: Tier | None = Field(description="The least plan that may use it; null: every plan.")


class ModelsAnswer(BaseModel):
    """The models that may be asked for."""

    object: Literal["list"] = "list"
    data: list[ModelAnswer]


def models_answer(catalog: Catalog) -> ModelsAnswer:
    """`auto`, `ensemble` and the families first, then every model by its id."""
    checked = _moment(catalog.checked_on)
    choices = [
        ModelAnswer(id=name, created=checked, owned_by="zmarty", family=None, rate=None, tier=None)
        for name in Choice
    ]
    families = [
        _priced(first, id=first.family, created=checked, owned_by="zmarty")
        for first in (catalog.candidates(family)[0] for family in catalog.families)
    ]
    models = [
        _priced(model, id=model.id, created=_moment(model.as_of), owned_by=model.provider)
        for model in catalog.models
    ]
    return ModelsAnswer(data=[*choices, *families, *models])


def _priced(model: Model, *, id: str, created: int, owned_by: str) -> ModelAnswer:
    return ModelAnswer(
        id=id, created=created, owned_by=owned_by, family=model.family, rate=model.rate, tier=model.tier
    )


def completion_from(event: Completed, *, created: int) -> CompletionAnswer:
    return CompletionAnswer(
        id=f"chatcmpl-{event.message_id}",
        created=created,
        model=event.model,
        choices=[
            CompletionChoice(
                message=CompletionAnswerMessage(
                    content=event.text or None, tool_calls=[_call(call) for call in event.calls] or None
                ),
                finish_reason=_reason(event),
            )
        ],
        usage=_usage(event),
        zmarty=_bill(event),
    )


async def completion_frames(
    events: AsyncIterator[Event], *, model: str, created: int, include_usage: bool
) -> AsyncGenerator[str, None]:
    """Render events as chunks. A failure becomes an error frame, which makes OpenAI's SDK raise."""
    base: dict[str, Any] = {"object": "chat.completion.chunk", "created": created, "model": model}
    has_text = False
    async for event in events:
        if isinstance(event, Opened):
            base["id"] = f"chatcmpl-{event.message_id}"
            yield _chunk(base, {"role": "assistant", "content": ""})
        elif isinstance(event, Token):
            has_text = True
            yield _chunk(base, {"content": event.text})
        elif isinstance(event, Restarted):
            if has_text:
                yield _chunk(base, {"content": RESTART_NOTICE})
        elif isinstance(event, Completed):
            base["model"] = event.model
            for index, call in enumerate(event.calls):
                yield _chunk(base, {"tool_calls": [{"index": index, **_call(call).model_dump()}]})
            yield _chunk(base, {}, finish_reason=_reason(event))
            if include_usage:
                told = {"usage": _usage(event).model_dump(), "zmarty": _bill(event).model_dump()}
                yield _data({**base, "choices": [], **told})
        elif isinstance(event, ToolAsked | ToolAnswered):
            # This wire has no word for tools that the client does not do itself.
            continue
        else:
            yield _data(
                {"error": {"message": event.error.message, "code": event.error.code, "type": "server_error"}}
            )
    yield DONE


def _moment(day: date) -> int:
    # As this wire writes times: seconds since 1970.
    return (day.toordinal() - 719_163) * 86_400


def model_answer(catalog: Catalog, name: str) -> ModelAnswer | None:
    """The model of this name, when it may be asked for."""
    return next((model for model in models_answer(catalog).data if model.id == name), None)


def _reason(event: Completed) -> str:
    # This wire knows no word for an answer that its user stopped.
    return "stop" if event.finish_reason == STOPPED else event.finish_reason


def _call(call: ToolCall) -> AnsweredCall:
    return AnsweredCall(id=call.id, function=AnsweredFunction(name=call.name, arguments=call.arguments))


def _usage(event: Completed) -> CompletionUsage:
    read, written = event.usage.input_tokens, event.usage.output_tokens
    return CompletionUsage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _bill(event: Completed) -> Bill:
    return Bill(credits=event.credits, balance=event.balance, provider=event.provider, cached=event.is_cached)


def _chunk(base: dict[str, Any], delta: dict[str, Any], *, finish_reason: str | None = None) -> str:
    return _data({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def _data(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document, ensure_ascii=False, separators=(',', ':'))}\n\n"
