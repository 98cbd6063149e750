"""Gets a user's access token from the local auth server, through the same HTTP API that a browser uses."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import asyncpg
import httpx

from local_stack.home import Home
from local_stack.services import PUBLISHABLE_KEY

AUTH_SECONDS = 15.0


class TokenRefused(Exception):
    """The auth server would not sign this user in; its own words are in the text."""


async def token_for(home: Home, status: dict[str, Any], email: str, *, is_operator: bool) -> str:
    """A fresh access token of this user, who is signed up when new, and made an operator when asked."""
    password = password_of(home, email)
    headers = {"apikey": PUBLISHABLE_KEY}
    async with httpx.AsyncClient(
        base_url=f"{status['auth']}/auth/v1", timeout=AUTH_SECONDS, headers=headers, trust_env=False
    ) as auth:
        session = await sign_in(auth, email, password) or await sign_up(auth, email, password)
        if session is None:
            session = await sign_in_by_mail(auth, home, email)
        if is_operator:
            await make_operator(status["chat_database"], email)
            # The claim is in tokens issued from now on.
            session = expect(
                await auth.post(
                    "/token",
                    params={"grant_type": "refresh_token"},
                    json={"refresh_token": session["refresh_token"]},
                )
            )
    return str(session["access_token"])


async def sign_in(auth: httpx.AsyncClient, email: str, password: str) -> dict[str, Any] | None:
    """A session, or None when there is no such user with this password."""
    answer = await auth.post(
        "/token", params={"grant_type": "password"}, json={"email": email, "password": password}
    )
    return None if is_refusal(answer, "invalid_credentials") else expect(answer)


async def sign_up(auth: httpx.AsyncClient, email: str, password: str) -> dict[str, Any] | None:
    """A session of a new user, or None when the address is taken."""
    answer = await auth.post("/signup", json={"email": email, "password": password})
    return None if is_refusal(answer, "user_already_exists") else expect(answer)


async def sign_in_by_mail(auth: httpx.AsyncClient, home: Home, email: str) -> dict[str, Any]:
    """A session of a user who chose a password of their own: by the code that the mailbox file holds."""
    expect(await auth.post("/otp", json={"email": email, "create_user": False}))
    mails = [json.loads(line) for line in (home.path / "mailbox.jsonl").read_text().splitlines()]
    newest = [mail for mail in mails if mail["to"] == email.lower()][-1]
    return expect(
        await auth.post("/verify", json={"type": "email", "email": email, "token": newest["token"]})
    )


async def make_operator(chat_database: str, email: str) -> None:
    connection = await asyncpg.connect(chat_database, timeout=AUTH_SECONDS)
    try:
        await connection.execute(
            "update auth.users set raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || '{\"role\": \"operator\"}'"
            " where lower(email) = lower($1)",
            email,
        )
    finally:
        await connection.close()


def password_of(home: Home, email: str) -> str:
    """The password of users that this command signs up: known to this home only, and kept nowhere."""
    key = home.secrets().webhook.encode()
    return hmac.new(key, f"password:{email.lower()}".encode(), hashlib.sha256).hexdigest()[:40]


def is_refusal(answer: httpx.Response, code: str) -> bool:
    return answer.is_client_error and answer.json().get("error_code") == code


def expect(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise TokenRefused(f"the auth server answered {answer.status_code}: {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body
