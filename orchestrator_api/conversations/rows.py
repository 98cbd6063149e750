"""The shapes of conversations, messages and feedback. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestrator_api.paging import PageQuery

TITLE_LENGTH_MAX = 200
COMMENT_LENGTH_MAX = 2000
Rating = Literal["up", "down"]


class ConversationsQuery(PageQuery):
    q: Annotated[
        str | None,
        # NUL is in no title, and Postgres takes none.
        Field(
            max_length=TITLE_LENGTH_MAX,
            pattern=r"^[^\x00]*$",
            description="Only titles that hold this text, in any case.",
        ),
    ] = None


class Conversation(BaseModel):
    """A conversation as the list shows it."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime = Field(description="When something was last asked; a new title does not change it.")
    message_count: int
    excerpt: str | None = Field(description="The beginning of the last message.")


class Message(BaseModel):
    """One message. What a question has nothing of (model, credits, rating …) is null."""

    id: UUID
    role: Literal["user", "assistant"]
    content: str
    provider: str | None
    model: str | None
    credits: int | None
    input_tokens: int | None
    output_tokens: int | None
    finish_reason: str | None
    signals: list[dict[str, Any]] = Field(description="The signals that the answer rests on.")
    cached: bool = Field(description="Given before, to the same question on the same facts; priced as data.")
    audio_url: str | None = Field(
        description="A fresh link to the answer as it was spoken, while it is kept."
    )
    rating: Rating | None
    rating_comment: str | None
    created_at: datetime
    superseded_at: datetime | None = Field(
        description="When a newer answer to the same question took its place; null for what holds."
    )


class RenameRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH_MAX)]


class FeedbackRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rating: Rating
    comment: Annotated[str | None, Field(max_length=COMMENT_LENGTH_MAX)] = None


class Feedback(BaseModel):
    """What a user thought of an answer."""

    message_id: UUID
    rating: Rating
    comment: str | None
    rated_at: datetime
