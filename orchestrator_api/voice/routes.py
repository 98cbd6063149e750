"""GET /v1/voice/{id}: the audio of an answer, whole or in ranges, for whoever holds its link or owns it."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import Forbidden
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from orchestrator_api.voice import store
from orchestrator_api.voice.bucket import MEDIA_TYPE, AudioMissing, BucketUnavailable
from orchestrator_api.voice.store import Recording
from zmarty.errors import DatabaseUnavailable, FieldInvalid, NotFound, ZmartyError

_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")
MISSING = "There is no such recording; recordings are kept for seven days."


class VoiceUnavailable(ZmartyError):
    """Audio cannot be had here or now; the text of the answer can."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "voice_unavailable"


class RangeInvalid(ZmartyError):
    status: ClassVar[int] = 416
    code: ClassVar[str] = "range_invalid"


class LinkQuery(BaseModel):
    """What a signed link carries. Without it the owner's token opens the recording."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    expires: Annotated[int, Field(ge=0, le=10**12, description="Seconds since 1970.")] | None = None
    signature: Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]+$")] | None = None


@documented(
    summary="The audio of an answer",
    description=(
        "`audioUrl` of an answer is this path with `expires` and `signature`: it opens for an hour without a token. The owner's token "
        "opens it for seven days. Ranges are served."
    ),
    tag="Chat",
    query=LinkQuery,
    headers={"Range": "`bytes=0-1023` for a part."},
    responses={
        200: Answer("MP3.", media_type=MEDIA_TYPE),
        206: Answer("The part that was asked for.", media_type=MEDIA_TYPE),
    },
    errors=(Forbidden, NotFound, RangeInvalid, FieldInvalid, VoiceUnavailable, DatabaseUnavailable),
)
async def play(request: Request) -> Response:
    resources: Resources = request.state.resources
    recording = await _opened(request, resources)
    if resources.voice is None:
        raise VoiceUnavailable("Voice is not offered here.")
    size = recording.byte_count
    part = _part(request.headers.get("range"), size)
    first, last = part or (0, size - 1)
    try:
        begun, following = await resources.voice.pieces(recording, first, last)
    except AudioMissing as error:
        raise NotFound(MISSING) from error
    except BucketUnavailable as error:
        raise VoiceUnavailable("The audio cannot be read right now; try again in a moment.") from error
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(last - first + 1),
        "Cache-Control": "private, max-age=3600",
        **({"Content-Range": f"bytes {first}-{last}/{size}"} if part else {}),
    }
    return StreamingResponse(
        _joined(begun, following), 206 if part else 200, headers=headers, media_type=MEDIA_TYPE
    )


async def _opened(request: Request, resources: Resources) -> Recording:
    asked = parse_query(request, LinkQuery)
    user = None if asked.signature else await authenticate(request, resources.keys)
    try:
        recording = await store.recording(resources.chat, UUID(request.path_params["id"]))
    except ValueError:
        recording = None
    if user is not None:
        # Another user's is not found rather than forbidden: its existence is nobody's business.
        if recording is None or recording.user_id != user.id:
            raise NotFound(MISSING)
        return recording
    if recording is None or resources.voice is None:
        raise NotFound(MISSING)
    if not resources.voice.opens(recording, expires=asked.expires or 0, signature=asked.signature or ""):
        raise Forbidden("This link is not valid or has expired; the owner's token opens the recording.")
    return recording


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a range; None for the whole. Forms we do not know mean the whole, as the standard has it."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    begin, end = found.groups()
    if not begin:
        first, last = max(0, size - int(end)), size - 1
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
    if first >= size or last < first:
        raise RangeInvalid(f"The recording has {size} bytes.", bytes=size)
    return first, last


async def _joined(begun: bytes, following: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for piece in following:
        yield piece


routes: list[BaseRoute] = [Route("/v1/voice/{id}", play, methods=["GET"])]
