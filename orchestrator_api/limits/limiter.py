"""Holds every request but the probes to the limits of its tier, before anything else is done for it. Plain ASGI."""

import asyncio
from typing import ClassVar
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator_api.auth.service_keys import PREFIX as SERVICE_KEY
from orchestrator_api.auth.token import bearer_token, user_of
from orchestrator_api.auth.user import User
from orchestrator_api.error_handlers import refusal, request_id_of
from orchestrator_api.limits import store
from orchestrator_api.limits.call import (
    SERVICE_PER_MINUTE,
    SIGNED_OUT_PER_MINUTE,
    Call,
    address_of,
    call_of,
    is_free,
)
from orchestrator_api.limits.calls import CHECK_SECONDS_MAX, LEASE_SECONDS
from orchestrator_api.limits.store import Admission
from orchestrator_api.resources import Resources
from zmarty.errors import ZmartyError
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

RENEW_SECONDS = 20.0


class RateLimited(ZmartyError):
    """The tier allows no more for the moment."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "rate_limited"


class Limiter:
    """Refuses with 429 what is too much, and tells on every answer what is left."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_free(scope["path"]):
            await self.app(scope, receive, send)
            return
        resources: Resources = scope["state"]["resources"]
        admission = await _admission(scope, resources)
        if admission is None:
            await self.app(scope, receive, send)
            return
        told = _headers(admission)
        refused = _refusal(admission, call_of(scope["method"], scope["path"]))
        if refused is not None:
            await refusal(refused, request_id_of(scope), told)(scope, receive, send)
            return
        lease = Lease(resources.chat, admission.lease_id) if admission.lease_id else None

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            elif lease is not None and not message.get("more_body", False):
                # Before the last byte: whoever asks again at once must find the place free.
                await lease.end()
            await send(message)

        try:
            await self.app(scope, receive, send_told)
        finally:
            if lease is not None:
                await lease.end()


async def _admission(scope: Scope, resources: Resources) -> Admission | None:
    user, is_service = await _caller(scope, resources)
    peer = scope["client"][0] if scope.get("client") else None
    forwarded_for = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return await resources.limits.admit(
        resources.chat,
        call_of(scope["method"], scope["path"]),
        user=user,
        address=address_of(forwarded_for, peer, trusted_hops=resources.limits.trusted_hops),
        signed_out=SERVICE_PER_MINUTE if is_service else SIGNED_OUT_PER_MINUTE,
    )


async def _caller(scope: Scope, resources: Resources) -> tuple[User | None, bool]:
    """Who calls, and whether with a service's key. A token that is no good is its route's to refuse."""
    try:
        token = bearer_token(HTTPConnection(scope))
        if token.startswith(SERVICE_KEY):
            return None, True
        user = await user_of(token, resources.keys)
    except ZmartyError:
        return None, False
    # Verified once for each request: the route finds it here.
    scope["state"]["verified"] = (token, user)
    return user, False


def _refusal(admission: Admission, call: Call) -> RateLimited | None:
    if not admission.admitted:
        what = "questions" if call.bucket == "question" else "calls"
        return RateLimited(
            f"{admission.per_minute} {what} a minute are what the plan allows.",
            limit=admission.per_minute,
            retry_after_seconds=admission.retry_seconds,
        )
    if call.streams is not None and admission.streams_max is not None and admission.lease_id is None:
        return RateLimited(
            f"{admission.streams_max} {call.streams} at once are what the plan allows.",
            limit=admission.streams_max,
            retry_after_seconds=1,
        )
    return None


def _headers(admission: Admission) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(admission.per_minute),
        "X-RateLimit-Remaining": str(admission.remaining),
        "X-RateLimit-Reset": str(admission.reset_seconds),
    }


class Lease:
    """A stream's place, renewed while it runs. One that cannot be given back ends by itself."""

    def __init__(self, chat: Pool, lease_id: UUID) -> None:
        self._chat = chat
        self._id = lease_id
        self._renewing = asyncio.create_task(self._renew())
        self._ended: asyncio.Task[None] | None = None

    async def end(self) -> None:
        if self._ended is None:
            self._renewing.cancel()
            # A task of its own: the client may be gone, and its request cancelled.
            self._ended = asyncio.create_task(self._end())
        await asyncio.shield(self._ended)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                async with asyncio.timeout(CHECK_SECONDS_MAX):
                    await store.renew_stream(self._chat, self._id, lease_seconds=LEASE_SECONDS)
            except TROUBLE as error:
                log.warning("lease_not_renewed", error=type(error).__name__)

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX):
                await store.end_stream(self._chat, self._id)
        except TROUBLE as error:
            log.warning("lease_not_ended", error=type(error).__name__)
