"""/v1/conversations and the feedback on messages. Everything is done as the user; another user's is not found."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.token import authenticate
from orchestrator_api.chat.voicing import audio_url_of
from orchestrator_api.conversations import store
from orchestrator_api.conversations.rows import (
    Conversation,
    ConversationsQuery,
    Feedback,
    FeedbackRequest,
    Message,
    RenameRequest,
)
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.paging import Page, PageQuery, decode_cursor, moment, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid, NotFound
from zmarty.postgres import Connection


@documented(
    summary="Your conversations, newest first",
    description="Newest is where something was asked last. `q` searches the titles.",
    tag="Conversations",
    query=ConversationsQuery,
    responses={200: Page[Conversation]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_conversations(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, ConversationsQuery)
    after = decode_cursor(asked.cursor, moment, UUID)
    async with as_user(resources.chat, user) as connection:
        rows = await store.conversations(connection, after=after, search=asked.q, limit=asked.limit + 1)
    return json_answer(page_of(rows, asked.limit, lambda row: (row.updated_at, row.id)))


@documented(
    summary="One of your conversations",
    tag="Conversations",
    responses={200: Conversation},
    errors=(NotFound, DatabaseUnavailable),
)
async def get_conversation(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = _id_in(request, "conversation")
    async with as_user(resources.chat, user) as connection:
        found = await _require_conversation(connection, conversation_id)
    return json_answer(found)


@documented(
    summary="The messages of a conversation, newest first",
    description="The first page ends a conversation, the pages after it go back to its beginning.",
    tag="Conversations",
    query=PageQuery,
    responses={200: Page[Message]},
    errors=(NotFound, FieldInvalid, DatabaseUnavailable),
)
async def list_conversation_messages(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = _id_in(request, "conversation")
    asked = parse_query(request, PageQuery)
    after = decode_cursor(asked.cursor, moment, UUID)
    async with as_user(resources.chat, user) as connection:
        await _require_conversation(connection, conversation_id)
        rows = await store.messages(
            connection,
            conversation_id,
            after=after,
            limit=asked.limit + 1,
            link=lambda recording_id: audio_url_of(resources, user.id, {"recording_id": str(recording_id)}),
        )
    return json_answer(page_of(rows, asked.limit, lambda row: (row.created_at, row.id)))


@documented(
    summary="Give a conversation another title",
    tag="Conversations",
    request=RenameRequest,
    responses={200: Conversation},
    errors=(BodyMalformed, FieldInvalid, NotFound, DatabaseUnavailable),
)
async def rename_conversation(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = _id_in(request, "conversation")
    asked = await parse_body(request, RenameRequest)
    async with as_user(resources.chat, user) as connection:
        await store.rename(connection, conversation_id, asked.title)
        renamed = await _require_conversation(connection, conversation_id)
    return json_answer(renamed)


@documented(
    summary="Delete a conversation with its messages",
    description="What was paid for its answers stays in the ledger.",
    tag="Conversations",
    responses={204: Answer("It is gone.", media_type="")},
    errors=(NotFound, DatabaseUnavailable),
)
async def delete_conversation(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    conversation_id = _id_in(request, "conversation")
    async with as_user(resources.chat, user) as connection:
        if not await store.delete(connection, conversation_id):
            raise _not_found("conversation")
    return Response(status_code=204)


@documented(
    summary="Say whether an answer was of use",
    description="Replaces what you said of it before.",
    tag="Conversations",
    request=FeedbackRequest,
    responses={200: Feedback},
    errors=(BodyMalformed, FieldInvalid, NotFound, DatabaseUnavailable),
)
async def rate_message(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    message_id = _id_in(request, "message")
    asked = await parse_body(request, FeedbackRequest)
    async with as_user(resources.chat, user) as connection:
        await _require_answer(connection, message_id)
        feedback = await store.rate(connection, message_id, asked)
    if feedback is None:
        raise _not_found("message")
    return json_answer(feedback)


@documented(
    summary="Take your feedback back",
    description="Safe to repeat.",
    tag="Conversations",
    responses={204: Answer("Nothing is said of this answer.", media_type="")},
    errors=(FieldInvalid, NotFound, DatabaseUnavailable),
)
async def unrate_message(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    message_id = _id_in(request, "message")
    async with as_user(resources.chat, user) as connection:
        await _require_answer(connection, message_id)
        await store.unrate(connection, message_id)
    return Response(status_code=204)


def _id_in(request: Request, kind: str) -> UUID:
    try:
        return UUID(request.path_params[f"{kind}_id"])
    except ValueError:
        raise _not_found(kind) from None


async def _require_conversation(connection: Connection, conversation_id: UUID) -> Conversation:
    found = await store.conversation(connection, conversation_id)
    if found is None:
        raise _not_found("conversation")
    return found


async def _require_answer(connection: Connection, message_id: UUID) -> None:
    role = await store.role_of(connection, message_id)
    if role is None:
        raise _not_found("message")
    if role != "assistant":
        raise FieldInvalid("message_id", "must name an answer; a question has no rating")


def _not_found(kind: str) -> NotFound:
    return NotFound(f"You have no such {kind}.")


routes = [
    Route("/v1/conversations", list_conversations, methods=["GET"]),
    Route("/v1/conversations/{conversation_id}", get_conversation, methods=["GET"]),
    Route("/v1/conversations/{conversation_id}", rename_conversation, methods=["PATCH"]),
    Route("/v1/conversations/{conversation_id}", delete_conversation, methods=["DELETE"]),
    Route("/v1/conversations/{conversation_id}/messages", list_conversation_messages, methods=["GET"]),
    Route("/v1/messages/{message_id}/feedback", rate_message, methods=["PUT"]),
    Route("/v1/messages/{message_id}/feedback", unrate_message, methods=["DELETE"]),
]
