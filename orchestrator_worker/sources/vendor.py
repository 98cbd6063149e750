"""One vendor's HTTP door: timeouts, a bound on what is read, and every failure told in our words without its key."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from zmarty.errors import ZmartyError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
# httpx counts each read for itself, so a vendor that drips bytes would hold us for ever without this one.
REQUEST_SECONDS = 20.0
BODY_BYTES_MAX = 8 * 1024 * 1024
RETRY_AFTER_SECONDS_MAX = 3_600.0
VENDOR_TEXT_MAX = 200
# A polite client; also what bounds a job that asks several questions at once.
REQUESTS_AT_ONCE = 4

KEY_REFUSED = frozenset({401, 403})
REQUEST_REFUSED = frozenset({400, 404, 422})
LIMITED = frozenset({418, 429})


class SourceUnavailable(ZmartyError):
    """A vendor gave no usable answer. `answered` is its HTTP status, `retry_after_seconds` its own word, if any."""

    status = 503
    code = "source_unavailable"

    def __init__(
        self,
        vendor: str,
        reason: str,
        *,
        answered: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{vendor}: {reason}", vendor=vendor, answered=answered)
        self.vendor = vendor
        self.reason = reason
        self.answered = answered
        self.retry_after_seconds = retry_after_seconds


class KeyRefused(SourceUnavailable):
    """The vendor does not accept our key; an operator has to act."""

    code = "source_key_refused"


class RequestRefused(SourceUnavailable):
    """The vendor will never answer this question: a symbol it does not list, a parameter it does not know."""

    code = "source_request_refused"


class SourceLimited(SourceUnavailable):
    """We asked too often."""

    code = "source_limited"


class AnswerUnreadable(SourceUnavailable):
    """The vendor answered something that is not what it documents."""

    code = "source_unreadable"


class AnswerTooShort(SourceUnavailable):
    """The vendor's history does not reach back as far as was asked."""

    code = "source_too_short"


class Vendor:
    """GET requests to one vendor. Raises SourceUnavailable or a subclass; nothing of httpx gets past this class.

    `secrets` are never part of an error's text, even where the vendor repeats them.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._params = dict(params or {})
        self._secrets = tuple(secret for secret in secrets if secret)
        self._free = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._http = httpx.AsyncClient(
            headers=dict(headers or {}),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **params: str | int) -> Any:
        """The answer's JSON, fractions as Decimal."""
        status, headers, body = await self._ask(path, params)
        if status != 200:
            raise self._refusal(status, headers, body)
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=Decimal)
        # RecursionError: a body of brackets only is small and still breaks the parser.
        except (ValueError, RecursionError) as error:
            raise AnswerUnreadable(self.name, "the answer is not JSON", answered=status) from error

    async def _ask(self, path: str, params: Mapping[str, str | int]) -> tuple[int, httpx.Headers, bytes]:
        url = f"{self._base_url}{path}"
        try:
            async with (
                asyncio.timeout(REQUEST_SECONDS),
                self._free,
                self._http.stream("GET", url, params={**self._params, **params}) as response,
            ):
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > BODY_BYTES_MAX:
                        raise AnswerUnreadable(self.name, f"the answer is longer than {BODY_BYTES_MAX} bytes")
                return response.status_code, response.headers, bytes(body)
        except TimeoutError as error:
            raise SourceUnavailable(self.name, f"no answer within {REQUEST_SECONDS:g} s") from error
        except httpx.HTTPError as error:
            raise SourceUnavailable(self.name, type(error).__name__) from error

    def _refusal(self, status: int, headers: httpx.Headers, body: bytes) -> SourceUnavailable:
        kind: type[SourceUnavailable] = SourceUnavailable
        if status in KEY_REFUSED:
            kind = KeyRefused
        elif status in REQUEST_REFUSED:
            kind = RequestRefused
        elif status in LIMITED:
            kind = SourceLimited
        return kind(
            self.name,
            f"answered {status}: {self.redacted(body.decode('utf-8', 'replace'))}",
            answered=status,
            retry_after_seconds=retry_after_seconds(headers.get("retry-after"), now=datetime.now(UTC)),
        )

    def redacted(self, text: str) -> str:
        """A vendor's own words, shortened, on one line and without our keys."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:VENDOR_TEXT_MAX]


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; None when it holds neither."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_SECONDS_MAX)
    try:
        due = parsedate_to_datetime(text)
    except ValueError:
        return None
    if due.tzinfo is None:
        due = due.replace(tzinfo=UTC)
    return min(max((due - now).total_seconds(), 0.0), RETRY_AFTER_SECONDS_MAX)
