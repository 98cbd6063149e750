"""One-time codes by mail: six digits to type and a link to follow, good once and for an hour."""

import hashlib
import re
import secrets
import time
from typing import Literal, TypeAlias
from urllib.parse import urlencode

from local_stack.auth_server import store
from local_stack.auth_server.bodies import CodeExchange, Verification, VerifyType, email_from
from local_stack.auth_server.flows import Challenge, hash_in
from local_stack.auth_server.mailbox import Mail, MailType
from local_stack.auth_server.refusals import (
    CodeExpired,
    FlowNotFound,
    SignupByCodeDisabled,
    ValidationFailed,
)
from local_stack.auth_server.resources import Resources
from local_stack.auth_server.sessions import Session, start_session
from local_stack.auth_server.store import Visitor
from local_stack.auth_server.user import User
from zmarty.postgres import Connection

CODE_DIGITS = 6
# Matched as text and not parsed: browsers and parsers disagree on where a host ends (`http://evil\\@localhost/`).
PLAIN = re.compile(r"[^\s\\#]+")
LOOPBACK_URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?(?:[/?][^\s\\#]*)?")

TokenType: TypeAlias = Literal["confirmation_token", "recovery_token"]

# Which stored tokens a client may mean; `email` is its word for whatever code came by mail.
ACCEPTED: dict[VerifyType, list[str]] = {
    "signup": ["confirmation_token"],
    "email": ["confirmation_token", "recovery_token"],
    "magiclink": ["recovery_token", "confirmation_token"],
    "recovery": ["recovery_token"],
}


async def send_sign_in_code(
    resources: Resources,
    email: str,
    *,
    create_user: bool,
    metadata: dict[str, object],
    redirect_to: str,
    challenge: Challenge | None = None,
) -> None:
    """Mail a code that signs in, and make the user when there is none yet and the client allows it."""
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await store.user_by_email(connection, email)
        if user is None and not create_user:
            raise SignupByCodeDisabled
        if user is None:
            user = await store.insert_user(
                connection, email, password_hash=None, confirmed=False, metadata=metadata
            ) or await store.user_by_email(connection, email)
        assert user, "either we made this user or somebody just did"
        mail = await _save_code(connection, resources, user, sign_in_mail(user), redirect_to, challenge)
    resources.mailbox.append(mail)


async def send_recovery_code(
    resources: Resources, email: str, *, redirect_to: str, challenge: Challenge | None = None
) -> None:
    """Mail a code to whoever forgot their password; say nothing when there is no such user."""
    await _send_to_known(resources, email, "recovery", redirect_to, challenge)


async def resend_signup_code(
    resources: Resources, email: str, *, redirect_to: str, challenge: Challenge | None = None
) -> None:
    """Mail the confirmation again to a user who has not used it yet."""
    await _send_to_known(resources, email, "signup", redirect_to, challenge)


async def _send_to_known(
    resources: Resources, email: str, mail_type: MailType, redirect_to: str, challenge: Challenge | None
) -> None:
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await store.user_by_email(connection, email)
        if user is None or (mail_type == "signup" and user.email_confirmed_at is not None):
            return
        mail = await _save_code(connection, resources, user, mail_type, redirect_to, challenge)
    resources.mailbox.append(mail)


async def _save_code(
    connection: Connection,
    resources: Resources,
    user: User,
    mail_type: MailType,
    redirect_to: str,
    challenge: Challenge | None,
) -> Mail:
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    hashed = hash_code(user.email, code)
    token_type: TokenType = "confirmation_token" if mail_type == "signup" else "recovery_token"
    await store.save_one_time_token(
        connection, user.id, token_type=token_type, token_hash=hashed, email=user.email
    )
    token = (resources.flows.begin(challenge) if challenge else "") + hashed
    query = urlencode(
        {"token": token, "type": mail_type, "redirect_to": landing(redirect_to, resources.site_url)}
    )
    return Mail(user.email, mail_type, code, token, f"{resources.issuer}/verify?{query}")


async def redeem_code(resources: Resources, verification: Verification, visitor: Visitor) -> Session:
    """Exchange a code or a link's hash for a session. Raises CodeExpired for whatever is not there any more."""
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await _user_of(connection, resources, verification)
        return await start_session(connection, resources, user, visitor, method="otp")


async def redeem_link(resources: Resources, verification: Verification) -> str:
    """Exchange a link of a flow for the code that its browser exchanges for a session. Raises CodeExpired."""
    flow = resources.flows.take(verification.token_hash)
    if flow is None:
        raise CodeExpired
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await _user_of(connection, resources, verification)
    return resources.flows.issue_code(flow, user.id, now=time.monotonic())


async def exchange_code(resources: Resources, exchange: CodeExchange, visitor: Visitor) -> Session:
    """Raises FlowNotFound, FlowExpired and CodeVerifierWrong: it is another browser's code, an old one, or none."""
    if not exchange.auth_code or not exchange.code_verifier:
        raise ValidationFailed("invalid request: both auth code and code verifier should be non-empty")
    user_id = resources.flows.redeem(exchange.auth_code, exchange.code_verifier, now=time.monotonic())
    async with resources.chat.acquire() as connection, connection.transaction():
        user = await store.user_by_id(connection, user_id)
        if user is None:
            raise FlowNotFound
        return await start_session(connection, resources, user, visitor, method="otp")


async def _user_of(connection: Connection, resources: Resources, verification: Verification) -> User:
    """Take the code or the link's hash, once; whose it was. Raises CodeExpired."""
    user_id = await store.take_one_time_token(
        connection,
        _hash_of(verification),
        token_types=ACCEPTED[verification.type],
        seconds_max=resources.rules.code_seconds,
    )
    user = await store.user_by_id(connection, user_id) if user_id else None
    if user is None:
        raise CodeExpired
    return user


def _hash_of(verification: Verification) -> str:
    if verification.token_hash:
        return hash_in(verification.token_hash)
    if not verification.token:
        raise ValidationFailed("Verify requires either a token or a token hash")
    if not verification.email:
        raise ValidationFailed("Only an email address or phone number should be provided on verify")
    return hash_code(email_from(verification.email), verification.token.strip())


def hash_code(email: str, code: str) -> str:
    """What is stored instead of the code; bound to the email, so that a code opens one account only."""
    return hashlib.sha224((email + code).encode()).hexdigest()


def sign_in_mail(user: User) -> MailType:
    """A first code also confirms the email; a later one only signs in."""
    return "magiclink" if user.email_confirmed_at else "signup"


def landing(redirect_to: str, site_url: str) -> str:
    """Where a link may lead: this machine or the site. Tokens ride on it, so no other place will do."""
    is_of_site = redirect_to.startswith(f"{site_url}/") and PLAIN.fullmatch(redirect_to)
    return redirect_to if is_of_site or LOOPBACK_URL.fullmatch(redirect_to) else site_url
