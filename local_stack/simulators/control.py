"""What a test may do to a vendor: make it slow, refuse, wait, break; and what it may look at afterwards.

Every request to a vendor passes the gate here; nothing else knows of faults but the streams, which break in
the middle.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_stack.simulators.connection import reset

HOLD_SECONDS_MAX = 600.0
SILENCE_SECONDS_MAX = 600.0
REQUESTS_KEPT = 500
BODY_BYTES_MAX = 10_000_000
KEY_PREFIXES = ("sim-", "simulated-")
SECRET_PARAMETERS = frozenset({"api_key", "apikey", "key", "token", "signature"})

# Answers in the vendor's own words: status, code (a vendor's name for the reason, or "") and message.
Refusal = Callable[[int, str, str], Response]


class ControlInvalid(Exception):
    """A control request names something that does not exist; the message says what."""


@dataclass(frozen=True)
class Failure:
    """Answer `status` to the next `times` requests (None: all), or for `seconds`, where the path contains `path`."""

    status: int = 503
    times: int | None = None
    seconds: float | None = None
    retry_after: float | None = None
    code: str = ""
    message: str = "The simulator was told to fail."
    path: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.status, int) or not 400 <= self.status <= 599:
            raise ControlInvalid(f"fail.status cannot be {self.status}")
        for name in ("times", "seconds", "retry_after"):
            if not isinstance(getattr(self, name), int | float | None):
                raise ControlInvalid(f"fail.{name} must be a number")


@dataclass(frozen=True)
class Limit:
    """A token bucket: requests a second on average, and how many at once."""

    per_second: float
    burst: float

    def __post_init__(self) -> None:
        usable = all(isinstance(value, int | float) and value > 0 for value in (self.per_second, self.burst))
        if not usable:
            raise ControlInvalid("limit needs a positive per_second and burst")


@dataclass(frozen=True)
class Faults:
    latency_ms: float = 0
    fail: Failure | None = None
    limit: Limit | None = None
    hold: bool = False
    # Before any answer: the connection is reset, or never answered.
    reset: bool = False
    silent: bool = False
    # In streams.
    first_token_ms: float = 0
    piece_ms: float = 4
    cut_after_pieces: int | None = None
    error_after_pieces: int | None = None
    stall: bool = False
    malformed: bool = False
    no_end: bool = False
    empty: bool = False
    refuse_prefill: bool = False

    def changed(self, changes: dict[str, Any]) -> Self:
        """Raises ControlInvalid for unknown names and unusable values."""
        known = {entry.name: entry for entry in fields(self)}
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ControlInvalid(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        values: dict[str, Any] = dict(changes)
        try:
            for name, kind in (("fail", Failure), ("limit", Limit)):
                if isinstance(values.get(name), dict):
                    values[name] = kind(**values[name])
        except TypeError as error:
            raise ControlInvalid(str(error)) from error
        for name, value in values.items():
            _check(name, value, getattr(type(self), name))
        return replace(self, **values)


def _check(name: str, value: Any, default: Any) -> None:
    if name in ("fail", "limit"):
        usable = value is None or isinstance(value, Failure | Limit)
    elif isinstance(default, bool):
        usable = isinstance(value, bool)
    else:
        countable = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        usable = countable or (default is None and value is None)
    if not usable:
        raise ControlInvalid(f"{name} cannot be {json.dumps(value, default=str)}")


@dataclass
class Vendor:
    """One simulated vendor's switchboard."""

    name: str
    refusal: Refusal
    normal: Faults = field(default_factory=Faults)
    records_bodies: bool = False
    faults: Faults = field(init=False)
    waiting_count: int = 0
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))

    def __post_init__(self) -> None:
        self.faults = self.normal
        self._changed = asyncio.Condition()
        self._failing_since = 0.0
        self._tokens, self._tokens_at = 0.0, 0.0
        self._refill()

    async def change(self, changes: dict[str, Any] | None) -> None:
        """Apply changes, or with None go back to normal; requests on hold look again."""
        self.faults = self.normal if changes is None else self.faults.changed(changes)
        if changes is None or "fail" in changes:
            self._failing_since = time.monotonic()
        if changes is None or "limit" in changes:
            self._refill()
        async with self._changed:
            self._changed.notify_all()

    async def released(self) -> None:
        """Wait while the vendor is told to hold its requests."""
        self.waiting_count += 1
        try:
            async with asyncio.timeout(HOLD_SECONDS_MAX), self._changed:
                await self._changed.wait_for(lambda: not self.faults.hold)
        finally:
            self.waiting_count -= 1

    def next_failure(self, path: str) -> Failure | None:
        """The failure this request meets, counted down."""
        failure = self.faults.fail
        if failure is None or failure.path not in path:
            return None
        if failure.seconds is not None and time.monotonic() - self._failing_since > failure.seconds:
            return None
        if failure.times is not None:
            if failure.times < 1:
                return None
            self.faults = replace(self.faults, fail=replace(failure, times=failure.times - 1))
        return failure

    def seconds_until_allowed(self) -> float:
        """0 when the vendor's rate limit lets a request pass, else how long to wait."""
        limit = self.faults.limit
        if limit is None:
            return 0.0
        now = time.monotonic()
        self._tokens = min(limit.burst, self._tokens + (now - self._tokens_at) * limit.per_second)
        self._tokens_at = now
        if self._tokens < 1:
            return (1 - self._tokens) / limit.per_second
        self._tokens -= 1
        return 0.0

    def description(self) -> dict[str, Any]:
        return {**asdict(self.faults), "waiting_count": self.waiting_count}

    def _refill(self) -> None:
        self._tokens = self.faults.limit.burst if self.faults.limit else 0.0
        self._tokens_at = time.monotonic()


class Gate:
    """The way into a vendor: recorded, delayed, held, limited, broken or let through."""

    def __init__(self, app: ASGIApp, vendor: Vendor) -> None:
        self.app = app
        self.vendor = vendor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = self._record(scope)
        body = await _read_body(receive)
        if self.vendor.records_bodies:
            record["body"] = _json_or_none(body)

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
            await send(message)

        if not await _outlives(self._delay(), receive):
            record["status"] = "client gone"
            return
        refused = self._refusal(scope["path"])
        if refused is not None:
            await refused(scope, receive, send_recorded)
        elif self.vendor.faults.reset:
            record["status"] = "reset"
            await reset(scope, receive)
        else:
            scope["state"]["vendor"] = self.vendor
            await self.app(scope, _with_body(body, receive), send_recorded)

    async def _delay(self) -> None:
        vendor = self.vendor
        if vendor.faults.latency_ms:
            await asyncio.sleep(vendor.faults.latency_ms / 1000)
        if vendor.faults.hold:
            await vendor.released()
        if vendor.faults.silent:
            await asyncio.sleep(SILENCE_SECONDS_MAX)

    def _refusal(self, path: str) -> Response | None:
        failure = self.vendor.next_failure(path)
        if failure is not None:
            response = self.vendor.refusal(failure.status, failure.code, failure.message)
            if failure.retry_after is not None:
                response.headers["retry-after"] = f"{failure.retry_after:g}"
            return response
        wait = self.vendor.seconds_until_allowed()
        if wait:
            response = self.vendor.refusal(429, "", "Rate limit exceeded.")
            response.headers["retry-after"] = str(int(wait) + 1)
            return response
        return None

    def _record(self, scope: Scope) -> dict[str, Any]:
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
        shown = urlencode([(key, value) for key, value in query if key.lower() not in SECRET_PARAMETERS])
        record = {
            "vendor": self.vendor.name,
            "method": scope["method"],
            "path": scope["path"].removeprefix(scope["root_path"]),
            "query": shown,
            "at": time.time(),
            "status": None,
        }
        self.vendor.requests.append(record)
        return record


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _with_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, then what comes after it."""
    unread = [body]

    async def receive_again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_again


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


async def _outlives(delay: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Wait, but only as long as the client does; False when it left (a killed worker holds nothing open)."""
    waiting, leaving = asyncio.create_task(delay), asyncio.ensure_future(receive())
    done, pending = await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if waiting in done:
        await waiting
    return waiting in done


def faults_of(request: Request) -> Faults:
    vendor: Vendor = request.state.vendor
    return vendor.faults


def accepted(key: str | None) -> bool:
    """Whether a key is one of ours: simulators take no real keys, so that none can leak into them unnoticed."""
    return key is not None and key.startswith(KEY_PREFIXES)


def bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Controls:
    """The control and inspection routes over all vendors."""

    def __init__(self, vendors: dict[str, Vendor]) -> None:
        self.vendors = vendors

    async def one(self, request: Request) -> Response:
        vendor = self.vendors.get(request.path_params["vendor"])
        if vendor is None:
            return JSONResponse({"error": f"unknown vendor {request.path_params['vendor']}"}, 404)
        return await self._control(request, [vendor])

    async def all(self, request: Request) -> Response:
        return await self._control(request, list(self.vendors.values()))

    async def recent_requests(self, request: Request) -> Response:
        chosen = request.query_params.get("vendor")
        if chosen is not None and chosen not in self.vendors:
            return JSONResponse({"error": f"unknown vendor {chosen}"}, 404)
        vendors = [self.vendors[chosen]] if chosen else list(self.vendors.values())
        records = [record for vendor in vendors for record in vendor.requests]
        if request.method == "DELETE":
            for vendor in vendors:
                vendor.requests.clear()
        return JSONResponse({"requests": sorted(records, key=lambda record: float(record["at"]))})

    async def _control(self, request: Request, vendors: list[Vendor]) -> Response:
        try:
            if request.method == "POST":
                changes = await request.json()
                if not isinstance(changes, dict):
                    raise ControlInvalid("a JSON object is expected")
                # All or none: an unknown name must not leave half of the vendors changed.
                for vendor in vendors:
                    vendor.faults.changed(changes)
                for vendor in vendors:
                    await vendor.change(changes)
            elif request.method == "DELETE":
                for vendor in vendors:
                    await vendor.change(None)
        except (ControlInvalid, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({vendor.name: vendor.description() for vendor in vendors})
