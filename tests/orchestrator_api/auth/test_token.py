"""Every way a token can be wrong gets its own answer, and none of them gets in."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orchestrator_api.auth.keys import KeyCache
from orchestrator_api.auth.token import TokenInvalid, user_of
from orchestrator_api.auth.user import Forbidden, user_from
from orchestrator_api.resources import Resources
from tests.orchestrator_api.support import SUPABASE_URL, AuthServer, bearer, forge, without

SECRET = "a-legacy-secret-of-at-least-32-bytes!!"
Forge = Callable[[AuthServer], str]


def expired(auth: AuthServer) -> str:
    return auth.token(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)


def signed_by_a_foreign_key(auth: AuthServer) -> str:
    foreign = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(auth.claims(), foreign, algorithm="ES256", headers={"kid": "ec-1"})


def signed_by_an_unknown_key(auth: AuthServer) -> str:
    foreign = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(auth.claims(), foreign, algorithm="ES256", headers={"kid": "ec-unknown"})


def unsigned(auth: AuthServer) -> str:
    return forge({"alg": "ES256", "typ": "JWT", "kid": "ec-1"}, auth.claims())


def alg_none(auth: AuthServer) -> str:
    return forge({"alg": "none", "typ": "JWT"}, auth.claims())


def alg_none_with_a_kid(auth: AuthServer) -> str:
    return forge({"alg": "nOnE", "typ": "JWT", "kid": "ec-1"}, auth.claims())


def public_key_as_hmac_secret(auth: AuthServer) -> str:
    """The classic confusion: the published key, taken as the secret of HS256."""
    pem = auth.ec_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hs256(auth.claims(), pem, kid="ec-1")


def jwk_as_hmac_secret(auth: AuthServer) -> str:
    return hs256(auth.claims(), json.dumps(auth.published["ec-1"]).encode(), kid="ec-1")


def signed_with_an_empty_secret(auth: AuthServer) -> str:
    return hs256(auth.claims(), b"", kid="ec-1")


def key_inside_the_token(auth: AuthServer) -> str:
    foreign = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(foreign.public_key()))
    return jwt.encode(auth.claims(), foreign, algorithm="ES256", headers={"jwk": jwk})


def other_algorithm_than_the_key(auth: AuthServer) -> str:
    return jwt.encode(auth.claims(), auth.rsa_key, algorithm="RS256", headers={"kid": "ec-1"})


def unlisted_algorithm(auth: AuthServer) -> str:
    return jwt.encode(auth.claims(), auth.rsa_key, algorithm="RS512", headers={"kid": "rsa-1"})


def without_kid(auth: AuthServer) -> str:
    return jwt.encode(auth.claims(), auth.ec_key, algorithm="ES256")


def tampered(auth: AuthServer) -> str:
    head, _, signature = auth.token().split(".")
    body = urlsafe_b64encode(json.dumps(auth.claims(app_metadata={"role": "operator"})).encode())
    return f"{head}.{body.decode().rstrip('=')}.{signature}"


def hs256(claims: dict[str, Any], secret: bytes, *, kid: str) -> str:
    # By hand: PyJWT itself refuses to sign with a public key.
    head = forge({"alg": "HS256", "typ": "JWT", "kid": kid}, claims).rpartition(".")[0]
    signature = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    return f"{head}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


FORGERIES: list[Forge] = [
    signed_by_a_foreign_key,
    signed_by_an_unknown_key,
    unsigned,
    alg_none,
    alg_none_with_a_kid,
    public_key_as_hmac_secret,
    jwk_as_hmac_secret,
    signed_with_an_empty_secret,
    key_inside_the_token,
    other_algorithm_than_the_key,
    unlisted_algorithm,
    without_kid,
    tampered,
    lambda auth: "not-a-token",
    lambda auth: "a.b.c",
    lambda auth: "..",
    lambda auth: "x" * 9000,
    lambda auth: auth.token(iss="http://elsewhere.test/auth/v1"),
    lambda auth: auth.token(iss="http://auth.test/auth/v1/"),
    lambda auth: auth.token(aud="anon"),
    lambda auth: auth.token(role="service_role"),
    lambda auth: auth.token(role="anon"),
    lambda auth: auth.token(iat=int(time.time()) + 3600),
    lambda auth: auth.token(sub="not-a-uuid"),
    lambda auth: auth.token(sub=""),
    *(
        (lambda auth, missing=missing: auth.sign(without(auth.claims(), missing)))
        for missing in ("exp", "iat", "sub", "iss", "aud", "role")
    ),
]


async def test_no_forged_token_gets_in(
    api: httpx2.AsyncClient, auth: AuthServer, subtests: pytest.Subtests
) -> None:
    for number, forgery in enumerate(FORGERIES):
        with subtests.test(number=number, forgery=forgery.__name__):
            answer = await api.get("/v1/symbols", headers=bearer(forgery(auth)))

            assert answer.status_code == 401
            assert answer.json()["error"] == "token_invalid"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "given", [{}, {"Authorization": ""}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}]
)
async def test_a_request_without_a_token_says_so(api: httpx2.AsyncClient, given: dict[str, str]) -> None:
    answer = await api.get("/v1/symbols", headers=given)

    assert (answer.status_code, answer.json()["error"]) == (401, "token_missing")


async def test_an_expired_token_is_told_apart(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    answer = await api.get("/v1/symbols", headers=bearer(expired(auth)))

    assert (answer.status_code, answer.json()["error"]) == (401, "token_expired")


async def test_good_tokens_of_both_algorithms_get_in(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    for token in (auth.token(), auth.sign_rsa(auth.claims())):
        assert (await api.get("/v1/symbols", headers=bearer(token))).status_code == 200


async def test_the_scheme_is_read_in_any_case(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    answer = await api.get("/v1/symbols", headers={"Authorization": f"bearer {auth.token()}"})

    assert answer.status_code == 200


async def test_an_anonymous_session_has_no_account(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    answer = await api.get("/v1/symbols", headers=bearer(auth.token(is_anonymous=True)))

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_a_legacy_secret_is_used_only_when_configured(auth: AuthServer) -> None:
    user_id = uuid4()
    legacy = jwt.encode(auth.claims(user_id), SECRET, algorithm="HS256")
    with_secret = KeyCache(supabase_url=SUPABASE_URL, client=auth.client(), jwt_secret=SECRET)
    without_secret = KeyCache(supabase_url=SUPABASE_URL, client=auth.client())

    assert (await user_of(legacy, with_secret)).id == user_id
    with pytest.raises(TokenInvalid):
        await user_of(legacy, without_secret)


@pytest.mark.parametrize("forgery", [public_key_as_hmac_secret, jwk_as_hmac_secret, alg_none])
async def test_a_legacy_secret_opens_no_other_door(auth: AuthServer, forgery: Forge) -> None:
    keys = KeyCache(supabase_url=SUPABASE_URL, client=auth.client(), jwt_secret=SECRET)

    with pytest.raises(TokenInvalid):
        await user_of(forgery(auth), keys)


def test_only_the_servers_metadata_makes_an_operator(auth: AuthServer) -> None:
    assert user_from(auth.claims(app_metadata={"role": "operator"})).is_operator
    for claims in (
        auth.claims(user_metadata={"role": "operator"}),
        auth.claims(app_metadata={"role": "Operator"}),
        auth.claims(app_metadata="operator"),
        auth.claims(app_metadata=None),
    ):
        assert not user_from(claims).is_operator


def test_a_user_is_read_from_claims(auth: AuthServer) -> None:
    user_id = UUID("5f0c1a5e-2f6b-4d0e-9a55-0d5f7b8f3c11")

    user = user_from(auth.claims(user_id, email=""))

    assert (user.id, user.email) == (user_id, None)
    with pytest.raises(Forbidden):
        user_from(auth.claims(user_id, is_anonymous=True))


async def test_no_token_reaches_the_log(
    api: httpx2.AsyncClient, auth: AuthServer, capsys: pytest.CaptureFixture[str], resources: Resources
) -> None:
    token = auth.token()
    await api.get("/v1/symbols", headers=bearer(token))
    await api.get("/v1/symbols", headers=bearer(alg_none(auth)))

    seen = capsys.readouterr()
    assert token not in seen.out + seen.err
