"""What clients send, read within bounds and turned into frozen models; everything unreadable is refused here."""

import asyncio
import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from local_stack.auth_server.flows import Challenge
from local_stack.auth_server.refusals import BodyTooLarge, BodyUnreadable, ValidationFailed

BODY_BYTES_MAX = 64 * 1024
BODY_SECONDS_MAX = 5.0
EMAIL_LENGTH_MAX = 255
# Metadata travels in every access token, and services refuse tokens above 8 KiB.
METADATA_BYTES_MAX = 4096

EMAIL = re.compile(r"[^@\s<>()\[\],;:\"\\]+@[^@\s<>()\[\],;:\"\\]+\.[^@\s<>()\[\],;:\"\\.]+")

BodyT = TypeVar("BodyT", bound=BaseModel)


def email_from(text: str) -> str:
    """The form under which an email is stored and compared."""
    email = text.strip().lower()
    if len(email) > EMAIL_LENGTH_MAX or not EMAIL.fullmatch(email):
        raise ValidationFailed("Unable to validate email address: invalid format")
    return email


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > METADATA_BYTES_MAX:
        raise ValueError(f"metadata may have {METADATA_BYTES_MAX} bytes at most")
    return metadata


Metadata = Annotated[dict[str, Any], AfterValidator(_small)]
VerifyType = Literal["signup", "email", "magiclink", "recovery"]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Credentials(Body):
    email: str = ""
    phone: str = ""
    password: str = ""
    data: Metadata = Field(default_factory=dict)


class Refresh(Body):
    refresh_token: str = ""


class UserChange(Body):
    email: str | None = None
    password: str | None = None
    data: Metadata | None = None


class MailRequest(Body):
    """Asks for a mail; with a challenge its link gives a code to that browser alone (PKCE)."""

    email: str = ""
    code_challenge: str | None = None
    code_challenge_method: str | None = None

    @property
    def challenge(self) -> Challenge | None:
        return Challenge.parse(self.code_challenge or "", self.code_challenge_method or "")


class CodeRequest(MailRequest):
    phone: str = ""
    create_user: bool = True
    data: Metadata = Field(default_factory=dict)


class ResendRequest(MailRequest):
    type: Literal["signup", "email_change"]


class CodeExchange(Body):
    auth_code: str = ""
    code_verifier: str = ""


class Verification(Body):
    type: VerifyType
    email: str = ""
    token: str = ""
    token_hash: str = ""
    redirect_to: str = ""


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """Read and validate a JSON body; an empty one counts as an empty object, as GoTrue has it."""
    return validated(_document_from(await _read_bytes(request)), model)


def validated(document: dict[str, Any], model: type[BodyT]) -> BodyT:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ValidationFailed(f"{field}: {first['msg']}") from None


async def _read_bytes(request: Request) -> bytes:
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for piece in request.stream():
                size += len(piece)
                if size > BODY_BYTES_MAX:
                    raise BodyTooLarge
                pieces.append(piece)
    except TimeoutError:
        raise BodyUnreadable("The request body took too long") from None
    return b"".join(pieces)


def _document_from(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
        # Half a surrogate pair is JSON but no text, and Postgres stores no NUL.
        text = json.dumps(document, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        raise BodyUnreadable from None
    if not isinstance(document, dict):
        raise BodyUnreadable("The request body must be a JSON object")
    if "\\u0000" in text:
        raise ValidationFailed("Text may not contain NUL")
    return document
