"""Turns a bearer token into a user, or says why not: the only place that believes a token."""

from typing import Any, ClassVar

import jwt
from starlette.requests import HTTPConnection

from orchestrator_api.auth.keys import PUBLIC_ALGORITHMS, KeyCache
from orchestrator_api.auth.user import User, user_from
from zmarty.errors import ZmartyError

TOKEN_LENGTH_MAX = 8192
SYMMETRIC_ALGORITHM = "HS256"
CLOCK_SKEW_SECONDS = 10
AUDIENCE = "authenticated"
ROLE = "authenticated"
REQUIRED_CLAIMS = ["exp", "iat", "sub", "iss", "aud"]


class TokenMissing(ZmartyError):
    status: ClassVar[int] = 401
    code: ClassVar[str] = "token_missing"


class TokenInvalid(ZmartyError):
    status: ClassVar[int] = 401
    code: ClassVar[str] = "token_invalid"


class TokenExpired(ZmartyError):
    status: ClassVar[int] = 401
    code: ClassVar[str] = "token_expired"


async def authenticate(request: HTTPConnection, keys: KeyCache) -> User:
    """The user whose token the request carries. Raises TokenMissing, TokenInvalid, TokenExpired, AuthUnavailable."""
    token = bearer_token(request)
    # The limits have verified the same token already, for this very request.
    verified = request.scope.get("state", {}).get("verified")
    if verified is not None and verified[0] == token:
        user: User = verified[1]
        return user
    return await user_of(token, keys)


async def authenticate_operator(request: HTTPConnection, keys: KeyCache) -> User:
    """Like `authenticate`, and raises OperatorRequired for everybody else."""
    user = await authenticate(request, keys)
    user.require_operator()
    return user


def bearer_token(request: HTTPConnection) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing("Sign in and send the token as `Authorization: Bearer …`.")
    return token.strip()


async def user_of(token: str, keys: KeyCache) -> User:
    """Verify a token and read its user."""
    if len(token) > TOKEN_LENGTH_MAX:
        raise TokenInvalid("The token is too long to be one of ours.")
    try:
        return user_from(await _verified_claims(token, keys))
    except jwt.ExpiredSignatureError:
        raise TokenExpired("The session has expired; refresh it or sign in again.") from None
    # The reason stays out of the answer: it would only help whoever is guessing.
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid("The token is not valid here; sign in again.") from error


async def _verified_claims(token: str, keys: KeyCache) -> dict[str, Any]:
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    key: Any
    # Which kind of key may be used follows from our own lists, never from what the token offers:
    # a public key must not serve as an HMAC secret, nor `none` as an algorithm.
    if algorithm == SYMMETRIC_ALGORITHM and keys.jwt_secret is not None:
        key = keys.jwt_secret
    elif algorithm in PUBLIC_ALGORITHMS and isinstance(header.get("kid"), str):
        key = await keys.find(header["kid"])
        if key is None or key.algorithm_name != algorithm:
            raise jwt.InvalidKeyError("no published key of this id and algorithm")
    else:
        raise jwt.InvalidAlgorithmError("an algorithm or a key id that we do not accept")
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=keys.issuer,
        audience=AUDIENCE,
        leeway=CLOCK_SKEW_SECONDS,
        options={"require": REQUIRED_CLAIMS},
    )
    if claims.get("role") != ROLE:
        raise jwt.InvalidTokenError("not a user's token")
    return claims
