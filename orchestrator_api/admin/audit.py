"""Who did what from the operators' page: every action leaves its intent and its result in the chat database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import structlog
from starlette.requests import Request

from orchestrator_api.admin import store
from orchestrator_api.auth.user import User
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

USER_AGENT_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for an action, and from where."""

    name: str
    ip: str | None
    user_agent: str | None


def actor_of(request: Request, user: User) -> Actor:
    agent = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH_MAX]
    return Actor(
        name=f"user:{user.id}" + (f" {user.email}" if user.email else ""),
        ip=_address_of(request),
        user_agent=agent or None,
    )


@asynccontextmanager
async def audited(
    chat: Pool, actor: Actor, action: str, entity: str, asked: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Write down what is about to happen, let it happen, then write down what the body put into the yielded dict.

    No transaction spans two databases. Without the intent nothing is done; an intent without a result says that the
    action may have happened, and what to look at.
    """
    intent = await store.save_intent(chat, actor, f"{action}_requested", entity, asked)
    result: dict[str, Any] = {}
    ending = "failed"
    try:
        yield result
        ending = "done"
    finally:
        try:
            await store.save_result(chat, intent, f"{action}_{ending}", result)
        # The action stands whatever we fail to write about it; answering an error would say the opposite.
        except TROUBLE as error:
            log.error(
                "audit_result_lost", intent=intent, action=action, ending=ending, error=type(error).__name__
            )


def _address_of(request: Request) -> str | None:
    # The platform's proxy names the caller first; without a proxy the peer is the caller. A caller can write this header
    # too: it helps to find somebody, but who it was is said by the token alone.
    told = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
    for candidate in (told, request.client.host if request.client else ""):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return None
