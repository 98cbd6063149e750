"""One-time codes and links, read from the mailbox as a person would."""

import asyncio
import stat
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local_stack.auth_server.attempts import Attempts
from local_stack.auth_server.codes import landing
from local_stack.auth_server.resources import Limits, Rules, mailbox_file
from tests.local_stack.auth_server.conftest import AuthServer, StartServer, bearer


async def test_a_code_from_the_mailbox_signs_a_new_user_in(auth: AuthServer) -> None:
    sent = await auth.http.post("/otp", json={"email": "New@example.com", "data": {"name": "Neo"}})
    (mail,) = auth.mails
    assert (sent.status_code, mail["to"], mail["type"]) == (200, "new@example.com", "signup")
    assert mail["token"].isdecimal() and len(mail["token"]) == 6

    session = await redeem(auth, type="email", email="new@example.com", token=mail["token"])

    user = session.json()["user"]
    assert user["user_metadata"] == {"name": "Neo"}
    assert user["email_confirmed_at"]


async def test_a_known_user_gets_a_magic_link(auth: AuthServer) -> None:
    signed_up = await auth.sign_up()
    await auth.http.post("/magiclink", json={"email": "ada@example.com"})

    session = await redeem(auth, type="magiclink", token_hash=auth.mails[0]["token_hash"])

    assert auth.mails[0]["type"] == "magiclink"
    assert session.json()["user"]["id"] == signed_up["user"]["id"]


async def test_a_code_works_once_even_when_two_ask_at_once(auth: AuthServer) -> None:
    await auth.http.post("/otp", json={"email": "new@example.com"})
    code = {"type": "email", "email": "new@example.com", "token": auth.mails[0]["token"]}

    answers = await asyncio.gather(*(redeem(auth, **code) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]


async def test_only_the_newest_code_works(auth: AuthServer) -> None:
    for _ in range(2):
        await auth.http.post("/otp", json={"email": "new@example.com"})
    older, newer = auth.mails

    assert (await redeem(auth, type="signup", token_hash=older["token_hash"])).status_code == 403
    assert (await redeem(auth, type="signup", token_hash=newer["token_hash"])).status_code == 200


async def test_an_old_code_has_expired(start_server: StartServer) -> None:
    auth = await start_server(rules=Rules(code_seconds=0))
    await auth.http.post("/otp", json={"email": "new@example.com"})

    answer = await redeem(auth, type="email", email="new@example.com", token=auth.mails[0]["token"])

    assert answer.json() == {
        "code": 403,
        "error_code": "otp_expired",
        "msg": "Token has expired or is invalid",
    }


async def test_a_code_opens_only_the_account_it_was_sent_to(auth: AuthServer) -> None:
    await auth.sign_up("bob@example.com")
    await auth.http.post("/otp", json={"email": "ada@example.com"})

    answer = await redeem(auth, type="email", email="bob@example.com", token=auth.mails[0]["token"])

    assert answer.json()["error_code"] == "otp_expired"


async def test_guessing_codes_is_stopped(start_server: StartServer) -> None:
    auth = await start_server(limits=Limits(failures_by_email=Attempts(3, window_seconds=300)))
    await auth.http.post("/otp", json={"email": "new@example.com"})
    wrong = f"{(int(auth.mails[0]['token']) + 1) % 1_000_000:06d}"

    answers = [await redeem(auth, type="email", email="new@example.com", token=wrong) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]


async def test_a_recovery_code_lets_a_user_set_a_new_password(auth: AuthServer) -> None:
    await auth.sign_up(password="forgotten horse")
    await auth.http.post("/recover", json={"email": "ada@example.com"})

    session = (await redeem(auth, type="recovery", token_hash=auth.mails[0]["token_hash"])).json()
    await auth.http.put("/user", json={"password": "battery staple"}, headers=bearer(session))

    answer = await auth.http.post(
        "/token?grant_type=password", json={"email": "ada@example.com", "password": "battery staple"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [("/recover", {}), ("/resend", {"type": "signup"}), ("/otp", {"create_user": False})],
)
async def test_nothing_is_mailed_to_strangers(auth: AuthServer, path: str, body: dict[str, Any]) -> None:
    answer = await auth.http.post(path, json={"email": "nobody@example.com", **body})

    assert auth.mails == []
    assert answer.status_code == (422 if path == "/otp" else 200)


async def test_a_confirmation_is_mailed_again_until_it_is_used(auth: AuthServer) -> None:
    await auth.http.post("/otp", json={"email": "new@example.com"})
    await auth.http.post("/resend", json={"type": "signup", "email": "new@example.com"})
    assert len(auth.mails) == 2

    await redeem(auth, type="signup", token_hash=auth.mails[1]["token_hash"])
    await auth.http.post("/resend", json={"type": "signup", "email": "new@example.com"})

    assert len(auth.mails) == 2


async def test_mails_to_one_address_are_bounded(start_server: StartServer) -> None:
    auth = await start_server(limits=Limits(mails_by_email=Attempts(1, window_seconds=300)))

    answers = [await auth.http.post("/recover", json={"email": "ada@example.com"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["error_code"] == "over_email_send_rate_limit"


async def test_the_mailbox_is_its_owners_only(auth: AuthServer) -> None:
    await auth.http.post("/otp", json={"email": "new@example.com"})

    assert stat.S_IMODE(mailbox_file(auth.home).stat().st_mode) == 0o600


async def test_a_link_lands_with_tokens_in_the_fragment(auth: AuthServer) -> None:
    await auth.http.post("/otp?redirect_to=http://127.0.0.1:5173/welcome", json={"email": "new@example.com"})
    link = auth.mails[0]["link"]

    first, second = await auth.http.get(link), await auth.http.get(link)

    target = urlsplit(first.headers["location"])
    fragment = parse_qs(target.fragment)
    assert (first.status_code, target.netloc, target.path) == (303, "127.0.0.1:5173", "/welcome")
    assert fragment["token_type"] == ["bearer"] and fragment["type"] == ["signup"]
    user = await auth.http.get("/user", headers=bearer({"access_token": fragment["access_token"][0]}))
    assert user.json()["email"] == "new@example.com"
    assert "error_code=otp_expired" in second.headers["location"]


@pytest.mark.parametrize(
    ("redirect_to", "expected"),
    [
        ("", "https://site.example"),
        ("http://localhost:3000/x", "http://localhost:3000/x"),
        ("https://site.example/x", "https://site.example/x"),
        ("https://evil.example/", "https://site.example"),
        ("https://site.example.evil.example/", "https://site.example"),
        ("https://127.0.0.1@evil.example/", "https://site.example"),
        ("javascript://127.0.0.1/%0aalert(1)", "https://site.example"),
        ("//127.0.0.1/", "https://site.example"),
        ("http://evil.example\\@localhost/", "https://site.example"),
        ("http://localhost.evil.example/", "https://site.example"),
        ("http://[::1]:5173?next=1", "http://[::1]:5173?next=1"),
        ("http://[broken", "https://site.example"),
    ],
)
def test_a_link_leads_nowhere_else(redirect_to: str, expected: str) -> None:
    assert landing(redirect_to, "https://site.example") == expected


async def test_an_incomplete_verification_is_named_so(auth: AuthServer) -> None:
    incomplete: tuple[dict[str, str], ...] = (
        {"type": "email"},
        {"type": "email", "token": "123456"},
        {"type": "sms", "token": "1"},
        {},
    )

    answers = [await redeem(auth, **body) for body in incomplete]

    assert {(answer.status_code, answer.json()["error_code"]) for answer in answers} == {
        (400, "validation_failed")
    }


async def redeem(auth: AuthServer, **body: str) -> httpx.Response:
    return await auth.http.post("/verify", json=body)
