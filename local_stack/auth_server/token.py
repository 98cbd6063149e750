"""Who is asking the auth server itself: our own access token, with a session behind it that still exists."""

from dataclasses import dataclass
from uuid import UUID

import jwt
from starlette.requests import Request

from local_stack.auth_server import store
from local_stack.auth_server.refusals import BearerInvalid, BearerMissing, SessionNotFound
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.user import User


@dataclass(frozen=True)
class Bearer:
    user: User
    session_id: UUID


async def authenticate(request: Request, resources: Resources) -> Bearer:
    """The user and session of the request's token. Raises BearerMissing, BearerInvalid, SessionNotFound."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerMissing
    try:
        claims = resources.keys.verify(token.strip(), issuer=resources.issuer)
        user_id, session_id = UUID(claims["sub"]), UUID(claims["session_id"])
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError) as error:
        raise BearerInvalid from error
    user = await store.user_of_session(resources.chat, session_id, user_id)
    if user is None:
        raise SessionNotFound
    return Bearer(user, session_id)
