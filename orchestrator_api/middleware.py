"""What surrounds every request: its id, its log line, its headers, its size, and a net under it. Plain ASGI, so streams stay streams."""

import re
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator_api.admin.store import save_error
from orchestrator_api.error_handlers import BodyTooLarge, InternalError, refusal, request_id_of
from orchestrator_api.limits.call import PROBES
from orchestrator_api.limits.limiter import Limiter
from orchestrator_api.resources import Resources

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 64 * 1024
# UI clients send the whole conversation with each question; an image of 2 MiB is a third longer in base64.
BODY_BYTES_MAX_BY_PATH: Mapping[str, int] = {
    "/chat": 512 * 1024,
    "/v1/chat/completions": 512 * 1024,
    # Beyond 64 KiB the protocol itself refuses.
    "/mcp": 128 * 1024,
    "/v1/liquidation/clusters": 3 * 1024 * 1024,
}

REQUEST_ID_HEADER = "X-Request-ID"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PATH_LOGGED_MAX = 200
ERROR_LENGTH_MAX = 500
STATUS_CLIENT_LEFT = 499

EXPOSED_HEADERS = (
    REQUEST_ID_HEADER,
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Vercel-AI-UI-Message-Stream",
)
ACCEPTED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "User-Agent",
    REQUEST_ID_HEADER,
)
PREFLIGHT_SECONDS = 3600

DEFAULT_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    # An answer of the API is never a page; pages bring their own policy.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def surroundings(allowed_origins: tuple[str, ...]) -> list[Middleware]:
    """From the outermost to the innermost. A surprise is answered inside CORS, or browsers could not read the answer."""
    return [
        Middleware(Envelope),
        Middleware(
            CORSMiddleware,
            allow_origins=allowed_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=ACCEPTED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_SECONDS,
        ),
        Middleware(Net),
        Middleware(Limiter),
        Middleware(BodyLimit),
    ]


class Envelope:
    """Gives a request its id, its answer the common headers, and the log one line with duration and status."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = STATUS_CLIENT_LEFT

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_enveloped)
            finally:
                _account(scope, status, time.perf_counter() - started)


def _account(scope: Scope, status: int, seconds: float) -> None:
    resources: Resources = scope["state"]["resources"]
    route = getattr(scope.get("route"), "path", "unmatched")
    resources.traffic.count(scope["method"], route, status, seconds)
    write = log.debug if route in PROBES else log.info
    write(
        "request_answered",
        method=scope["method"],
        path=scope["path"][:PATH_LOGGED_MAX],
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


class Net:
    """Catches what nobody expected: the traceback goes to the log, a line to recent_errors, a plain 500 to the client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_started = False

        async def send_noticed(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noticed)
        except Exception as error:
            log.exception("request_failed", path=scope["path"][:PATH_LOGGED_MAX])
            self._remember(scope, error)
            # Half an answer cannot be taken back: the broken connection is how the client learns of it.
            if has_started:
                raise
            surprise = InternalError(
                "Something went wrong on our side; it has been recorded with this request's id."
            )
            await refusal(surprise, request_id_of(scope))(scope, receive, send)

    def _remember(self, scope: Scope, error: Exception) -> None:
        resources: Resources = scope["state"]["resources"]
        described = f"{scope['method']} {scope['path'][:PATH_LOGGED_MAX]}: {type(error).__name__}: {error}"
        resources.background.start(
            save_error(
                resources.chat,
                code=InternalError.code,
                request_id=request_id_of(scope),
                message=described[:ERROR_LENGTH_MAX],
            ),
            name="save_error",
        )


class BodyLimit:
    """Refuses a body above the bound of its path: at once when its length is announced, else while it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bytes_max = BODY_BYTES_MAX_BY_PATH.get(scope["path"], BODY_BYTES_MAX)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > bytes_max:
            answer = refusal(_too_large(bytes_max), request_id_of(scope), {"Connection": "close"})
            await answer(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            # Raised inside the endpoint that reads, and rendered like every refusal.
            if received > bytes_max:
                raise _too_large(bytes_max)
            return message

        await self.app(scope, receive_counted, send)


def _too_large(bytes_max: int) -> BodyTooLarge:
    details: dict[str, Any] = {"bytes_max": bytes_max}
    return BodyTooLarge(f"The body may have at most {bytes_max} bytes.", **details)
