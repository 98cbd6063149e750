"""Sessions from sign-in to sign-out: each verb is one transaction, and ends with tokens or without a session."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any
from uuid import UUID, uuid4

from local_stack.auth_server import store
from local_stack.auth_server.refusals import RefreshTokenAlreadyUsed, RefreshTokenNotFound, UserBanned
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.store import RefreshToken, Visitor
from local_stack.auth_server.user import User
from zmarty.postgres import Connection

REFRESH_TOKEN_BYTES = 16


@dataclass(frozen=True)
class Session:
    """What a client keeps: who it is, for how long, and the one token that renews it."""

    user: User
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seconds: int
    expires_at: int

    def shown(self) -> dict[str, Any]:
        return {**self.tokens(), "user": self.user.shown()}

    def tokens(self) -> dict[str, Any]:
        return {
            "access_token": self.access_token,
            "token_type": "bearer",
            "expires_in": self.seconds,
            "expires_at": self.expires_at,
            "refresh_token": self.refresh_token,
        }


class Rotation(Enum):
    """What to do with a refresh token that somebody presents."""

    ROTATE = auto()
    RETURN_ACTIVE = auto()
    REVOKE_FAMILY = auto()


async def start_session(
    connection: Connection, resources: Resources, user: User, visitor: Visitor, *, method: str
) -> Session:
    """Begin a session in the caller's transaction."""
    refuse_banned(user)
    user = await store.save_sign_in(connection, user.id)
    session_id = uuid4()
    await store.insert_session(connection, session_id, user.id, visitor)
    await store.insert_method(connection, session_id, method)
    refresh_token = new_refresh_token()
    await store.insert_refresh_token(connection, refresh_token, user.id, session_id, parent=None)
    methods = await store.methods_of_session(connection, session_id)
    return issue(resources, user, session_id, methods, refresh_token)


async def refresh_session(resources: Resources, token: str, visitor: Visitor) -> Session:
    """Exchange a refresh token for new tokens. Raises RefreshTokenNotFound, RefreshTokenAlreadyUsed, UserBanned."""
    async with resources.chat.acquire() as connection, connection.transaction():
        session = await _rotated(connection, resources, token, visitor)
    # Raised outside, so that the revocation commits.
    if session is None:
        raise RefreshTokenAlreadyUsed
    return session


async def _rotated(
    connection: Connection, resources: Resources, token: str, visitor: Visitor
) -> Session | None:
    locked = await store.lock_session(connection, token)
    if locked is None:
        raise RefreshTokenNotFound
    session_id, user_id = locked
    user = await store.user_by_id(connection, user_id)
    if user is None:
        raise RefreshTokenNotFound
    refuse_banned(user)

    presented = await store.refresh_token(connection, token)
    active = await store.active_refresh_token(connection, session_id)
    rotation = rotation_of(presented, active, reuse_seconds=resources.rules.reuse_seconds)
    if rotation is Rotation.REVOKE_FAMILY:
        await store.revoke_refresh_tokens(connection, session_id)
        return None
    if rotation is Rotation.RETURN_ACTIVE and active is not None:
        current = active.token
    else:
        current = new_refresh_token()
        await store.revoke_refresh_tokens(connection, session_id)
        await store.insert_refresh_token(connection, current, user.id, session_id, parent=token)
    await store.touch_session(connection, session_id, visitor)
    methods = await store.methods_of_session(connection, session_id)
    return issue(resources, user, session_id, methods, current)


def rotation_of(presented: RefreshToken, active: RefreshToken | None, *, reuse_seconds: float) -> Rotation:
    """GoTrue's rule: an answer lost on its way, or two tabs at once, are no theft; an older token is."""
    if not presented.revoked:
        return Rotation.ROTATE
    if active is None:
        return Rotation.REVOKE_FAMILY
    if active.parent == presented.token or presented.age_seconds <= reuse_seconds:
        return Rotation.RETURN_ACTIVE
    return Rotation.REVOKE_FAMILY


def issue(
    resources: Resources, user: User, session_id: UUID, methods: list[dict[str, Any]], refresh_token: str
) -> Session:
    """Sign an access token for a session that exists."""
    now = int(time.time())
    expires_at = now + resources.rules.token_seconds
    claims = {
        "iss": resources.issuer,
        "sub": str(user.id),
        "aud": "authenticated",
        "exp": expires_at,
        "iat": now,
        "email": user.email,
        "phone": "",
        "app_metadata": user.raw_app_meta_data or {},
        "user_metadata": user.raw_user_meta_data or {},
        "role": "authenticated",
        "aal": "aal1",
        "amr": methods,
        "session_id": str(session_id),
        "is_anonymous": False,
    }
    return Session(
        user, resources.keys.sign(claims), refresh_token, resources.rules.token_seconds, expires_at
    )


def refuse_banned(user: User) -> None:
    if user.is_banned(datetime.now(UTC)):
        raise UserBanned


def new_refresh_token() -> str:
    return secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
