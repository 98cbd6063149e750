"""The front verbs of voice: speak an answer and keep the audio, link to it, sweep away what is old."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import structlog
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

from orchestrator_api.providers import Access
from orchestrator_api.voice.bucket import AudioMissing, Bucket, BucketUnavailable
from orchestrator_api.voice.links import is_signed, signed_path
from orchestrator_api.voice.spoken import spoken_text
from orchestrator_api.voice.store import Recording

log = structlog.get_logger(__name__)

# The answer can be read meanwhile; its end waits at most this long for the audio.
SPEAK_SECONDS = 20.0
AUDIO_BYTES_MAX = 8 * 1024 * 1024
MODEL = "eleven_flash_v2_5"
FORMAT = "mp3_44100_64"
KEPT_DAYS = 7
SWEEP_SECONDS = 3_600.0


class SpeechFailed(Exception):
    """The vendor gave no audio, or more than an answer can have."""


class Voice:
    """Speaks with one voice and knows where audio is kept. Made when everything it needs is configured."""

    def __init__(self, speaker: AsyncElevenLabs, bucket: Bucket, *, voice_id: str, link_secret: str) -> None:
        self._speaker = speaker
        self._bucket = bucket
        self._voice_id = voice_id
        self._link_secret = link_secret

    async def speak(self, answer: str, *, user_id: UUID, message_id: UUID) -> Recording | None:
        """Audio of the answer, kept; None when there is nothing to say or it failed, which costs nothing."""
        text = spoken_text(answer)
        if not text:
            return None
        recording_id = uuid4()
        path = f"{datetime.now(UTC):%Y-%m-%d}/{recording_id}.mp3"
        started = time.monotonic()
        try:
            async with asyncio.timeout(SPEAK_SECONDS):
                audio = await self._audio(text)
                await self._bucket.save(path, audio)
        except (ApiError, httpx.HTTPError, SpeechFailed, BucketUnavailable, TimeoutError) as error:
            log.warning(
                "speech_failed",
                error=type(error).__name__,
                status=getattr(error, "status_code", None),
                characters=len(text),
                duration_ms=int((time.monotonic() - started) * 1000),
            )
            return None
        return Recording(
            id=recording_id,
            user_id=user_id,
            message_id=message_id,
            path=path,
            byte_count=len(audio),
            character_count=len(text),
        )

    def link(self, recording_id: UUID, user_id: UUID) -> str:
        return signed_path(self._link_secret, recording_id, user_id, now=int(time.time()))

    def opens(self, recording: Recording, *, expires: int, signature: str) -> bool:
        return is_signed(
            self._link_secret,
            recording.id,
            recording.user_id,
            expires=expires,
            signature=signature,
            now=int(time.time()),
        )

    async def pieces(self, recording: Recording, first: int, last: int) -> tuple[bytes, AsyncIterator[bytes]]:
        """The first piece, which proves that the audio is there, and the following ones. Raises AudioMissing and BucketUnavailable."""
        following = self._bucket.read(recording.path, first, last)
        try:
            return await anext(following), following
        except StopAsyncIteration as error:
            raise AudioMissing(recording.path) from error

    async def sweep_forever(self) -> None:
        """Audio is deleted by its day, whether or not anything still knows of it. Safe in every instance at once."""
        while True:
            try:
                await self.sweep(datetime.now(UTC).date())
            except (BucketUnavailable, OSError) as error:
                log.warning("sweep_failed", error=type(error).__name__)
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, today: date) -> None:
        # A recording of the evening is kept for its whole seven days.
        for day in await self._bucket.days():
            if day < today - timedelta(days=KEPT_DAYS):
                await self._bucket.delete_day(day)

    async def _audio(self, text: str) -> bytes:
        audio = bytearray()
        pieces = self._speaker.text_to_speech.stream(
            self._voice_id,
            text=text,
            model_id=MODEL,
            output_format=FORMAT,
            # A silent retry in here would eat the time that the answer waits.
            request_options={"max_retries": 0, "timeout_in_seconds": int(SPEAK_SECONDS)},
        )
        async for piece in pieces:
            audio += piece
            if len(audio) > AUDIO_BYTES_MAX:
                raise SpeechFailed
        if not audio:
            raise SpeechFailed
        return bytes(audio)


@asynccontextmanager
async def open_voice(
    access: Access, bucket: Bucket | None, *, voice_id: str, link_secret: str
) -> AsyncIterator[Voice | None]:
    """Yield the voice, or None when something it needs is not configured; its connections close with it."""
    if bucket is None or not (access.is_configured and voice_id and link_secret):
        yield None
        return
    async with httpx.AsyncClient(timeout=SPEAK_SECONDS) as client:
        speaker = AsyncElevenLabs(base_url=access.base_url, api_key=access.api_key, httpx_client=client)
        yield Voice(speaker, bucket, voice_id=voice_id, link_secret=link_secret)
