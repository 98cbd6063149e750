"""One vendor's HTTP door: shared limits, timeouts, a bound on what is read, every failure in our words without its key."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from orchestrator_worker.sources.limits import Limits
from zmarty.errors import ZmartyError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
# httpx counts each read for itself, so a vendor that drips bytes would hold us for ever without this one.
REQUEST_SECONDS = 20.0
BODY_BYTES_MAX = 8 * 1024 * 1024
# Binance bans an address for up to three days.
RETRY_AFTER_SECONDS_MAX = 3 * 86_400.0
VENDOR_TEXT_MAX = 200
# A polite client; also what bounds a job that asks several questions at once.
REQUESTS_AT_ONCE = 4

# How long a request may wait for its turn. Longer waits belong to the queue: the job is told when to come back.
PATIENCE_SECONDS = 30.0
# A vendor that wants a moment only is asked once more by the same job.
RETRY_SECONDS_MAX = 5.0
# For how long a vendor is left alone that does not say so itself: told to slow down, or shut out.
PAUSE_SECONDS = {429: 30.0, 418: 120.0}

KEY_REFUSED = frozenset({401, 403})
REQUEST_REFUSED = frozenset({400, 404, 422})
LIMITED = frozenset({418, 429})
CROWDED = "too many requests of this process wait already"
REFUSED = {
    "limited": "our own limit leaves no turn soon enough",
    "paused": "is paused, as it asked",
    "quota_used": "this month's quota is used",
}


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
    """The vendor's limit is reached, by its word or by our own count; `retry_after_seconds` says when to come back."""

    code = "source_limited"


class QuotaUsed(SourceLimited):
    """This month's requests are used up."""

    code = "source_quota_used"


class AnswerUnreadable(SourceUnavailable):
    """The vendor answered something that is not what it documents."""

    code = "source_unreadable"


class AnswerTooShort(SourceUnavailable):
    """The vendor's history does not reach back as far as was asked."""

    code = "source_too_short"


class Vendor:
    """Requests to one vendor, each after its turn. Raises SourceUnavailable or a subclass; nothing of httpx gets past.

    `secrets` are never part of an error's text, even where the vendor repeats them.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        limits: Limits,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        request_seconds: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._params = dict(params or {})
        self._secrets = tuple(secret for secret in secrets if secret)
        self._request_seconds = request_seconds or REQUEST_SECONDS
        self._free = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._http = httpx.AsyncClient(
            headers=dict(headers or {}),
            timeout=httpx.Timeout(max(READ_SECONDS, self._request_seconds / 2), connect=CONNECT_SECONDS),
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(
        self, path: str, *, weight: int = 1, patience_seconds: float = PATIENCE_SECONDS, **params: str | int
    ) -> Any:
        """The answer's JSON, fractions as Decimal. `weight` is what the vendor counts for this request."""
        return self.read(await self.fetch(path, weight=weight, patience_seconds=patience_seconds, **params))

    async def fetch(
        self, path: str, *, weight: int = 1, patience_seconds: float = PATIENCE_SECONDS, **params: str | int
    ) -> str:
        """The answer's body; `read` parses it."""
        try:
            return await self._fetch_once(path, params, weight, patience_seconds)
        except SourceLimited as error:
            said_by_vendor = error.answered is not None
            if not said_by_vendor or (error.retry_after_seconds or 0.0) > RETRY_SECONDS_MAX:
                raise
        # The pause that the vendor asked for stands before this turn.
        return await self._fetch_once(path, params, weight, patience_seconds)

    async def post(self, path: str, question: Mapping[str, Any]) -> Any:
        """The answer's JSON to a JSON body. Asked once: a question that costs money is not repeated by its door."""
        return self.read(await self._fetch_once(path, {}, 1, PATIENCE_SECONDS, question))

    def read(self, body: str) -> Any:
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=Decimal)
        # RecursionError: a body of brackets only is small and still breaks the parser.
        except (ValueError, RecursionError) as error:
            raise AnswerUnreadable(self.name, "the answer is not JSON", answered=200) from error

    async def _fetch_once(
        self,
        path: str,
        params: Mapping[str, str | int],
        weight: int,
        patience_seconds: float,
        question: Mapping[str, Any] | None = None,
    ) -> str:
        ends = time.monotonic() + patience_seconds
        # Our place at the door comes before the turn: turns handed out to requests that then wait behind slow ones
        # would all be used at the same moment.
        try:
            async with asyncio.timeout(patience_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise SourceLimited(self.name, CROWDED, retry_after_seconds=patience_seconds) from None
        try:
            await self._wait_turn(weight, max(0.0, ends - time.monotonic()))
            status, headers, body = await self._ask(path, params, question)
        finally:
            self._free.release()
        if status == 200:
            try:
                return body.decode()
            except UnicodeDecodeError as error:
                raise AnswerUnreadable(self.name, "the answer is not text", answered=status) from error
        refusal = self._refusal(status, headers, body)
        if refusal.retry_after_seconds is not None and (status in LIMITED or status >= 500):
            await self._limits.pause(
                self.name, seconds=refusal.retry_after_seconds, reason=f"answered {status}"
            )
        raise refusal

    async def _wait_turn(self, weight: int, patience_seconds: float) -> None:
        admission = await self._limits.wait_turn(self.name, weight=weight, patience_seconds=patience_seconds)
        if admission.is_granted:
            return
        kind = QuotaUsed if admission.verdict == "quota_used" else SourceLimited
        reason = REFUSED[admission.verdict]
        raise kind(self.name, reason, retry_after_seconds=admission.wait_seconds)

    async def _ask(
        self, path: str, params: Mapping[str, str | int], question: Mapping[str, Any] | None
    ) -> tuple[int, httpx.Headers, bytes]:
        url, method = f"{self._base_url}{path}", "GET" if question is None else "POST"
        try:
            async with (
                asyncio.timeout(self._request_seconds),
                self._http.stream(method, url, params={**self._params, **params}, json=question) as response,
            ):
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > BODY_BYTES_MAX:
                        raise AnswerUnreadable(self.name, f"the answer is longer than {BODY_BYTES_MAX} bytes")
                return response.status_code, response.headers, bytes(body)
        except TimeoutError as error:
            raise SourceUnavailable(self.name, f"no answer within {self._request_seconds:g} s") from error
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
        told = retry_after_seconds(headers.get("retry-after"), now=datetime.now(UTC))
        return kind(
            self.name,
            f"answered {status}: {self.redacted(body.decode('utf-8', 'replace'))}",
            answered=status,
            retry_after_seconds=PAUSE_SECONDS.get(status) if told is None else told,
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
