"""Puts the auth server together: routes under /auth/v1, CORS for browsers, deadlines, and refusals as GoTrue words them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypedDict

import asyncpg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from local_stack.auth_server.refusals import AuthRefusal, DatabaseFailed, RequestTimedOut
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.routes import routes

log = structlog.get_logger(__name__)

CORS_SECONDS = 600

OpenResources = Callable[[], AbstractAsyncContextManager[Resources]]


class State(TypedDict):
    resources: Resources


def create_app(open_resources: OpenResources) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with open_resources() as resources:
            yield {"resources": resources}

    return Starlette(
        routes=[Mount("/auth/v1", routes=routes)],
        lifespan=lifespan,
        middleware=[
            # Tokens travel in headers, never in cookies, so any origin may ask, as on Supabase.
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["*"],
                expose_headers=["x-supabase-api-version"],
                max_age=CORS_SECONDS,
            ),
            Middleware(Gateway),
        ],
        exception_handlers={
            AuthRefusal: refuse,
            asyncpg.PostgresError: fail_database,
            asyncpg.InterfaceError: fail_database,
            OSError: fail_database,
            TimeoutError: time_out,
            HTTPException: refuse_http,
        },
    )


class Gateway:
    """What stands before Supabase Auth: a wrong publishable key is turned away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        expected = scope["state"]["resources"].publishable_key
        given = Request(scope).headers.get("apikey")
        if expected and given and given != expected:
            await JSONResponse({"message": "Invalid API key"}, status_code=401)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AuthRefusal)
    return _answer(error)


async def fail_database(request: Request, error: Exception) -> Response:
    log.error("database_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    return _answer(DatabaseFailed())


async def time_out(_request: Request, _error: Exception) -> Response:
    return _answer(RequestTimedOut())


async def refuse_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"code": error.status_code, "error_code": "validation_failed", "msg": error.detail}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


def _answer(refusal: AuthRefusal) -> Response:
    return JSONResponse(refusal.body, status_code=refusal.status, headers={"x-sb-error-code": refusal.code})
