"""PKCE: a link gives a code, and only who asked for the mail can use it."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from local_stack.auth_server.flows import Challenge, Flows
from local_stack.auth_server.refusals import CodeVerifierWrong, FlowExpired, FlowNotFound
from tests.local_stack.auth_server.conftest import AuthServer, bearer

VERIFIER = "v" * 56
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {"code_challenge": CHALLENGE, "code_challenge_method": "s256"}
LANDING = "http://127.0.0.1:5173/sign-in?next=%2Fcredits"


async def code_of(auth: AuthServer, path: str = "/otp", **body: str) -> str:
    """Ask for a mail and follow its link, as the browser does."""
    sent = await auth.http.post(
        path, params={"redirect_to": LANDING}, json={"email": "ada@example.com", **ASKED, **body}
    )
    assert sent.status_code == 200, sent.text
    followed = await auth.http.get(auth.mails[-1]["link"])
    target = urlsplit(followed.headers["location"])
    assert (followed.status_code, target.path, target.fragment) == (303, "/sign-in", "")
    query = parse_qs(target.query)
    assert query["next"] == ["/credits"]
    return query["code"][0]


async def exchange(auth: AuthServer, code: str, verifier: str = VERIFIER) -> tuple[int, dict[str, Any]]:
    answer = await auth.http.post(
        "/token?grant_type=pkce", json={"auth_code": code, "code_verifier": verifier}
    )
    return answer.status_code, answer.json()


async def test_a_links_code_becomes_a_session_once(auth: AuthServer) -> None:
    code = await code_of(auth)

    status, session = await exchange(auth, code)
    again = await exchange(auth, code)

    assert (status, session["user"]["email"]) == (200, "ada@example.com")
    assert session["user"]["email_confirmed_at"]
    assert (again[0], again[1]["error_code"]) == (404, "flow_state_not_found")


async def test_a_recovery_links_code_lets_its_browser_set_a_password(auth: AuthServer) -> None:
    await auth.sign_up()

    _, session = await exchange(auth, await code_of(auth, "/recover"))

    changed = await auth.http.put("/user", json={"password": "battery staple"}, headers=bearer(session))
    assert changed.status_code == 200


async def test_a_confirmation_that_is_sent_again_gives_a_code_too(auth: AuthServer) -> None:
    await auth.http.post("/otp", json={"email": "ada@example.com", **ASKED})

    status, _ = await exchange(auth, await code_of(auth, "/resend", type="signup"))

    assert status == 200


async def test_another_browser_cannot_use_the_code(auth: AuthServer) -> None:
    code = await code_of(auth)

    stolen = await exchange(auth, code, "w" * 56)
    late = await exchange(auth, code)

    assert (stolen[0], stolen[1]["error_code"]) == (400, "bad_code_verifier")
    assert late[1]["error_code"] == "flow_state_not_found"


async def test_a_link_that_was_used_says_so_in_the_query(auth: AuthServer) -> None:
    await code_of(auth)

    again = await auth.http.get(auth.mails[-1]["link"])

    query = parse_qs(urlsplit(again.headers["location"]).query)
    assert query["error_code"] == ["otp_expired"]
    assert "access_token" not in again.headers["location"]


async def test_the_digits_of_the_same_mail_work_without_the_link(auth: AuthServer) -> None:
    await auth.http.post("/otp", json={"email": "ada@example.com", **ASKED})
    mail = auth.mails[-1]

    answer = await auth.http.post(
        "/verify", json={"type": "email", "email": "ada@example.com", "token": mail["token"]}
    )
    followed = await auth.http.get(mail["link"])

    assert answer.status_code == 200
    assert "error_code=otp_expired" in followed.headers["location"]


@pytest.mark.parametrize(
    "asked",
    [
        {"code_challenge": CHALLENGE},
        {"code_challenge_method": "s256"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "md5"},
        {"code_challenge": "short", "code_challenge_method": "s256"},
    ],
)
async def test_half_a_challenge_is_refused(auth: AuthServer, asked: dict[str, str]) -> None:
    answer = await auth.http.post("/otp", json={"email": "ada@example.com", **asked})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")
    assert auth.mails == []


async def test_an_exchange_needs_both_its_parts(auth: AuthServer) -> None:
    answers = [await exchange(auth, "", VERIFIER), await exchange(auth, "code", "")]

    assert {(status, body["error_code"]) for status, body in answers} == {(400, "validation_failed")}


def test_a_code_is_good_for_a_while() -> None:
    flows, user_id = Flows(code_seconds=300), uuid4()
    challenge = Challenge(VERIFIER, "plain")

    def issue() -> str:
        flow = flows.take(flows.begin(challenge) + "hash")
        assert flow
        return flows.issue_code(flow, user_id, now=0)

    assert flows.redeem(issue(), VERIFIER, now=300) == user_id
    with pytest.raises(FlowExpired):
        flows.redeem(issue(), VERIFIER, now=301)
    with pytest.raises(CodeVerifierWrong):
        flows.redeem(issue(), "another", now=0)


def test_flows_are_bounded_and_the_oldest_is_forgotten() -> None:
    flows = Flows(flows_max=2)
    first, *others = [flows.begin(Challenge(CHALLENGE, "s256")) + "hash" for _ in range(3)]

    assert flows.take(first) is None
    assert all(flows.take(token) for token in others)
    with pytest.raises(FlowNotFound):
        flows.redeem("never issued", VERIFIER, now=0)
