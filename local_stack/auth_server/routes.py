"""The endpoints of /auth/v1 that supabase-js calls: parse, call one verb, answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local_stack.auth_server import accounts, codes, sessions, store
from local_stack.auth_server.attempts import Attempts
from local_stack.auth_server.bodies import (
    CodeExchange,
    CodeRequest,
    Credentials,
    Refresh,
    ResendRequest,
    UserChange,
    Verification,
    email_from,
    read_body,
    validated,
)
from local_stack.auth_server.flows import is_of_flow
from local_stack.auth_server.refusals import (
    AuthRefusal,
    CodeExpired,
    CredentialsInvalid,
    GrantUnsupported,
    MailsTooMany,
    PhoneDisabled,
    RequestsTooMany,
    ValidationFailed,
)
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.store import Visitor
from local_stack.auth_server.token import authenticate

REQUEST_SECONDS_MAX = 15.0
USER_AGENT_LENGTH_MAX = 256


async def health(request: Request) -> Response:
    return JSONResponse(
        {"name": "GoTrue", "version": "zmarty-local", "description": "The local stand-in for Supabase Auth"}
    )


async def settings(request: Request) -> Response:
    return JSONResponse(
        {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": False,
            "mailer_autoconfirm": True,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }
    )


async def jwks(request: Request) -> Response:
    return JSONResponse(
        resources_of(request).keys.published, headers={"cache-control": "public, max-age=600"}
    )


async def signup(request: Request) -> Response:
    resources, visitor = resources_of(request), visitor_of(request)
    credentials = await read_body(request, Credentials)
    take(resources.limits.signups_by_ip, visitor.ip or "", RequestsTooMany)
    session = await accounts.sign_up(resources, credentials, visitor)
    return JSONResponse(session.shown())


async def token(request: Request) -> Response:
    grant = request.query_params.get("grant_type", "")
    if grant == "password":
        return await _password_grant(request)
    if grant == "refresh_token":
        return await _refresh_grant(request)
    if grant == "pkce":
        return await _pkce_grant(request)
    raise GrantUnsupported


async def _password_grant(request: Request) -> Response:
    resources, visitor = resources_of(request), visitor_of(request)
    credentials = await read_body(request, Credentials)
    with counting_failures(resources, credentials.email.strip().lower(), visitor):
        session = await accounts.sign_in(resources, credentials, visitor)
    return JSONResponse(session.shown())


async def _refresh_grant(request: Request) -> Response:
    body = await read_body(request, Refresh)
    if not body.refresh_token:
        raise ValidationFailed("refresh_token required")
    session = await sessions.refresh_session(resources_of(request), body.refresh_token, visitor_of(request))
    return JSONResponse(session.shown())


async def _pkce_grant(request: Request) -> Response:
    body = await read_body(request, CodeExchange)
    session = await codes.exchange_code(resources_of(request), body, visitor_of(request))
    return JSONResponse(session.shown())


async def get_user(request: Request) -> Response:
    bearer = await authenticate(request, resources_of(request))
    return JSONResponse(bearer.user.shown())


async def put_user(request: Request) -> Response:
    resources = resources_of(request)
    bearer = await authenticate(request, resources)
    user = await accounts.change_user(resources, bearer, await read_body(request, UserChange))
    return JSONResponse(user.shown())


async def logout(request: Request) -> Response:
    resources = resources_of(request)
    bearer = await authenticate(request, resources)
    match request.query_params.get("scope", "global"):
        case "global":
            await store.delete_sessions(resources.chat, bearer.user.id)
        case "local":
            await store.delete_session(resources.chat, bearer.session_id)
        case "others":
            await store.delete_other_sessions(resources.chat, bearer.user.id, bearer.session_id)
        case scope:
            raise ValidationFailed(f'Unsupported logout scope "{scope}"')
    return Response(status_code=204)


async def otp(request: Request) -> Response:
    resources = resources_of(request)
    body = await read_body(request, CodeRequest)
    if body.phone:
        raise PhoneDisabled
    challenge = body.challenge
    email = mail_address(resources, body.email)
    await codes.send_sign_in_code(
        resources,
        email,
        create_user=body.create_user,
        metadata=body.data,
        redirect_to=request.query_params.get("redirect_to", ""),
        challenge=challenge,
    )
    return JSONResponse({})


async def recover(request: Request) -> Response:
    resources = resources_of(request)
    body = await read_body(request, CodeRequest)
    challenge = body.challenge
    email = mail_address(resources, body.email)
    await codes.send_recovery_code(
        resources, email, redirect_to=request.query_params.get("redirect_to", ""), challenge=challenge
    )
    return JSONResponse({})


async def resend(request: Request) -> Response:
    resources = resources_of(request)
    body = await read_body(request, ResendRequest)
    challenge = body.challenge
    email = mail_address(resources, body.email)
    # Email changes take effect at once here, so there is nothing to send again for them.
    if body.type == "signup":
        await codes.resend_signup_code(
            resources, email, redirect_to=request.query_params.get("redirect_to", ""), challenge=challenge
        )
    return JSONResponse({})


async def verify(request: Request) -> Response:
    resources, visitor = resources_of(request), visitor_of(request)
    verification = await read_body(request, Verification)
    with counting_failures(resources, verification.email.strip().lower(), visitor):
        session = await codes.redeem_code(resources, verification, visitor)
    return JSONResponse(session.shown())


async def verify_link(request: Request) -> Response:
    """The link of a mail: always leads on, with a code for the browser that asked, or with tokens in the fragment."""
    resources, visitor = resources_of(request), visitor_of(request)
    query = dict(request.query_params)
    target = codes.landing(query.get("redirect_to", ""), resources.site_url)
    given = query.get("token_hash") or query.get("token") or ""
    try:
        verification = validated({"type": query.get("type"), "token_hash": given}, Verification)
        with counting_failures(resources, "", visitor):
            if is_of_flow(given):
                code = await codes.redeem_link(resources, verification)
                return RedirectResponse(with_query(target, {"code": code}), status_code=303)
            session = await codes.redeem_code(resources, verification, visitor)
    except AuthRefusal as refusal:
        reason = {
            "error": "access_denied",
            "error_code": refusal.code,
            "error_description": "Email link is invalid or has expired",
        }
        # A browser that waits for a code looks for it, and for the reason why there is none, in the query.
        place = with_query(target, reason) if is_of_flow(given) else target
        return RedirectResponse(f"{place}#{urlencode(reason)}", status_code=303)
    fragment = urlencode({**session.tokens(), "type": verification.type})
    return RedirectResponse(f"{target}#{fragment}", status_code=303)


def with_query(address: str, added: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(added)}"


def resources_of(request: Request) -> Resources:
    resources: Resources = request.state.resources
    return resources


def visitor_of(request: Request) -> Visitor:
    agent = request.headers.get("user-agent")
    return Visitor(
        user_agent=agent[:USER_AGENT_LENGTH_MAX] if agent else None,
        ip=request.client.host if request.client else None,
    )


def mail_address(resources: Resources, text: str) -> str:
    """The email to write to, counted before anybody looks whether it is known."""
    email = email_from(text)
    take(resources.limits.mails_by_email, email, MailsTooMany)
    return email


@contextmanager
def counting_failures(resources: Resources, email: str, visitor: Visitor) -> Iterator[None]:
    """Count a guess before it is checked, so that many at once cannot slip by; uncount what was right."""
    counters = [(resources.limits.failures_by_ip, visitor.ip or "")]
    if email:
        counters.append((resources.limits.failures_by_email, email))
    for attempts, key in counters:
        take(attempts, key, RequestsTooMany)
    try:
        yield
    except (CredentialsInvalid, CodeExpired):
        raise
    except BaseException:
        _give_back(counters)
        raise
    _give_back(counters)


def _give_back(counters: list[tuple[Attempts, str]]) -> None:
    for attempts, key in counters:
        attempts.give_back(key)


def take(attempts: Attempts, key: str, refusal: type[AuthRefusal]) -> None:
    if not attempts.take(key, now=time.monotonic()):
        raise refusal


Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def timed(endpoint: Endpoint) -> Endpoint:
    """Give an endpoint a deadline, whatever it waits for."""

    async def answer_in_time(request: Request) -> Response:
        async with asyncio.timeout(REQUEST_SECONDS_MAX):
            return await endpoint(request)

    return answer_in_time


endpoints: list[tuple[str, str, Endpoint]] = [
    ("GET", "/health", health),
    ("GET", "/settings", settings),
    ("GET", "/.well-known/jwks.json", jwks),
    ("POST", "/signup", signup),
    ("POST", "/token", token),
    ("GET", "/user", get_user),
    ("PUT", "/user", put_user),
    ("POST", "/logout", logout),
    ("POST", "/otp", otp),
    ("POST", "/magiclink", otp),
    ("POST", "/recover", recover),
    ("POST", "/resend", resend),
    ("POST", "/verify", verify),
    ("GET", "/verify", verify_link),
]
routes = [Route(path, timed(endpoint), methods=[method]) for method, path, endpoint in endpoints]
