"""/v1/conversations and feedback: what its owner sees, changes and deletes, and nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool

ASKED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
async def user(api: httpx2.AsyncClient, auth: AuthServer, user_id: UUID) -> httpx2.AsyncClient:
    """A client that is signed in."""
    api.headers.update(bearer(auth.token(user_id)))
    return api


async def converse(chat: Pool, user_id: UUID, title: str = "BTC", *, turns: int = 1, age: int = 0) -> UUID:
    """A conversation of so many questions with their answers, last asked `age` hours before ASKED_AT."""
    at = ASKED_AT - timedelta(hours=age)
    conversation_id: UUID = await chat.fetchval(
        "insert into conversations (user_id, title, created_at, updated_at) values ($1, $2, $3, $3) returning id",
        user_id,
        title,
        at,
    )
    await chat.execute(
        """
        insert into messages (
          conversation_id, user_id, role, content, provider, model, input_tokens, output_tokens, credits, metadata, created_at
        )
        select $1, $2, role, role || ' ' || turn,
               case role when 'assistant' then 'xai' end, case role when 'assistant' then 'grok-4' end,
               case role when 'assistant' then 10 end, case role when 'assistant' then 5 end,
               case role when 'assistant' then 3 end,
               case role when 'assistant' then $4::jsonb else '{}' end,
               $5::timestamptz + make_interval(secs => 2 * turn + (role = 'assistant')::integer)
        from generate_series(1, $3) as turn cross join unnest(array['user', 'assistant']) as role
        """,
        conversation_id,
        user_id,
        turns,
        {"finish_reason": "stop", "signals": [{"symbol": "BTC/USDT"}]},
        at,
    )
    return conversation_id


async def answer_of(chat: Pool, conversation_id: UUID, role: str = "assistant") -> UUID:
    found: UUID = await chat.fetchval(
        "select id from messages where conversation_id = $1 and role = $2 limit 1", conversation_id, role
    )
    return found


async def pages(user: httpx2.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All rows, walked page by page."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await user.get(path, params={**params, "cursor": cursor})).json()
        rows += page["items"]
        if page["next"] is None:
            return rows
        cursor = page["next"]


async def test_conversations_are_listed_newest_first(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    made = [await converse(chat, user_id, f"Title {age}", turns=2, age=age) for age in range(5)]

    rows = await pages(user, "/v1/conversations", limit=2)

    assert [row["id"] for row in rows] == [str(each) for each in made]
    assert rows[0] == {
        "id": str(made[0]),
        "title": "Title 0",
        "created_at": "2026-11-01T12:00:00Z",
        "updated_at": "2026-11-01T12:00:00Z",
        "message_count": 4,
        "excerpt": "assistant 2",
    }
    assert (await user.get(f"/v1/conversations/{made[0]}")).json() == rows[0]


async def test_titles_are_searched_for_the_very_text(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    for age, title in enumerate(("Is ETH at 100% risk?", "eth and btc", "Nothing else")):
        await converse(chat, user_id, title, age=age)

    async def found(q: str) -> list[str]:
        return [row["title"] for row in await pages(user, "/v1/conversations", q=q, limit=1)]

    assert await found("Eth") == ["Is ETH at 100% risk?", "eth and btc"]
    assert await found("100%") == ["Is ETH at 100% risk?"]
    assert await found("%") == ["Is ETH at 100% risk?"]
    assert await found("e_h") == []


@pytest.mark.parametrize("q", ["x" * 201, "a\0b"])
async def test_a_search_that_cannot_be_is_refused(user: httpx2.AsyncClient, q: str) -> None:
    refused = await user.get("/v1/conversations", params={"q": q})

    assert (refused.status_code, refused.json()["details"]["field"]) == (422, "q")


async def test_messages_are_paged_newest_first(user: httpx2.AsyncClient, chat: Pool, user_id: UUID) -> None:
    conversation_id = await converse(chat, user_id, turns=3)

    rows = await pages(user, f"/v1/conversations/{conversation_id}/messages", limit=4)

    said = [f"{role} {turn}" for turn in (3, 2, 1) for role in ("assistant", "user")]
    assert [row["content"] for row in rows] == said
    answer, question = rows[:2]
    assert {**answer, "id": None} == {
        "id": None,
        "role": "assistant",
        "content": "assistant 3",
        "provider": "xai",
        "model": "grok-4",
        "credits": 3,
        "input_tokens": 10,
        "output_tokens": 5,
        "finish_reason": "stop",
        "signals": [{"symbol": "BTC/USDT"}],
        "cached": False,
        "audio_url": None,
        "rating": None,
        "rating_comment": None,
        "superseded_at": None,
        "created_at": "2026-11-01T12:00:07Z",
    }
    assert (question["role"], question["model"], question["signals"]) == ("user", None, [])


async def test_a_new_title_stays_and_moves_nothing(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    conversation_id = await converse(chat, user_id)
    before = (await user.get(f"/v1/conversations/{conversation_id}")).json()

    renamed = await user.patch(f"/v1/conversations/{conversation_id}", json={"title": "  My coin "})

    assert renamed.status_code == 200
    assert renamed.json() == {**before, "title": "My coin"}
    assert (await user.get(f"/v1/conversations/{conversation_id}")).json() == renamed.json()


@pytest.mark.parametrize(
    "body", [{}, {"title": " "}, {"title": "x" * 201}, {"title": 5}, {"title": "x", "user_id": "y"}]
)
async def test_a_title_that_cannot_be_is_refused(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID, body: dict[str, Any]
) -> None:
    refused = await user.patch(f"/v1/conversations/{await converse(chat, user_id)}", json=body)

    assert (refused.status_code, refused.json()["error"]) == (422, "field_invalid")


async def test_a_deleted_conversation_takes_its_messages_and_leaves_the_ledger(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    conversation_id = await converse(chat, user_id)
    other = await converse(chat, user_id, age=1)
    entries = await chat.fetchval("select count(*) from credits_ledger")

    deleted = await user.delete(f"/v1/conversations/{conversation_id}")
    again = await user.delete(f"/v1/conversations/{conversation_id}")

    assert (deleted.status_code, deleted.content, again.status_code) == (204, b"", 404)
    assert [row["id"] for row in await pages(user, "/v1/conversations")] == [str(other)]
    assert await chat.fetchval("select count(*) from messages") == 2
    assert await chat.fetchval("select count(*) from credits_ledger") == entries > 0


async def test_an_answer_is_rated_again_and_not_at_all(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    conversation_id = await converse(chat, user_id)
    path = f"/v1/messages/{await answer_of(chat, conversation_id)}/feedback"

    first = await user.put(path, json={"rating": "down", "comment": "too long"})
    second = await user.put(path, json={"rating": "up"})
    seen = (await user.get(f"/v1/conversations/{conversation_id}/messages")).json()["items"][0]
    gone = [(await user.delete(path)).status_code for _ in range(2)]
    after = (await user.get(f"/v1/conversations/{conversation_id}/messages")).json()["items"][0]

    assert (first.status_code, first.json()["rating"], first.json()["comment"]) == (200, "down", "too long")
    assert (second.json()["rating"], second.json()["comment"]) == ("up", None)
    assert (seen["rating"], seen["rating_comment"]) == ("up", None)
    assert gone == [204, 204]
    assert after["rating"] is None


async def test_a_question_is_not_rated(user: httpx2.AsyncClient, chat: Pool, user_id: UUID) -> None:
    question_id = await answer_of(chat, await converse(chat, user_id), "user")
    path = f"/v1/messages/{question_id}/feedback"

    for refused in (await user.put(path, json={"rating": "up"}), await user.delete(path)):
        assert (refused.status_code, refused.json()["details"]["field"]) == (422, "message_id")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "rating"),
        ({"rating": "meh"}, "rating"),
        ({"rating": "up", "comment": "x" * 2001}, "comment"),
        ({"rating": "up", "note": "x"}, "note"),
    ],
)
async def test_feedback_that_cannot_be_is_refused(
    user: httpx2.AsyncClient, body: dict[str, Any], field: str
) -> None:
    refused = await user.put(f"/v1/messages/{uuid4()}/feedback", json=body)

    assert (refused.status_code, refused.json()["details"]["field"]) == (422, field)


async def test_nobody_reaches_what_another_said(
    user: httpx2.AsyncClient, chat: Pool, auth: AuthServer, user_id: UUID
) -> None:
    conversation_id = await converse(chat, user_id)
    message_id = await answer_of(chat, conversation_id)
    user.headers.update(bearer(auth.token(await add_user(chat))))
    one, feedback = f"/v1/conversations/{conversation_id}", f"/v1/messages/{message_id}/feedback"

    refused = [
        await user.get(one),
        await user.get(f"{one}/messages"),
        await user.patch(one, json={"title": "mine"}),
        await user.delete(one),
        await user.put(feedback, json={"rating": "up"}),
        await user.delete(feedback),
        await user.get("/v1/conversations/no-uuid"),
        await user.put("/v1/messages/no-uuid/feedback", json={"rating": "up"}),
    ]

    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(404, "not_found")] * 8
    assert (await user.get("/v1/conversations")).json() == {"items": [], "next": None}
    kept = await chat.fetchrow(
        "select title, rating from conversations join messages using (user_id) limit 1"
    )
    assert kept is not None
    assert tuple(kept) == ("BTC", None)


async def test_who_is_not_signed_in_sees_nothing(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/v1/conversations")).status_code == 401
