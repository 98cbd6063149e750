"""ElevenLabs' text to speech: real MP3 frames of silence, as long as the text would take to say."""

import json
from collections.abc import AsyncIterator
from math import ceil
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from local_stack.simulators.control import accepted, faults_of
from local_stack.simulators.streams import ErrorInStream, StreamCut, paced

FORMAT_DEFAULT = "mp3_44100_128"
CHARACTERS_A_SECOND = 15
CHARACTERS_MAX = 10_000
PIECE_BYTES = 4_096
VOICES = {"JBFqnCBsd6RMkjVDRZzb": "George", "21m00Tcm4TlvDq8ikWAM": "Rachel", "sim-voice": "Simulated"}
# MPEG-1 layer III at 44.1 kHz: the four bits that stand for a bit rate, 1152 samples a frame.
BIT_RATES = {32: 1, 64: 5, 96: 7, 128: 9, 192: 11}
SAMPLE_RATE, FRAME_SAMPLES = 44_100, 1_152


class Speech:
    @property
    def router(self) -> Router:
        return Router(
            [
                Route("/v1/text-to-speech/{voice_id}", self.convert, methods=["POST"]),
                Route("/v1/text-to-speech/{voice_id}/stream", self.convert, methods=["POST"]),
                Route("/v1/voices", self.voices),
                Route("/v1/user", self.user),
            ]
        )

    async def convert(self, request: Request) -> Response:
        if not accepted(request.headers.get("xi-api-key")):
            return _key_refused()
        output_format = request.query_params.get("output_format", FORMAT_DEFAULT)
        kilobits = bit_rate(output_format)
        if kilobits is None:
            return refusal(400, "output_format_not_allowed", f"The simulator cannot make {output_format}.")
        try:
            text = json.loads(await request.body())["text"]
        except (ValueError, KeyError, TypeError):
            return _text_refused("Field required")
        if not isinstance(text, str) or not text.strip():
            return _text_refused("Input should be a non-empty string")
        if len(text) > CHARACTERS_MAX:
            return refusal(
                400, "max_character_limit_exceeded", f"At most {CHARACTERS_MAX} characters are allowed."
            )
        headers = {"character-cost": str(len(text)), "request-id": "simulated"}
        audio = silence(text, kilobits)
        return StreamingResponse(self._send(request, audio), media_type="audio/mpeg", headers=headers)

    async def _send(self, request: Request, audio: bytes) -> AsyncIterator[bytes]:
        pieces = [audio[at : at + PIECE_BYTES] for at in range(0, len(audio), PIECE_BYTES)]
        try:
            async for piece in paced(pieces, faults_of(request), request):
                yield piece
        except (ErrorInStream, StreamCut):
            # Audio has no way to report an error but to end.
            return

    async def voices(self, request: Request) -> Response:
        if not accepted(request.headers.get("xi-api-key")):
            return _key_refused()
        voices = [{"voice_id": voice, "name": name, "category": "premade"} for voice, name in VOICES.items()]
        return JSONResponse({"voices": voices})

    async def user(self, request: Request) -> Response:
        if not accepted(request.headers.get("xi-api-key")):
            return _key_refused()
        subscription: dict[str, Any] = {
            "tier": "creator",
            "character_count": 0,
            "character_limit": 100_000,
            "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False,
            "status": "active",
        }
        return JSONResponse({"user_id": "simulated", "subscription": subscription, "is_new_user": False})


def refusal(status: int, code: str, message: str) -> Response:
    defaults = {401: "invalid_api_key", 429: "too_many_concurrent_requests", 503: "system_busy"}
    detail = {"status": code or defaults.get(status, "error"), "message": message}
    return JSONResponse({"detail": detail}, status)


def bit_rate(output_format: str) -> int | None:
    """Kilobits a second of a format we can make, else None."""
    kind, _, rest = output_format.partition("_")
    sample_rate, _, kilobits = rest.partition("_")
    if kind != "mp3" or sample_rate != str(SAMPLE_RATE) or not kilobits.isdigit():
        return None
    return int(kilobits) if int(kilobits) in BIT_RATES else None


def silence(text: str, kilobits: int) -> bytes:
    """Frames whose side information is all zero decode to silence: a header and padding are enough."""
    seconds = len(text) / CHARACTERS_A_SECOND
    frames = max(1, ceil(seconds * SAMPLE_RATE / FRAME_SAMPLES))
    # Sync word, MPEG-1 layer III without a checksum; bit rate and 44.1 kHz; one channel.
    header = bytes([0xFF, 0xFB, BIT_RATES[kilobits] << 4, 0xC0])
    length = FRAME_SAMPLES // 8 * kilobits * 1000 // SAMPLE_RATE
    return (header + bytes(length - len(header))) * frames


def _key_refused() -> Response:
    return refusal(401, "invalid_api_key", "Invalid API key")


def _text_refused(problem: str) -> Response:
    return JSONResponse({"detail": [{"type": "missing", "loc": ["body", "text"], "msg": problem}]}, 422)
