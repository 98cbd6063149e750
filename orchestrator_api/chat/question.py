"""What a client may send as a question, in any of the three forms, and what it means. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from orchestrator_api.credits.pricing import REQUEST_CREDITS_MAX
from orchestrator_api.model_router.catalog import Choice
from orchestrator_api.model_router.provider import Tool, ToolCall, ToolResult, Turn
from zmarty.errors import FieldInvalid, ZmartyError
from zmarty.market import Symbol

TEXT_LENGTH_MAX = 8_000
MESSAGES_MAX = 1_000
PARTS_MAX = 200
CLIENT_ID_LENGTH_MAX = 200
TOOLS_MAX = 32
TOOL_NAME_LENGTH_MAX = 64
TOOL_TEXT_LENGTH_MAX = 2_000
# The names, descriptions and schemas of all tools of a client together; they are paid as part of the prompt.
TOOLS_BYTES_MAX = 24_000
TOOL_CALLS_MAX = 32
# Calls with their results since the question.
FOLLOWING_BYTES_MAX = 24_000
# In bytes, as the hold counts them: a history must cost no more in Chinese than in English.
HISTORY_BYTES_MAX = 12_000


class ModelUnknown(ZmartyError):
    """No model has this name. OpenAI's clients know it as a 404."""

    status: ClassVar[int] = 404
    code: ClassVar[str] = "model_unknown"


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
    regenerate: bool = Field(
        default=False,
        description="Answer the conversation's last question anew; `message` may be absent then.",
    )
    trigger: Literal["submit-message", "regenerate-message"] | None = Field(
        default=None, description="The UI form's word for it."
    )

    @property
    def is_anew(self) -> bool:
        return self.regenerate or self.trigger == "regenerate-message"


class CalledFunction(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=TOOL_NAME_LENGTH_MAX)]
    arguments: Annotated[str, Field(max_length=FOLLOWING_BYTES_MAX)] = ""


class CompletionToolCall(BaseModel):
    """A call that a model made before, as OpenAI's clients send it back."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=CLIENT_ID_LENGTH_MAX)]
    type: Literal["function"] = "function"
    function: CalledFunction


class CompletionMessage(BaseModel):
    """A message as OpenAI's clients send it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[Part], Field(max_length=PARTS_MAX)] | None = None
    tool_calls: Annotated[list[CompletionToolCall], Field(max_length=TOOL_CALLS_MAX)] = Field(
        default_factory=list, description="The assistant's calls, before the results of `tool` messages."
    )
    tool_call_id: Annotated[str, Field(max_length=CLIENT_ID_LENGTH_MAX)] | None = None


class FunctionDefinition(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=TOOL_NAME_LENGTH_MAX)]
    description: Annotated[str, Field(max_length=TOOL_TEXT_LENGTH_MAX)] = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class CompletionTool(BaseModel):
    """A tool of the client: the model may call it, the client does it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal["function"]
    function: FunctionDefinition


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A chat completion as OpenAI's clients ask for it. The client brings the whole conversation."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: Annotated[list[CompletionMessage], Field(min_length=1, max_length=MESSAGES_MAX)]
    model: Annotated[
        str,
        Field(
            max_length=CLIENT_ID_LENGTH_MAX,
            description="A family, a model by its id, or `auto`; /v1/models lists them.",
        ),
    ] = Choice.AUTO
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    tools: Annotated[list[CompletionTool], Field(max_length=TOOLS_MAX)] = Field(
        default_factory=list, description="Instead of ours: calls come back with finish_reason `tool_calls`."
    )
    tool_choice: Literal["auto", "none"] = Field(
        default="auto", description="`none` forbids every tool, ours too."
    )
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
    # What happened since the question: calls of the client's tools with their results.
    following: tuple[Turn, ...] = ()
    # Set when the last question is answered anew: when it was asked.
    is_anew: bool = False
    anew_since: datetime | None = None
    # The client's own tools; an empty tuple forbids every tool, None leaves the choice to us.
    tools: tuple[Tool, ...] | None = None
    # What the model is to make of the question; it is not part of what the user said.
    frame: str = ""
    # What is kept with the answer, beside what happened to it.
    record: Mapping[str, Any] = field(default_factory=dict)


def question_from(request: ChatRequest, *, user_id: UUID, new_id: UUID) -> Question:
    """`new_id` becomes the conversation when the request names none.

    Raises FieldInvalid for a question that is empty or longer than TEXT_LENGTH_MAX.
    """
    if request.messages is not None:
        text, field = _last_user_text(request.messages), "messages"
    else:
        text, field = request.message or "", "message"
    if request.is_anew and not (request.conversation_id or request.id):
        raise FieldInvalid(
            "conversation_id", "must name the conversation whose last question is answered anew"
        )
    return Question(
        # What is answered anew is read from the conversation.
        text="" if request.is_anew else bounded_text(text, field),
        is_anew=request.is_anew,
        conversation_id=request.conversation_id
        or (conversation_named(request.id, user_id) if request.id else new_id),
        model=request.model,
        symbol=request.symbol,
        price_cap=request.price_cap,
        voice=request.voice,
    )


def question_from_completion(
    request: CompletionRequest, *, user_id: UUID, names: Collection[str]
) -> Question:
    """`names` are the models there are. Raises ModelUnknown, and FieldInvalid when the last message is neither the user's nor a tool's, or is empty or too long."""
    if request.model not in names:
        raise ModelUnknown(f"There is no model {request.model!r}; /v1/models lists what there is.")
    asked_at = max((at for at, each in enumerate(request.messages) if each.role == "user"), default=-1)
    following = request.messages[asked_at + 1 :]
    if asked_at < 0 or (following and following[-1].role != "tool"):
        raise FieldInvalid("messages", "must end with a message of the user, or with the results of tools")
    return Question(
        text=bounded_text(_content(request.messages[asked_at]), "messages"),
        # These clients name no conversation; what they asked is kept together in one of its own.
        conversation_id=conversation_named("chat-completions", user_id),
        model=request.model,
        output_tokens_max=request.max_tokens,
        history=_bounded_history(request.messages[:asked_at]),
        following=_following(following),
        tools=_tools(request),
    )


def _tools(request: CompletionRequest) -> tuple[Tool, ...] | None:
    if request.tool_choice == "none":
        return ()
    if not request.tools:
        return None
    size = sum(len(tool.model_dump_json().encode()) for tool in request.tools)
    if size > TOOLS_BYTES_MAX:
        raise FieldInvalid("tools", f"must have at most {TOOLS_BYTES_MAX} bytes together; they have {size}")
    return tuple(Tool(**tool.function.model_dump()) for tool in request.tools)


def _following(messages: list[CompletionMessage]) -> tuple[Turn, ...]:
    """Calls and results as turns. Every result answers a call before it, and every call is answered: vendors refuse less."""
    turns: list[Turn] = []
    waiting: dict[str, ToolResult | None] = {}
    size = 0
    for message in messages:
        text = _content(message)
        size += len(text.encode()) + sum(len(call.function.arguments.encode()) for call in message.tool_calls)
        if message.role == "tool":
            if message.tool_call_id is None or waiting.get(message.tool_call_id, message) is not None:
                raise FieldInvalid("messages", "must name with each tool_call_id a call before it, once")
            waiting[message.tool_call_id] = ToolResult(message.tool_call_id, text)
            if all(waiting.values()):
                turns.append(Turn("user", "", results=tuple(filter(None, waiting.values()))))
                waiting = {}
        elif message.role == "assistant" and message.tool_calls and not waiting:
            calls = tuple(
                ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
                for call in message.tool_calls
            )
            turns.append(Turn("assistant", text, calls=calls))
            waiting = dict.fromkeys(call.id for call in calls)
        else:
            raise FieldInvalid(
                "messages", "must have after the question nothing but calls of tools and their results"
            )
    if waiting:
        raise FieldInvalid("messages", "must have a result for every call")
    if size > FOLLOWING_BYTES_MAX:
        raise FieldInvalid("messages", f"must have at most {FOLLOWING_BYTES_MAX} bytes since the question")
    return tuple(turns)


def bounded_text(text: str, field: str) -> str:
    """Raises FieldInvalid for a question that is empty or longer than TEXT_LENGTH_MAX."""
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
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return "\n".join(part.text for part in message.content if part.type == "text" and part.text)


def _bounded_history(messages: list[CompletionMessage]) -> tuple[Turn, ...]:
    # A client's system message is a wish of the user, not a rule of ours.
    turns = [
        Turn("assistant" if message.role == "assistant" else "user", _content(message))
        for message in messages
        # Of earlier calls what was said about them is kept.
        if message.role != "tool"
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
