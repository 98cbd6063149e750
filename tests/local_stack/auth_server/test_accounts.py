"""Sign-up, sign-in and changes of an account, as a browser would ask for them."""

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local_stack.auth_server.attempts import Attempts
from local_stack.auth_server.resources import Limits, key_file
from local_stack.clusters import free_port
from tests.local_stack.auth_server.conftest import AuthServer, StartServer, bearer
from zmarty.postgres import Pool


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["code"] == answer.status_code
    return answer.status_code, body["error_code"]


async def verified_claims(auth: AuthServer, token: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict((await auth.http.get("/.well-known/jwks.json")).json())
    claims: dict[str, Any] = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]].key,
        algorithms=["ES256"],
        audience="authenticated",
        issuer=f"{auth.url}/auth/v1",
    )
    return claims


async def test_a_sign_up_answers_a_session_whose_token_the_jwks_verifies(auth: AuthServer) -> None:
    answer = await auth.http.post(
        "/signup",
        json={"email": "Ada@Example.com ", "password": "correct horse", "data": {"full_name": "Ada"}},
    )

    session = answer.json()
    claims = await verified_claims(auth, session["access_token"])
    assert claims["sub"] == session["user"]["id"]
    assert claims["email"] == "ada@example.com"
    assert claims["role"] == "authenticated"
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["user_metadata"] == {"full_name": "Ada"}
    assert claims["exp"] - claims["iat"] == session["expires_in"] == 3600
    assert [entry["method"] for entry in claims["amr"]] == ["password"]
    assert (claims["aal"], claims["phone"], claims["is_anonymous"]) == ("aal1", "", False)
    assert session["user"]["email_confirmed_at"]


async def test_a_sign_up_fires_the_trigger_that_welcomes_users(auth: AuthServer, chat: Pool) -> None:
    session = await auth.sign_up()

    balance = await chat.fetchval(
        "select balance from credit_accounts where user_id = $1::text::uuid", session["user"]["id"]
    )
    assert balance == 100


async def test_published_keys_hold_nothing_private(auth: AuthServer) -> None:
    (key,) = (await auth.http.get("/.well-known/jwks.json")).json()["keys"]

    assert "d" not in key
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    assert stat.S_IMODE(key_file(auth.home).stat().st_mode) == 0o600


NO_ACCOUNTS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"email": "ada@example.com", "password": "short"}, (422, "weak_password")),
    ({"email": "ada@example.com", "password": "x" * 73}, (400, "validation_failed")),
    ({"email": "ada@example.com"}, (400, "validation_failed")),
    ({"email": "nobody", "password": "correct horse"}, (400, "validation_failed")),
    ({"email": "a@b.c\u0000", "password": "correct horse"}, (400, "validation_failed")),
    ({"email": ["ada@example.com"], "password": "correct horse"}, (400, "validation_failed")),
    ({"phone": "123", "password": "correct horse"}, (400, "phone_provider_disabled")),
    ({}, (422, "anonymous_provider_disabled")),
    ({"email": "a@b.cd", "password": "correct horse", "data": {"x": "y" * 5000}}, (400, "validation_failed")),
]


async def test_a_sign_up_refuses_what_makes_no_account(auth: AuthServer, chat: Pool) -> None:
    refusals = [refusal(await auth.http.post("/signup", json=body)) for body, _ in NO_ACCOUNTS]

    assert refusals == [expected for _, expected in NO_ACCOUNTS]
    assert await chat.fetchval("select count(*) from auth.users") == 0


async def test_a_weak_password_says_why(auth: AuthServer) -> None:
    answer = await auth.http.post("/signup", json={"email": "ada@example.com", "password": "short"})

    assert answer.json()["weak_password"] == {"reasons": ["length"]}


async def test_an_unreadable_body_is_named_so(auth: AuthServer) -> None:
    for body in (b"{", b"[]", b'"x"', b'{"email": "\\ud800"}', b"\xff\xfe", b"[" * 60_000):
        assert refusal(await auth.http.post("/signup", content=body)) == (400, "bad_json"), body[:20]


async def test_a_body_too_large_is_not_read(auth: AuthServer) -> None:
    assert (await auth.http.post("/signup", content=b" " * 70_000)).status_code == 413


async def test_an_email_signs_up_once(auth: AuthServer) -> None:
    await auth.sign_up("ada@example.com")

    again = await auth.http.post("/signup", json={"email": "ADA@example.com", "password": "another horse"})

    assert refusal(again) == (422, "user_already_exists")
    assert again.json()["msg"] == "User already registered"


async def test_a_password_signs_in(auth: AuthServer) -> None:
    signed_up = await auth.sign_up(password="correct horse")

    answer = await sign_in(auth, "correct horse")

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == signed_up["user"]["id"]


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
async def test_a_wrong_password_and_an_unknown_email_look_alike(auth: AuthServer, email: str) -> None:
    await auth.sign_up("ada@example.com")

    answer = await sign_in(auth, "wrong horse", email=email)

    assert answer.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }


async def test_guessing_is_stopped_even_when_the_guess_is_right(start_server: StartServer) -> None:
    auth = await start_server(limits=Limits(failures_by_email=Attempts(2, window_seconds=300)))
    await auth.sign_up(password="correct horse")

    answers = [await sign_in(auth, guess) for guess in ("one horse", "two horses", "correct horse")]

    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert refusal(answers[-1]) == (429, "over_request_rate_limit")


async def test_right_passwords_are_not_counted(start_server: StartServer) -> None:
    auth = await start_server(limits=Limits(failures_by_email=Attempts(1, window_seconds=300)))
    await auth.sign_up(password="correct horse")

    answers = [await sign_in(auth, "correct horse") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_banned_user_gets_no_session(auth: AuthServer, chat: Pool) -> None:
    session = await auth.sign_up(password="correct horse")
    await chat.execute("update auth.users set banned_until = now() + interval '1 day'")

    assert refusal(await sign_in(auth, "correct horse")) == (400, "user_banned")
    assert refusal(await auth.refresh(session["refresh_token"])) == (400, "user_banned")


async def test_an_operators_role_reaches_the_token(auth: AuthServer, chat: Pool) -> None:
    await auth.sign_up(password="correct horse")
    await chat.execute(
        'update auth.users set raw_app_meta_data = raw_app_meta_data || \'{"role": "operator"}\''
    )

    session = (await sign_in(auth, "correct horse")).json()

    claims = await verified_claims(auth, session["access_token"])
    assert claims["app_metadata"]["role"] == "operator"
    assert claims["role"] == "authenticated"


async def test_the_password_is_stored_hashed_with_its_own_salt(auth: AuthServer, chat: Pool) -> None:
    await auth.sign_up("ada@example.com", password="correct horse")
    await auth.sign_up("bob@example.com", password="correct horse")

    hashes = [row[0] for row in await chat.fetch("select encrypted_password from auth.users")]

    assert len(set(hashes)) == 2
    assert all(text.startswith("$scrypt$") and "correct" not in text for text in hashes)


async def test_metadata_is_merged_and_null_removes_a_key(auth: AuthServer) -> None:
    session = await auth.sign_up()
    for data in ({"name": "Ada", "theme": "dark", "nested": {"kept": None}}, {"theme": None}):
        answer = await auth.http.put("/user", json={"data": data}, headers=bearer(session))

    assert answer.json()["user_metadata"] == {"name": "Ada", "nested": {"kept": None}}


async def test_users_cannot_write_their_own_role(auth: AuthServer) -> None:
    session = await auth.sign_up()

    answer = await auth.http.put(
        "/user", json={"app_metadata": {"role": "operator"}, "role": "service_role"}, headers=bearer(session)
    )

    assert answer.json()["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert answer.json()["role"] == "authenticated"


async def test_a_new_password_replaces_the_old_and_ends_other_sessions(auth: AuthServer) -> None:
    here = await auth.sign_up(password="correct horse")
    elsewhere = (await sign_in(auth, "correct horse")).json()

    await auth.http.put("/user", json={"password": "battery staple"}, headers=bearer(here))

    assert (await sign_in(auth, "correct horse")).status_code == 400
    assert (await sign_in(auth, "battery staple")).status_code == 200
    assert (await auth.http.get("/user", headers=bearer(here))).status_code == 200
    assert refusal(await auth.http.get("/user", headers=bearer(elsewhere))) == (403, "session_not_found")


async def test_the_same_password_is_no_change(auth: AuthServer) -> None:
    session = await auth.sign_up(password="correct horse")

    answer = await auth.http.put("/user", json={"password": "correct horse"}, headers=bearer(session))

    assert refusal(answer) == (422, "same_password")


async def test_an_email_of_somebody_else_cannot_be_taken(auth: AuthServer) -> None:
    await auth.sign_up("bob@example.com")
    session = await auth.sign_up("ada@example.com")

    taken = await auth.http.put("/user", json={"email": "bob@example.com"}, headers=bearer(session))
    free = await auth.http.put("/user", json={"email": "lovelace@example.com"}, headers=bearer(session))

    assert refusal(taken) == (422, "email_exists")
    assert free.json()["email"] == "lovelace@example.com"


async def test_tokens_of_other_servers_are_refused(auth: AuthServer, tmp_path: Path) -> None:
    from local_stack.auth_server.signing_keys import SigningKeys

    session = await auth.sign_up()
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    foreign = SigningKeys.load(tmp_path / "foreign.json")
    unsigned = jwt.encode(claims, "", algorithm="none")

    for token in (foreign.sign(claims), unsigned, "nonsense", session["access_token"][:-4] + "AAAA"):
        answer = await auth.http.get("/user", headers={"authorization": f"Bearer {token}"})
        assert refusal(answer) == (403, "bad_jwt")
    assert refusal(await auth.http.get("/user")) == (401, "no_authorization")


async def test_a_second_key_in_the_file_is_published_and_the_first_signs(start_server: StartServer) -> None:
    from local_stack.auth_server.signing_keys import SigningKeys, new_key

    newer, older = new_key(), new_key()
    auth = await start_server(keys=SigningKeys((newer, older)))
    session = await auth.sign_up()

    published = (await auth.http.get("/.well-known/jwks.json")).json()["keys"]

    assert [key["kid"] for key in published] == [newer["kid"], older["kid"]]
    assert jwt.get_unverified_header(session["access_token"])["kid"] == newer["kid"]
    await verified_claims(auth, session["access_token"])


async def test_a_browser_of_any_origin_may_ask(auth: AuthServer) -> None:
    answer = await auth.http.options(
        "/token?grant_type=password",
        headers={
            "origin": "http://127.0.0.1:5173",
            "access-control-request-method": "POST",
            "access-control-request-headers": "apikey,authorization,content-type,x-client-info,x-supabase-api-version",
        },
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-supabase-api-version" in answer.headers["access-control-allow-headers"]


async def test_a_wrong_publishable_key_is_turned_away(start_server: StartServer) -> None:
    auth = await start_server(publishable_key="sb_publishable_right")

    statuses = [
        (await auth.http.get("/settings", headers=headers)).status_code
        for headers in ({}, {"apikey": "sb_publishable_right"}, {"apikey": "sb_publishable_wrong"})
    ]

    assert statuses == [200, 200, 401]


async def test_unknown_paths_and_grants_are_refused_as_json(auth: AuthServer) -> None:
    assert (await auth.http.get("/nothing")).json()["code"] == 404
    assert (await auth.http.get("/signup")).status_code == 405
    assert (await auth.http.post("/token?grant_type=web3", json={})).status_code == 400


async def test_a_broken_trigger_is_a_database_error_and_leaves_no_user(auth: AuthServer, chat: Pool) -> None:
    await chat.execute(
        """create function public.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
        create trigger refuse before insert on auth.users for each row execute function public.refuse()"""
    )

    answer = await auth.http.post("/signup", json={"email": "ada@example.com", "password": "correct horse"})

    assert refusal(answer) == (500, "unexpected_failure")
    assert await chat.fetchval("select count(*) from auth.users") == 0


async def test_the_command_serves_until_it_is_told_to_stop(
    chat_dsn: Callable[..., str], tmp_path: Path
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "local_stack.auth_server", "--port", str(port)],
        env={"AUTH_DATABASE_URL": chat_dsn("supabase_auth_admin"), "ZMARTY_HOME": str(tmp_path)},
    )
    try:
        transport = httpx.AsyncHTTPTransport(retries=6)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://127.0.0.1:{port}/auth/v1"
        ) as client:
            health = await client.get("/health")
            keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    finally:
        process.terminate()
        process.wait(10)

    assert health.json()["name"] == "GoTrue"
    assert len(keys) == 1


async def sign_in(auth: AuthServer, password: str, *, email: str = "ada@example.com") -> httpx.Response:
    return await auth.http.post("/token?grant_type=password", json={"email": email, "password": password})
