"""Renders every refusal and every surprise in the one shape of an error answer. Nothing else renders errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ExceptionHandler, Scope

from orchestrator_api.answers import json_answer
from orchestrator_api.losses import DATABASE_LOSSES
from orchestrator_api.openapi import ErrorAnswer
from zmarty.errors import DatabaseUnavailable, NotFound, ZmartyError

log = structlog.get_logger(__name__)


class BodyTooLarge(ZmartyError):
    status: ClassVar[int] = 413
    code: ClassVar[str] = "body_too_large"


class MethodNotAllowed(ZmartyError):
    status: ClassVar[int] = 405
    code: ClassVar[str] = "method_not_allowed"


class InternalError(ZmartyError):
    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"


def refusal(error: ZmartyError, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for an expected refusal, with the headers that its status asks for."""
    answer = ErrorAnswer(
        error=error.code, message=error.message, details=error.details, request_id=request_id
    )
    extra = dict(headers or {})
    if error.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    if "retry_after_seconds" in error.details:
        extra["Retry-After"] = str(error.details["retry_after_seconds"])
    return json_answer(answer, status=error.status, headers=extra)


def request_id_of(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


async def refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, ZmartyError)
    return refusal(error, request_id_of(request.scope))


async def refuse_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses: an unknown path, or a known one with another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = sorted(_methods_of(request))
        refused = MethodNotAllowed(f"This path takes {', '.join(allowed)}.", allowed=allowed)
        return refusal(refused, request_id_of(request.scope), {"Allow": ", ".join(allowed)})
    if error.status_code == HTTPStatus.NOT_FOUND:
        return refusal(
            NotFound("There is nothing at this path; /docs lists what there is."),
            request_id_of(request.scope),
        )
    raise error


async def refuse_database(request: Request, error: Exception) -> Response:
    log.error("database_unavailable", error=type(error).__name__, exc_info=error)
    refused = DatabaseUnavailable("The database does not answer right now; try again in a moment.")
    return refusal(refused, request_id_of(request.scope))


async def forget(request: Request, error: Exception) -> Response:
    """The client left while we were reading its body: nobody reads this answer, and nothing is wrong with us."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _methods_of(request: Request) -> set[str]:
    # Several routes share a path, one per method; the router's own answer would name the first one's only.
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in getattr(route, "methods", None) or ()}


HANDLERS: Mapping[Any, ExceptionHandler] = {
    ZmartyError: refuse,
    HTTPException: refuse_http,
    ClientDisconnect: forget,
    **dict.fromkeys(DATABASE_LOSSES, refuse_database),
}
