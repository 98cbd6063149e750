"""Who asks for an action, and from where: what an audit names."""

from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request

from orchestrator_api.auth.user import User

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
