"""Text to speech, through the vendor's SDK."""

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

from .conftest import Simulators


def client(simulators: Simulators, http: httpx.AsyncClient, key: str = "sim-key") -> AsyncElevenLabs:
    return AsyncElevenLabs(api_key=key, base_url=f"{simulators.url}/elevenlabs", httpx_client=http)


async def speak(simulators: Simulators, text: str, *, key: str = "sim-key") -> bytes:
    async with httpx.AsyncClient(timeout=30) as http:
        pieces = client(simulators, http, key).text_to_speech.convert(
            "sim-voice", text=text, model_id="eleven_flash_v2_5", output_format="mp3_44100_128"
        )
        return b"".join([piece async for piece in pieces])


def frame_count(audio: bytes) -> int:
    """Walk the frames as a decoder does: each must begin with a sync word and be 417 bytes long."""
    assert len(audio) % 417 == 0
    starts = range(0, len(audio), 417)
    assert all(audio[start : start + 4] == b"\xff\xfb\x90\xc0" for start in starts)
    return len(starts)


async def test_speech_is_mp3_as_long_as_the_text(simulators: Simulators) -> None:
    short, long = [frame_count(await speak(simulators, "word " * count)) for count in (3, 30)]

    assert short == 39
    assert long == 383


async def test_streaming_gives_the_same_audio(simulators: Simulators) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        pieces = client(simulators, http).text_to_speech.stream("sim-voice", text="Bitcoin is up.")
        streamed = b"".join([piece async for piece in pieces])

    assert streamed == await speak(simulators, "Bitcoin is up.")


async def test_the_cost_stands_in_a_header(simulators: Simulators) -> None:
    async with (
        httpx.AsyncClient(timeout=30) as http,
        client(simulators, http).text_to_speech.with_raw_response.convert(
            "sim-voice", text="hello"
        ) as response,
    ):
        assert response.headers["character-cost"] == "5"


async def test_other_keys_are_refused(simulators: Simulators) -> None:
    with pytest.raises(ApiError) as refused:
        await speak(simulators, "hello", key="wrong")

    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [({}, "", 422), ({"text": " "}, "", 422), ({"text": "hello"}, "?output_format=wav_1", 400)],
)
def test_bad_requests_are_refused(simulators: Simulators, body: object, query: str, status: int) -> None:
    response = simulators.client.post(
        f"/elevenlabs/v1/text-to-speech/sim-voice{query}", json=body, headers={"xi-api-key": "sim-key"}
    )

    assert response.status_code == status
    assert response.json()["detail"]


async def test_the_account_is_reachable(simulators: Simulators) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        elevenlabs = client(simulators, http)

        assert (await elevenlabs.user.get()).subscription.tier == "creator"
        assert (await elevenlabs.voices.get_all()).voices
