"""Spoken answers through the public surface: what is heard, what it costs, who may listen, and what a silent vendor changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from local_stack.simulators.elevenlabs import silence
from orchestrator_api.credits.pricing import VOICE_CREDITS
from orchestrator_api.providers import Access
from orchestrator_api.voice import voice as voicing
from orchestrator_api.voice.bucket import AudioMissing, FolderBucket, SupabaseBucket
from orchestrator_api.voice.spoken import spoken_text
from orchestrator_api.voice.voice import Voice, open_voice
from tests.orchestrator_api.chat.conftest import Chat, Chats, ScriptedProvider, saying
from tests.orchestrator_api.chat.test_chat import frames_of
from tests.orchestrator_api.chat.test_under_way import PATIENT, SLOW, STREAM, TALK, under_way, until
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.support import AuthServer, add_user, bearer

ANSWER = "**Bitcoin** is long. It rests on 312 cases."


@asynccontextmanager
async def voice_at(url: str, folder: Path) -> AsyncIterator[Voice]:
    access = Access(f"{url}/elevenlabs", "sim-key")
    async with open_voice(access, FolderBucket(folder), voice_id="sim-voice", link_secret="secret") as voice:
        assert voice is not None
        yield voice


@asynccontextmanager
async def speaking(chats: Chats, url: str, folder: Path, text: str = ANSWER) -> AsyncIterator[Chat]:
    """A user of a plan with voice, a model that says `text`, and a vendor at `url`."""
    chat = await chats.speaking(ScriptedProvider("xai", *[saying(text, read=500, written=1000)] * 3))
    await chat.database.execute("update profiles set tier = 'pro'")
    async with voice_at(url, folder) as voice:
        resources = replace(chat.resources, voice=voice)
        async with client_of(resources) as client:
            yield replace(chat, client=client, resources=resources)


async def test_an_answer_is_spoken_and_costs_five_more(chats: Chats, simulators: str, tmp_path: Path) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        answer = (await chat.ask(voice=True)).json()
        audio = await chat.client.get(answer["audioUrl"])

        assert answer["answer"] == ANSWER
        assert answer["voice_refusal"] is None
        assert (answer["credits"], answer["balance"]) == (6 + 5, 89)
        assert await chat.charges() == [(11, "xai", "chat")]
        assert audio.status_code == 200
        assert audio.headers["content-type"] == "audio/mpeg"
        assert audio.content == silence(spoken_text(ANSWER), 64)


async def test_lookups_that_take_all_they_may_leave_the_voice_its_credits(
    chats: Chats, simulators: str, tmp_path: Path
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        answer = (await chat.ask(voice=True, price_cap=30)).json()
        held = await chat.database.fetchval("select max(credits) from credit_holds")

    assert held == 30
    assert (answer["voice_refusal"], answer["credits"]) == (None, 6 + 5)


async def test_a_stored_answer_can_be_heard_again(chats: Chats, simulators: str, tmp_path: Path) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        answer = (await chat.ask(voice=True)).json()
        path = f"/v1/conversations/{answer['conversation_id']}/messages"
        said, asked = (await chat.client.get(path, headers=chat.headers)).json()["items"]
        audio = await chat.client.get(said["audio_url"])
        await chat.database.execute("delete from voice_recordings")
        forgotten = (await chat.client.get(path, headers=chat.headers)).json()["items"][0]

    assert (audio.status_code, audio.headers["content-type"]) == (200, "audio/mpeg")
    assert (asked["audio_url"], forgotten["audio_url"]) == (None, None)


async def test_the_ui_stream_ends_after_the_audio(chats: Chats, simulators: str, tmp_path: Path) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        response = await chat.client.post(
            "/chat", json={"message": "BTC?", "voice": True}, headers=chat.headers
        )

    frames = frames_of(response.text)
    kinds = [frame["type"] for frame in frames]
    assert kinds[-3:] == ["data-audio", "finish-step", "finish"]
    assert frames[-3]["data"]["audioUrl"].startswith("/v1/voice/")
    assert frames[-1]["messageMetadata"]["credits"] == 11


async def test_a_repeated_request_gets_a_fresh_link_to_the_same_audio(
    chats: Chats, simulators: str, tmp_path: Path
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        first = (await chat.ask(key="k", voice=True)).json()
        again = (await chat.ask(key="k", voice=True)).json()

        assert again["audioUrl"].split("?")[0] == first["audioUrl"].split("?")[0]
        assert len(await chat.charges()) == 1


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("bytes=0-99", 206, slice(0, 100)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-50", 206, slice(-50, None)),
        ("bytes=0-99999999", 206, slice(0, None)),
        ("bytes=0-1,5-9", 200, slice(0, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=9-3", 416, None),
    ],
)
async def test_parts_are_served(
    chats: Chats, simulators: str, tmp_path: Path, header: str, status: int, part: slice | None
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        url = (await chat.ask(voice=True)).json()["audioUrl"]
        answer = await chat.client.get(url, headers={"Range": header})

    whole = silence(spoken_text(ANSWER), 64)
    assert answer.status_code == status
    if part is not None:
        assert answer.content == whole[part]
        assert answer.headers["content-length"] == str(len(answer.content))
    if status == 206:
        assert answer.headers["content-range"].endswith(f"/{len(whole)}")


async def test_only_the_owner_and_a_signed_link_open_it(
    chats: Chats, simulators: str, tmp_path: Path, auth: AuthServer
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        url = (await chat.ask(voice=True)).json()["audioUrl"]
        path, query = url.split("?")
        bob = await add_user(chat.database)

        async def status(target: str, headers: dict[str, str] | None = None) -> int:
            return (await chat.client.get(target, headers=headers)).status_code

        assert await status(url) == 200
        assert await status(path, chat.headers) == 200
        assert await status(path, bearer(auth.token(bob))) == 404
        assert await status(path) == 401
        assert await status(f"{path}?{query[:-1]}{'0' if query[-1] != '0' else '1'}") == 403
        assert await status(f"/v1/voice/{UUID(int=7)}?{query}") == 404
        assert await status("/v1/voice/nonsense", chat.headers) == 404


@pytest.mark.parametrize("fault", ["refuse", "silent", "late"])
async def test_a_voice_that_fails_costs_nothing_and_leaves_the_answer(
    chats: Chats, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(request: httpx.Request) -> httpx.Response:
        if fault == "late":
            raise httpx.ReadTimeout("late", request=request)
        return (
            httpx.Response(503, json={"detail": "busy"})
            if fault == "refuse"
            else httpx.Response(200, content=b"")
        )

    async with speaking(chats, "http://voice.test", tmp_path) as chat:
        client = httpx.AsyncClient(transport=httpx.MockTransport(fails))
        assert chat.resources.voice is not None
        chat.resources.voice._speaker._client_wrapper.httpx_client.httpx_client = client
        answer = (await chat.ask(voice=True)).json()
        await client.aclose()

        assert answer["answer"] == ANSWER
        assert answer["audioUrl"] is None
        assert answer["voice_refusal"].startswith("voice_unavailable: ")
        assert answer["credits"] == 6
        assert await chat.holds() == ["settled"]
        assert list(tmp_path.iterdir()) == []


async def test_a_stopped_answer_is_not_spoken(chats: Chats, simulators: str, tmp_path: Path) -> None:
    chat = await chats.scripted(PATIENT, xai=[SLOW])
    await chat.database.execute("update profiles set tier = 'pro'")
    async with voice_at(simulators, tmp_path) as voice:
        resources = replace(chat.resources, voice=voice)
        async with client_of(resources) as client:
            body = {"message": "BTC?", "conversation_id": TALK, "voice": True}
            asked = asyncio.create_task(client.post("/chat", json=body, headers=chat.headers))
            await until(lambda: under_way(chat))

            await client.delete(STREAM, headers=chat.headers)

            frames = frames_of((await asked).text)
    [audio] = [frame["data"] for frame in frames if frame["type"] == "data-audio"]
    [(credits, _, _)] = await chat.charges()
    assert audio["audioUrl"] is None
    assert audio["refusal"].startswith("voice_unavailable: the answer was stopped")
    assert credits < VOICE_CREDITS
    assert list(tmp_path.iterdir()) == []


async def test_an_answer_stopped_while_it_is_spoken_has_no_voice_and_no_price_of_one(
    chats: Chats, tmp_path: Path
) -> None:
    asked_to_speak, may_end = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        asked_to_speak.set()
        await may_end.wait()
        return httpx.Response(200, content=b"audio")

    async with (
        speaking(chats, "http://voice.test", tmp_path) as chat,
        httpx.AsyncClient(transport=httpx.MockTransport(slow)) as vendor,
    ):
        assert chat.resources.voice is not None
        chat.resources.voice._speaker._client_wrapper.httpx_client.httpx_client = vendor
        body = {"message": "BTC?", "conversation_id": TALK, "voice": True}
        asked = asyncio.create_task(chat.client.post("/chat", json=body, headers=chat.headers))
        async with asyncio.timeout(10):
            await asked_to_speak.wait()

        stopped = await chat.client.delete(STREAM, headers=chat.headers)

        # A vendor that is not waited for is not heard, however well it speaks at last.
        await asyncio.wait({asked}, timeout=6)
        may_end.set()
        frames = frames_of((await asked).text)
        assert await chat.database.fetchval("select count(*) from voice_recordings") == 0
    [audio] = [frame["data"] for frame in frames if frame["type"] == "data-audio"]
    assert stopped.status_code == 204
    assert audio["audioUrl"] is None
    assert audio["refusal"].startswith("voice_unavailable: the answer was stopped")
    assert await chat.charges() == [(6, "xai", "chat")]
    assert await chat.holds() == ["settled"]
    assert list(tmp_path.iterdir()) == []


async def test_a_vendor_that_never_ends_is_given_up(
    chats: Chats, simulators: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voicing, "SPEAK_SECONDS", 0.0)

    async with speaking(chats, simulators, tmp_path) as chat:
        answer = (await chat.ask(voice=True)).json()

    assert (answer["audioUrl"], answer["credits"]) == (None, 6)


async def test_a_plan_without_voice_is_answered_and_told(
    chats: Chats, simulators: str, tmp_path: Path
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        await chat.database.execute("update profiles set tier = 'free'")
        answer = (await chat.ask(voice=True)).json()

    assert answer["answer"] == ANSWER
    assert answer["voice_refusal"].startswith("forbidden: ")
    assert answer["credits"] == 6


async def test_without_a_vendor_voice_is_refused(chats: Chats) -> None:
    chat = await chats.speaking(ScriptedProvider("xai", saying(ANSWER)))
    await chat.database.execute("update profiles set tier = 'pro'")

    answer = (await chat.ask(voice=True)).json()

    assert answer["voice_refusal"].startswith("voice_unavailable: ")


async def test_five_credits_must_be_there_beside_the_answer(
    chats: Chats, simulators: str, tmp_path: Path
) -> None:
    async with speaking(chats, simulators, tmp_path) as chat:
        answer = (await chat.ask(voice=True, price_cap=6)).json()

    assert answer["voice_refusal"].startswith("credits_exhausted: ")


async def test_the_sweep_deletes_whole_days_after_seven(tmp_path: Path, simulators: str) -> None:
    today = date(2026, 11, 26)
    bucket = FolderBucket(tmp_path)
    for age in (0, 7, 8, 30):
        await bucket.save(f"{today - timedelta(days=age)}/{UUID(int=age)}.mp3", b"audio")

    async with voice_at(simulators, tmp_path) as voice:
        await voice.sweep(today)

    assert await bucket.days() == [date(2026, 11, 19), today]


class Storage:
    """Supabase Storage as its HTTP interface is documented, in memory."""

    def __init__(self) -> None:
        self.buckets: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer sb_secret"
        path = request.url.path.removeprefix("/storage/v1")
        body: Any = request.content
        missing = httpx.Response(400, json={"statusCode": "404", "error": "Bucket not found", "message": "…"})
        if path == "/bucket":
            self.buckets[httpx.Response(200, content=body).json()["id"]] = False
            return httpx.Response(200, json={"name": "voice"})
        if "voice" not in self.buckets:
            return missing
        if path == "/object/list/voice":
            prefix = httpx.Response(200, content=body).json()["prefix"]
            rest = [name.removeprefix(prefix) for name in sorted(self.objects) if name.startswith(prefix)]
            return httpx.Response(
                200, json=[{"name": name} for name in dict.fromkeys(r.split("/")[0] for r in rest)]
            )
        if request.method == "DELETE":
            for name in httpx.Response(200, content=body).json()["prefixes"]:
                del self.objects[name]
            return httpx.Response(200, json=[])
        if request.method == "POST":
            self.objects[path.removeprefix("/object/voice/")] = body
            return httpx.Response(200, json={"Key": "x"})
        audio = self.objects.get(path.removeprefix("/object/authenticated/voice/"))
        if audio is None:
            return missing
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        return httpx.Response(206, content=audio[int(first) : int(last) + 1])


async def test_supabases_bucket_is_made_private_and_keeps_audio() -> None:
    storage = Storage()
    bucket = SupabaseBucket(storage.client, supabase_url="https://a.test", secret_key="sb_secret")
    path = f"2026-11-26/{UUID(int=1)}.mp3"

    await bucket.save(path, b"0123456789")
    part = b"".join([piece async for piece in bucket.read(path, 2, 5)])
    days = await bucket.days()
    await bucket.delete_day(days[0])

    assert storage.buckets == {"voice": False}
    assert part == b"2345"
    assert days == [date(2026, 11, 26)]
    assert storage.objects == {}
    with pytest.raises(AudioMissing):
        await anext(bucket.read(path, 0, 1))
    await storage.client.aclose()
