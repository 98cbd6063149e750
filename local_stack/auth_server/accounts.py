"""Signing up, signing in with a password, and changing what an account says."""

from local_stack.auth_server import passwords, store
from local_stack.auth_server.bodies import Credentials, UserChange, email_from
from local_stack.auth_server.refusals import (
    AnonymousDisabled,
    CredentialsInvalid,
    PasswordUnchanged,
    PhoneDisabled,
    SessionNotFound,
    UserAlreadyExists,
    ValidationFailed,
)
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.sessions import Session, refuse_banned, start_session
from local_stack.auth_server.store import Visitor
from local_stack.auth_server.token import Bearer
from local_stack.auth_server.user import User


async def sign_up(resources: Resources, credentials: Credentials, visitor: Visitor) -> Session:
    """Make a user, confirmed at once, and sign them in. Raises UserAlreadyExists, PasswordWeak, ValidationFailed."""
    if credentials.phone:
        raise PhoneDisabled
    if not credentials.email:
        raise AnonymousDisabled
    email = email_from(credentials.email)
    if not credentials.password:
        raise ValidationFailed("Signup requires a valid password")
    passwords.require_strength(credentials.password)
    if await store.user_by_email(resources.chat, email):
        raise UserAlreadyExists
    hashed = await passwords.hash_password(credentials.password)
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await store.insert_user(
            connection, email, password_hash=hashed, confirmed=True, metadata=credentials.data
        )
        if user is None:
            raise UserAlreadyExists
        return await start_session(connection, resources, user, visitor, method="password")


async def sign_in(resources: Resources, credentials: Credentials, visitor: Visitor) -> Session:
    """Check a password and begin a session. One answer for an unknown email and for a wrong password."""
    if credentials.phone:
        raise PhoneDisabled
    email = email_from(credentials.email)
    user = await store.user_by_email(resources.chat, email)
    is_right = await passwords.is_password(credentials.password, user.encrypted_password if user else None)
    if user is None or not is_right:
        raise CredentialsInvalid
    refuse_banned(user)
    async with resources.chat.acquire() as connection, connection.transaction():
        return await start_session(connection, resources, user, visitor, method="password")


async def change_user(resources: Resources, bearer: Bearer, change: UserChange) -> User:
    """Change email, password or metadata. A new password ends every other session."""
    email = email_from(change.email) if change.email else None
    hashed = await _hash_of_new(bearer.user, change.password) if change.password else None
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await store.update_user(
            connection, bearer.user.id, email=email, password_hash=hashed, metadata=change.data
        )
        if user is None:
            raise SessionNotFound
        if hashed:
            await store.delete_other_sessions(connection, user.id, bearer.session_id)
    return user


async def _hash_of_new(user: User, password: str) -> str:
    passwords.require_strength(password)
    if user.encrypted_password and await passwords.is_password(password, user.encrypted_password):
        raise PasswordUnchanged
    return await passwords.hash_password(password)
