"""Answers that are being written: followed by whoever lost the stream, through any instance, stopped, and written anew."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from orchestrator_api.background import Background
from orchestrator_api.chat import following
from orchestrator_api.chat.recording import Recorder
from orchestrator_api.model_router.provider import Failure, ProviderFailed, Text
from orchestrator_api.model_router.router import Deadlines
from tests.orchestrator_api.chat.conftest import Chat, Chats, ScriptedProvider, calling, saying, served
from tests.orchestrator_api.model_router.wire_server import Hang, Stream, chat_completion, chunk

WORDS = chat_completion(*(f"word{number} " for number in range(30)))
SLOW = Stream((chunk("half a "), chunk("word")), "hang")
# The models wait for whoever stops them.
PATIENT = Deadlines(first_token=60.0, idle=60.0, total=120.0)
TALK = "11111111-1111-4111-8111-111111111111"
STREAM = f"/v1/chat/{TALK}/stream"


def frames_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def said(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["delta"] for frame in frames if frame["type"] == "text-delta")


async def under_way(chat: Chat) -> bool:
    return bool(await chat.database.fetchval("select exists (select from answer_frames)"))


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(40):
        while not await condition():
            await asyncio.sleep(0.02)


def another_instance(chat: Chat) -> Chat:
    """The same databases behind another process's resources."""
    background = Background()
    return replace(
        chat,
        resources=replace(
            chat.resources, background=background, recorder=Recorder(chat.resources.chat, background)
        ),
    )


async def asking(chat: Chat, **body: Any) -> str:
    answer = await chat.client.post(
        "/chat", json={"message": "BTC?", "conversation_id": TALK, **body}, headers=chat.headers
    )
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_an_answer_is_followed_whole_through_another_instance(chats: Chats) -> None:
    chat = await chats.scripted(xai=[SLOW], openai=[WORDS])
    asked = asyncio.create_task(asking(chat))
    await until(lambda: under_way(chat))

    async with served(another_instance(chat).resources) as url, httpx2.AsyncClient(base_url=url) as client:
        followed = await client.get(STREAM, headers=chat.headers, timeout=60)

    assert followed.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert followed.text == await asked, "the same stream, frame by frame"
    assert frames_of(followed.text)[-1]["type"] == "finish"


async def test_without_an_answer_under_way_there_is_nothing_to_follow(chats: Chats) -> None:
    chat = await chats.scripted(xai=[WORDS])
    await asking(chat)
    await chat.resources.background.close(drain_seconds=5)

    ended = await chat.client.get(STREAM, headers=chat.headers)
    unknown = await chat.client.get("/v1/chat/my-own-name/stream", headers=chat.headers)

    assert (ended.status_code, unknown.status_code) == (204, 204)


async def test_an_answer_whose_process_is_gone_ends_with_an_error(
    chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SILENT_SECONDS_MAX", 0.5)
    chat = await chats.scripted(xai=[SLOW])
    await chat.database.execute("insert into conversations (id, user_id) values ($1, $2)", TALK, chat.user_id)
    await chat.database.execute(
        "insert into answers_under_way (message_id, conversation_id, user_id) values (gen_random_uuid(), $1, $2)",
        TALK,
        chat.user_id,
    )

    followed = await chat.client.get(STREAM, headers=chat.headers, timeout=60)

    [credits, error] = frames_of(followed.text)
    assert credits["data"] == {"charged": 0}
    assert error["errorText"].startswith("database_unavailable: ")


async def test_a_stopped_answer_is_kept_and_paid_as_far_as_it_came(chats: Chats) -> None:
    chat = await chats.scripted(PATIENT, xai=[SLOW])
    asked = asyncio.create_task(asking(chat))
    await until(lambda: under_way(chat))

    # Through another instance, and twice.
    async with served(another_instance(chat).resources) as url, httpx2.AsyncClient(base_url=url) as client:
        stopped = [await client.delete(STREAM, headers=chat.headers) for _ in range(2)]

    frames = frames_of(await asked)
    assert [answer.status_code for answer in stopped] == [204, 204]
    assert said(frames) == "half a word"
    assert [frame["type"] for frame in frames[-4:]] == [
        "data-usage", "data-credits", "message-metadata", "abort",
    ]  # fmt: skip
    [(credits, provider, reason)] = await chat.charges()
    assert (provider, reason) == ("xai", "chat")
    assert frames[-3]["data"] == {"charged": credits, "balance": 100 - credits}
    assert await chat.holds() == ["settled"]
    assert (await chat.messages())[-1] == ("assistant", "half a word")


async def test_a_stopped_answer_is_told_again_under_its_key(chats: Chats) -> None:
    chat = await chats.scripted(PATIENT, xai=[SLOW])
    headers, body = {**chat.headers, "Idempotency-Key": "k-1"}, {"message": "BTC?", "conversation_id": TALK}
    asked = asyncio.create_task(chat.client.post("/chat", json=body, headers=headers))
    await until(lambda: under_way(chat))
    await chat.client.delete(STREAM, headers=chat.headers)
    first = frames_of((await asked).text)

    again = frames_of((await chat.client.post("/chat", json=body, headers=headers)).text)

    assert again[0] == first[0], "the same message"
    assert said(again) == said(first) == "half a word"
    assert again[-1]["type"] == first[-1]["type"] == "abort"
    assert len(await chat.charges()) == 1


async def test_a_stopped_analysis_is_kept_as_one(chats: Chats) -> None:
    chat = await chats.scripted(PATIENT, xai=[SLOW])
    asked = asyncio.create_task(
        chat.client.post("/v1/trading/analysis", json={"query": "Where may BTC go?"}, headers=chat.headers)
    )
    await until(lambda: under_way(chat))

    await chat.client.delete("/v1/chat/analyses/stream", headers=chat.headers)

    analysis = (await asked).json()
    assert (analysis["response"], analysis["request_type"]) == ("half a word", "market_analysis")
    assert analysis["processing_time_ms"] > 0


async def test_an_answer_stopped_before_its_first_word_is_free(chats: Chats) -> None:
    chat = await chats.scripted(PATIENT, xai=[Hang()])
    asked = asyncio.create_task(asking(chat))
    await until(lambda: under_way(chat))

    await chat.client.delete(STREAM, headers=chat.headers)

    frames = frames_of(await asked)
    assert [frame["type"] for frame in frames[-2:]] == ["data-credits", "abort"]
    assert frames[-2]["data"] == {"charged": 0}
    assert await chat.account() == (100, 0)
    assert await chat.messages() == []


@pytest.mark.usefixtures("markets")
async def test_what_a_failed_model_read_is_not_paid_when_the_next_is_stopped(chats: Chats) -> None:
    grok = ScriptedProvider(
        "xai",
        calling(("get_signals", '{"symbol": "BTC/USDT"}'), text="Looking.", read=500, written=100),
        [Text("Half of an"), ProviderFailed(Failure.CUT)],
    )
    chat = await chats.speaking(grok, ScriptedProvider("openai", [asyncio.Event()]), deadlines=PATIENT)
    await chat.database.execute("update profiles set tier = 'pro'")
    asked = asyncio.create_task(asking(chat, model="grok"))
    restarted = "select exists (select from answer_frames where frames like '%data-restart%')"
    await until(lambda: chat.database.fetchval(restarted))

    await chat.client.delete(STREAM, headers=chat.headers)

    assert frames_of(await asked)[-1]["type"] == "abort"
    answer = await chat.database.fetchrow(
        "select content, input_tokens, output_tokens from messages where role = 'assistant'"
    )
    assert answer is not None
    assert tuple(answer) == ("Looking.", 500, 100)


async def test_nobody_follows_or_stops_anothers_answer(chats: Chats, auth: Any) -> None:
    chat = await chats.scripted(xai=[SLOW], openai=[WORDS])
    asked = asyncio.create_task(asking(chat))
    await until(lambda: under_way(chat))
    stranger = {"Authorization": f"Bearer {auth.token()}"}

    assert (await chat.client.get(STREAM, headers=stranger)).status_code == 204
    assert (await chat.client.delete(STREAM, headers=stranger)).status_code == 204

    assert frames_of(await asked)[-1]["type"] == "finish"


async def test_a_deleted_conversation_stops_its_answer_and_leaves_the_bill(chats: Chats) -> None:
    chat = await chats.scripted(PATIENT, xai=[SLOW])
    asked = asyncio.create_task(asking(chat))
    await until(lambda: under_way(chat))

    await chat.database.execute("delete from conversations where id = $1", TALK)

    assert frames_of(await asked)[-1]["type"] == "abort"
    assert await chat.holds() == ["settled"]
    assert len(await chat.charges()) == 1
    assert await chat.messages() == []


@pytest.mark.parametrize(
    "body",
    [
        {"conversation_id": TALK, "regenerate": True},
        {"id": TALK, "trigger": "regenerate-message", "messages": [], "messageId": "m-1"},
    ],
)
async def test_the_last_question_is_answered_anew(chats: Chats, body: dict[str, Any]) -> None:
    model = ScriptedProvider("xai", saying("one"), saying("two"), saying("three"))
    chat = await chats.speaking(model)
    await chat.ask(message="First?", conversation_id=TALK)
    await chat.ask(message="Second?", conversation_id=TALK)

    again = await chat.client.post("/chat", json={"stream": False, **body}, headers=chat.headers)

    assert again.json()["answer"] == "three"
    assert [turn.text for turn in model.prompts[2].turns] == ["First?", "one", "Second?"]
    kept = await chat.database.fetch(
        "select content, superseded_at is null as holds from messages order by created_at"
    )
    assert [tuple(row) for row in kept] == [
        ("First?", True), ("one", True), ("Second?", True), ("two", False), ("three", True),
    ]  # fmt: skip
    assert len(await chat.charges()) == 3
    listed = await chat.client.get(f"/v1/conversations/{TALK}/messages", headers=chat.headers)
    superseded = [row["content"] for row in listed.json()["items"] if row["superseded_at"]]
    assert superseded == ["two"], "it can still be read"


async def test_there_must_be_a_question_to_answer_anew(chats: Chats) -> None:
    chat = await chats.scripted(xai=[WORDS])

    unknown = await chat.client.post(
        "/chat", json={"conversation_id": TALK, "regenerate": True}, headers=chat.headers
    )
    unnamed = await chat.client.post("/chat", json={"regenerate": True}, headers=chat.headers)

    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")
    assert (unnamed.status_code, unnamed.json()["details"]["field"]) == (422, "conversation_id")


async def test_what_was_told_is_forgotten(chat: Any) -> None:
    user = await chat.fetchval(
        "insert into auth.users (id, aud, role, email) values (gen_random_uuid(), 'authenticated', 'authenticated', 'a@example.com') returning id"
    )
    await chat.execute("insert into conversations (id, user_id) values ($1, $2)", TALK, user)
    await chat.execute(
        """
        insert into answers_under_way (message_id, conversation_id, user_id, beat_at, ended_at)
        select gen_random_uuid(), $1, $2, now() - beat, now() - ended
        from (values (interval '1 s', null), ('16 min', null), ('6 min', '6 min'::interval), ('1 min', '1 min')) as age (beat, ended)""",
        TALK,
        user,
    )

    assert await chat.fetchval("select private.forget_answers()") == 2


MOMENTS = 200


@dataclass(frozen=True)
class Moment:
    """When a client leaves: after so many seconds, whatever has come by then, or after so many lines; and whether it stops the answer."""

    seconds: float | None
    lines: int
    stops: bool


@pytest.mark.timeout(240)
async def test_whoever_leaves_or_stops_whenever_pays_once_what_was_used(chats: Chats) -> None:
    """200 clients at random moments: gone before the headers, between words, near the end; some stop, and some only leave."""
    # Were the model late, another one would answer, at another price.
    chat = await chats.scripted(PATIENT, xai=[chat_completion(*("word " for _ in range(20)))])
    await chat.database.execute(
        "select private.grant_credits($1, 10000, 'much', 'for the test')", chat.user_id
    )
    draw = random.Random(7)
    moments = [
        Moment(
            seconds=draw.uniform(0.001, 0.06) if draw.random() < 0.3 else None,
            lines=draw.randint(0, 52),
            stops=draw.random() < 0.3,
        )
        for _ in range(MOMENTS)
    ]

    async def leave(client: httpx2.AsyncClient, number: int, moment: Moment) -> None:
        talk = f"00000000-0000-4000-8000-{number:012d}"
        body = {"message": f"BTC {number}?", "conversation_id": talk}
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(moment.seconds),
                client.stream("POST", "/chat", json=body, headers=chat.headers) as response,
            ):
                lines = response.aiter_lines()
                for _ in range(moment.lines):
                    if await anext(lines, None) is None:
                        break
        if moment.stops:
            await client.delete(f"/v1/chat/{talk}/stream", headers=chat.headers)

    async with served(chat.resources) as url, httpx2.AsyncClient(base_url=url, timeout=60) as client:
        waiting = asyncio.Semaphore(10)

        async def in_turn(number: int, moment: Moment) -> None:
            async with waiting:
                await leave(client, number, moment)

        await asyncio.gather(*(in_turn(number, moment) for number, moment in enumerate(moments)))
    # With the server: a question may be taken up only after its client has left.
    states = await chat.until_resolved()

    # Who left before the question arrived has asked nothing.
    assert MOMENTS / 2 < len(states) <= MOMENTS
    assert set(states) <= {"settled", "released"}
    # By statements of its own: each settled hold has one charge, one answer, and what the answer's tokens cost.
    wrong = await chat.database.fetch(
        """
        select hold.state, hold.credits, hold.charged, entry.amount, answer.credits as told,
          answer.input_tokens, answer.output_tokens, answer.provider, answer.metadata
        from credit_holds as hold
        left join credits_ledger as entry on entry.idempotency_key = 'hold:' || hold.id
        left join messages as answer on answer.hold_id = hold.id
        where hold.user_id = $1
          and case hold.state
            when 'settled' then
              entry.id is null or answer.id is null or -entry.amount <> hold.charged or answer.credits <> hold.charged
              or hold.charged <> ceil((answer.input_tokens + 4 * answer.output_tokens) / 1000.0) + 1
            else entry.id is not null or answer.id is not null
          end""",
        chat.user_id,
    )
    assert [dict(row) for row in wrong] == []
    balance, held = await chat.account()
    assert held == 0
    assert balance == await chat.database.fetchval(
        "select sum(amount) from credits_ledger where user_id = $1", chat.user_id
    )
