"""The statements on conversations and messages. All take a connection that acts as the user."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from orchestrator_api.conversations.rows import Conversation, Feedback, FeedbackRequest, Message
from zmarty.postgres import Connection
from zmarty.sql import load

SQL = load(__package__)

EXCERPT_LENGTH = 160
FROM_START: tuple[None, None] = (None, None)


async def conversations(
    connection: Connection, *, after: Sequence[Any] | None, search: str | None, limit: int
) -> list[Conversation]:
    records = await connection.fetch(
        SQL["conversations"], *(after or FROM_START), search, limit, EXCERPT_LENGTH
    )
    return [Conversation(**record) for record in records]


async def conversation(connection: Connection, conversation_id: UUID) -> Conversation | None:
    record = await connection.fetchrow(SQL["conversation"], conversation_id, EXCERPT_LENGTH)
    return Conversation(**record) if record else None


async def messages(
    connection: Connection,
    conversation_id: UUID,
    *,
    after: Sequence[Any] | None,
    limit: int,
    link: Callable[[UUID], str | None],
) -> list[Message]:
    """`link` tells where a recording is heard."""
    records = await connection.fetch(SQL["messages"], conversation_id, *(after or FROM_START), limit)
    return [_message(dict(record), link) for record in records]


def _message(record: dict[str, Any], link: Callable[[UUID], str | None]) -> Message:
    recording_id: UUID | None = record.pop("recording_id")
    return Message(**record, audio_url=link(recording_id) if recording_id else None)


async def rename(connection: Connection, conversation_id: UUID, title: str) -> bool:
    return await connection.execute(SQL["rename"], conversation_id, title) == "UPDATE 1"


async def delete(connection: Connection, conversation_id: UUID) -> bool:
    return await connection.execute(SQL["delete"], conversation_id) == "DELETE 1"


async def role_of(connection: Connection, message_id: UUID) -> str | None:
    role: str | None = await connection.fetchval(SQL["role_of"], message_id)
    return role


async def rate(connection: Connection, message_id: UUID, asked: FeedbackRequest) -> Feedback | None:
    record = await connection.fetchrow(SQL["rate"], message_id, asked.rating, asked.comment)
    return Feedback(**record) if record else None


async def unrate(connection: Connection, message_id: UUID) -> None:
    await connection.execute(SQL["unrate"], message_id)
