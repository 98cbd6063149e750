"""Refreshing and ending sessions: rotation, lost answers, theft."""

import asyncio

import jwt
import pytest

from local_stack.auth_server.resources import Rules
from local_stack.auth_server.sessions import Rotation, rotation_of
from local_stack.auth_server.store import RefreshToken
from tests.local_stack.auth_server.conftest import AuthServer, StartServer, bearer


async def test_a_refresh_token_is_exchanged_for_a_new_one(auth: AuthServer) -> None:
    first = await auth.sign_up()

    second = (await auth.refresh(first["refresh_token"])).json()

    assert second["refresh_token"] != first["refresh_token"]
    old, new = (jwt.decode(s["access_token"], options={"verify_signature": False}) for s in (first, second))
    assert new["session_id"] == old["session_id"]
    assert new["amr"] == old["amr"]
    assert (await auth.http.get("/user", headers=bearer(second))).status_code == 200


async def test_a_reused_old_token_ends_the_family(start_server: StartServer) -> None:
    auth = await start_server(rules=Rules(reuse_seconds=0))
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    third = (await auth.refresh(second["refresh_token"])).json()

    stolen = await auth.refresh(first["refresh_token"])

    assert stolen.status_code == 400
    assert stolen.json()["error_code"] == "refresh_token_already_used"
    assert (await auth.refresh(third["refresh_token"])).json()["error_code"] == "refresh_token_already_used"


async def test_an_answer_lost_on_its_way_can_be_asked_for_again(start_server: StartServer) -> None:
    auth = await start_server(rules=Rules(reuse_seconds=0))
    first = await auth.sign_up()
    lost = (await auth.refresh(first["refresh_token"])).json()

    again = (await auth.refresh(first["refresh_token"])).json()

    assert again["refresh_token"] == lost["refresh_token"]


async def test_an_old_token_within_the_grace_gets_the_active_one(auth: AuthServer) -> None:
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    third = (await auth.refresh(second["refresh_token"])).json()

    assert (await auth.refresh(first["refresh_token"])).json()["refresh_token"] == third["refresh_token"]


async def test_many_refreshes_at_once_agree_on_one_token(auth: AuthServer) -> None:
    first = await auth.sign_up()

    answers = await asyncio.gather(*(auth.refresh(first["refresh_token"]) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("presented", "active", "expected"),
    [
        (RefreshToken("b", "a", False, 99), RefreshToken("b", "a", False, 99), Rotation.ROTATE),
        (RefreshToken("a", None, True, 99), RefreshToken("b", "a", False, 99), Rotation.RETURN_ACTIVE),
        (RefreshToken("a", None, True, 9.9), RefreshToken("c", "b", False, 1), Rotation.RETURN_ACTIVE),
        (RefreshToken("a", None, True, 10.1), RefreshToken("c", "b", False, 1), Rotation.REVOKE_FAMILY),
        (RefreshToken("a", None, True, 1), None, Rotation.REVOKE_FAMILY),
    ],
)
def test_a_token_is_rotated_repeated_or_revoked(
    presented: RefreshToken, active: RefreshToken | None, expected: Rotation
) -> None:
    assert rotation_of(presented, active, reuse_seconds=10) is expected


@pytest.mark.parametrize(
    ("body", "code"), [({"refresh_token": "made up"}, "refresh_token_not_found"), ({}, "validation_failed")]
)
async def test_unknown_refresh_tokens_are_refused(auth: AuthServer, body: dict[str, str], code: str) -> None:
    answer = await auth.http.post("/token?grant_type=refresh_token", json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


@pytest.mark.parametrize(
    ("scope", "here_works", "elsewhere_works"),
    [("local", False, True), ("others", True, False), ("global", False, False), (None, False, False)],
)
async def test_a_sign_out_ends_the_sessions_of_its_scope(
    auth: AuthServer, scope: str | None, here_works: bool, elsewhere_works: bool
) -> None:
    credentials = {"email": "ada@example.com", "password": "correct horse"}
    here = await auth.sign_up(**credentials)
    elsewhere = (await auth.http.post("/token?grant_type=password", json=credentials)).json()

    answer = await auth.http.post("/logout", params={"scope": scope} if scope else {}, headers=bearer(here))

    assert answer.status_code == 204
    for session, works in ((here, here_works), (elsewhere, elsewhere_works)):
        assert (await auth.http.get("/user", headers=bearer(session))).is_success is works
        assert (await auth.refresh(session["refresh_token"])).is_success is works


async def test_an_unknown_scope_ends_nothing(auth: AuthServer) -> None:
    session = await auth.sign_up()

    answer = await auth.http.post("/logout?scope=everything", headers=bearer(session))

    assert answer.json()["error_code"] == "validation_failed"
    assert (await auth.http.get("/user", headers=bearer(session))).status_code == 200
