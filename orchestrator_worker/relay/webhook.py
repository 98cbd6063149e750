"""The signed request to an edge function: the one place that knows its wire form and what its answers mean."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from uuid import uuid4

import httpx

from orchestrator_worker.relay.batch import Event
from zmarty.signing import sign

# A function answers within 1 s; the rest is its cold start and the way there.
REQUEST_SECONDS = 5.0
ANSWER_BYTES_MAX = 65_536
ERROR_CHARACTERS_MAX = 500
REFUSED_FOR_GOOD = frozenset({400, 413, 422})
RESULTS = frozenset({"applied", "duplicate", "stale"})


@dataclass(frozen=True)
class Delivered:
    """The change is in the trading database; `result` is applied, duplicate or stale."""

    result: str


@dataclass(frozen=True)
class Refused:
    """This body will never be accepted."""

    error: str


@dataclass(frozen=True)
class Failed:
    """Nobody can say that it arrived; the same request may succeed later. `alarming` when only people can mend it."""

    error: str
    alarming: bool = False


Answer: TypeAlias = Delivered | Refused | Failed
Read = TypeVar("Read")


def beside(url: str, name: str) -> str:
    """The address of another function of the same project."""
    return f"{url.rpartition('/')[0]}/{name}"


class Webhook:
    """A client of one function. Every secret signs, so that either side may learn a new one first."""

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        *,
        connections_max: int,
        request_seconds: float = REQUEST_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        assert secrets, "a webhook needs a secret to sign with"
        self._url = url
        self._secrets = tuple(secrets)
        self._request_seconds = request_seconds
        self._now = now
        self._client = httpx.AsyncClient(
            timeout=request_seconds,
            limits=httpx.Limits(max_connections=connections_max, max_keepalive_connections=connections_max),
            follow_redirects=False,
        )

    async def send(self, events: Sequence[Event]) -> list[Answer]:
        """One request for all, and an answer for each. What fails as a whole has failed for each."""
        if len(events) == 1:
            return [await self._post(str(events[0].id), _json(events[0].payload), _answer_from)]
        wire = [{**event.payload, "id": event.id} for event in events]
        told = await self._post(
            f"batch_{uuid4().hex}", _json({"events": wire}), lambda answer: _answers_from(answer, events)
        )
        if isinstance(told, Refused):
            # Nobody knows which of them it was; each goes alone next time.
            told = Failed(f"batch refused: {told.error}"[:ERROR_CHARACTERS_MAX])
        return told if isinstance(told, list) else [told] * len(events)

    async def _post(
        self, webhook_id: str, body: str, read: Callable[[Any], Read | None]
    ) -> Read | Refused | Failed:
        headers = {"content-type": "application/json", **self._signed(webhook_id, body)}
        try:
            # httpx bounds each step of a request; an answer that trickles is bounded here.
            async with asyncio.timeout(self._request_seconds):
                return await self._answered(headers, body.encode(), read)
        except (httpx.HTTPError, TimeoutError) as error:
            return Failed(f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS_MAX])

    async def close(self) -> None:
        await self._client.aclose()

    def _signed(self, webhook_id: str, body: str) -> dict[str, str]:
        sent_at = self._now()
        stamps = [sign(secret, webhook_id=webhook_id, sent_at=sent_at, body=body) for secret in self._secrets]
        return {**stamps[0], "webhook-signature": " ".join(stamp["webhook-signature"] for stamp in stamps)}

    async def _answered(
        self, headers: dict[str, str], content: bytes, read: Callable[[Any], Read | None]
    ) -> Read | Refused | Failed:
        async with self._client.stream("POST", self._url, headers=headers, content=content) as response:
            text = await _read(response)
        if response.status_code == httpx.codes.OK:
            # Anything else with a 200 is somebody else's page, and proves nothing.
            return read(_parsed(text)) or Failed("200 without a result")
        error = f"{response.status_code} {text}"[:ERROR_CHARACTERS_MAX]
        if response.status_code in REFUSED_FOR_GOOD:
            return Refused(error)
        return Failed(error, alarming=response.status_code < httpx.codes.INTERNAL_SERVER_ERROR)


async def _read(response: httpx.Response) -> str:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) >= ANSWER_BYTES_MAX:
            break
    return body[:ANSWER_BYTES_MAX].decode(errors="replace")


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _answer_from(answer: Any) -> Answer | None:
    result = answer.get("result") if isinstance(answer, dict) else None
    return Delivered(result) if result in RESULTS else None


def _answers_from(answer: Any, events: Sequence[Event]) -> list[Answer] | None:
    """What a batch was answered, in the order it was sent; None unless every event is told of, in its place."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != len(events):
        return None
    told: list[Answer] = []
    for result, event in zip(results, events, strict=True):
        if not isinstance(result, dict) or result.get("id") != event.id:
            return None
        refused = Refused(f"422 {_json(result)}"[:ERROR_CHARACTERS_MAX]) if "error" in result else None
        one = _answer_from(result) or refused
        if one is None:
            return None
        told.append(one)
    return told
