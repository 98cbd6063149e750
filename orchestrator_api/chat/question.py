"""What a client may send as a question, in any of the three forms, and what it means. Pure."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from orchestrator_api.credits.pricing import REQUEST_CREDITS_MAX
from orchestrator_api.model_router.catalog import Choice
from orchestrator_api.model_router.provider import Turn
from zmarty.errors import FieldInvalid
from zmarty.market import Symbol

TEXT_LENGTH_MAX = 8_000
MESSAGES_MAX = 1_000
PARTS_MAX = 200
CLIENT_ID_LENGTH_MAX = 200
# In bytes, as the hold counts them: a history must cost no more in Chinese than in English.
HISTORY_BYTES_MAX = 12_000


# Which names there are is the catalogue's to say; `route` refuses the others.
ModelName = Annotated[
    str,
    Field(
        max_length=100,
        description=(
            "`auto`, `ensemble` (all families at once, compared), a family, or a model by its id: "
            "one of those that GET /v1/models lists."
        ),
        examples=["auto", "grok", "gpt", "claude", "ensemble"],
    ),
]


class Part(BaseModel):
    """A part of a UI message. Only text parts are read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    text: str | None = None


class UiMessage(BaseModel):
    """A message as the AI SDK's clients send it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["system", "user", "assistant"]
    parts: Annotated[list[Part], Field(max_length=PARTS_MAX)] = Field(default_factory=list)


class ChatRequest(BaseModel):
    """A question in the plain form (`message`) or in the form of the AI SDK's clients (`messages`)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    message: str | None = Field(default=None, description="The question in the plain form.")
    messages: Annotated[list[UiMessage], Field(max_length=MESSAGES_MAX)] | None = Field(
        default=None, description="The UI form; the last user message is the question, ours is the history."
    )
    id: Annotated[str, Field(max_length=CLIENT_ID_LENGTH_MAX)] | None = Field(
        default=None, description="The UI form's name of the conversation."
    )
    conversation_id: UUID | None = Field(default=None, description="The conversation to go on with.")
    stream: bool = Field(default=True, description="False answers one JSON document.")
    model: ModelName = Choice.AUTO
    voice: bool = Field(
        default=False,
        description="Also speak the answer, for 5 credits more, where speech is offered; else `audioUrl` is null and free.",
    )
    symbol: Symbol | None = Field(default=None, validation_alias=AliasChoices("symbol", "asset"))
    price_cap: Annotated[int, Field(ge=1, le=REQUEST_CREDITS_MAX)] | None = Field(
        default=None, description="The most credits this answer may cost."
    )


class CompletionMessage(BaseModel):
    """A message as OpenAI's clients send it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[Part], Field(max_length=PARTS_MAX)]


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A chat completion as OpenAI's clients ask for it. The client brings the whole conversation."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: Annotated[list[CompletionMessage], Field(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = Choice.AUTO
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, validation_alias=AliasChoices("max_completion_tokens", "max_tokens")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a user wants to know, and within which bounds."""

    text: str
    conversation_id: UUID
    model: str = Choice.AUTO
    symbol: Symbol | None = None
    price_cap: int | None = None
    output_tokens_max: int | None = None
    voice: bool = False
    # Set when the client keeps the conversation; None means that ours is read.
    history: tuple[Turn, ...] | None = None


def question_from(request: ChatRequest, *, user_id: UUID, new_id: UUID) -> Question:
    """`new_id` becomes the conversation when the request names none.

    Raises FieldInvalid for a question that is empty or longer than TEXT_LENGTH_MAX.
    """
    if request.messages is not None:
        text, field = _last_user_text(request.messages), "messages"
    else:
        text, field = request.message or "", "message"
    return Question(
        text=_bounded(text, field),
        conversation_id=request.conversation_id
        or (conversation_named(request.id, user_id) if request.id else new_id),
        model=request.model,
        symbol=request.symbol,
        price_cap=request.price_cap,
        voice=request.voice,
    )


def question_from_completion(request: CompletionRequest, *, user_id: UUID) -> Question:
    """Raises FieldInvalid when the last message is not the user's, is empty or too long."""
    *earlier, last = request.messages
    if last.role != "user":
        raise FieldInvalid("messages", "must end with a message of the user")
    return Question(
        text=_bounded(_content(last), "messages"),
        # These clients name no conversation; what they asked is kept together in one of its own.
        conversation_id=conversation_named("chat-completions", user_id),
        model=request.model,
        output_tokens_max=request.max_tokens,
        history=_bounded_history(earlier),
    )


def _bounded(text: str, field: str) -> str:
    text = text.strip()
    if not text:
        raise FieldInvalid(field, "must hold a question; it is empty")
    if len(text) > TEXT_LENGTH_MAX:
        raise FieldInvalid(field, f"must have at most {TEXT_LENGTH_MAX} characters; it has {len(text)}")
    return text


def _last_user_text(messages: list[UiMessage]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            return "\n".join(part.text for part in message.parts if part.type == "text" and part.text)
    return ""


def conversation_named(client_id: str, user_id: UUID) -> UUID:
    """Clients name conversations in their own way. A uuid stays itself; another name means one of this user's only."""
    try:
        return UUID(client_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"zmarty:{user_id}:{client_id}")


def _content(message: CompletionMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if part.type == "text" and part.text)


def _bounded_history(messages: list[CompletionMessage]) -> tuple[Turn, ...]:
    # A client's system message is a wish of the user, not a rule of ours.
    turns = [
        Turn("assistant" if message.role == "assistant" else "user", _content(message))
        for message in messages
    ]
    return recent_turns(turns)


def recent_turns(turns: list[Turn], *, bytes_max: int = HISTORY_BYTES_MAX) -> tuple[Turn, ...]:
    """The newest turns that fit, beginning with the user's, as every model expects it."""
    kept: list[Turn] = []
    size = 0
    for turn in reversed(turns):
        size += len(turn.text.encode())
        if size > bytes_max:
            break
        if turn.text.strip():
            kept.append(turn)
    kept.reverse()
    while kept and kept[0].role != "user":
        kept.pop(0)
    return tuple(kept)
