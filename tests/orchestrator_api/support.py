"""An auth server's keys and tokens, good and bad, and the API around test resources."""

import base64
import json
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator_api.auth.keys import KeyCache
from orchestrator_api.background import Background
from orchestrator_api.chat.recording import Recorder
from orchestrator_api.events.live import Live
from orchestrator_api.health.checkup import Checkup
from orchestrator_api.health.probes import Probes
from orchestrator_api.health.traffic import Traffic
from orchestrator_api.jobs.waiting import Waiting
from orchestrator_api.limits.calls import CallLimits
from orchestrator_api.model_router.router import Router
from orchestrator_api.resources import PublicConfig, Resources
from zmarty.postgres import Pool

SUPABASE_URL = "http://auth.test"
ISSUER = f"{SUPABASE_URL}/auth/v1"


def without(claims: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in names}


@cache
def rsa_key_of_all() -> rsa.RSAPrivateKey:
    """One for a whole process: finding its primes takes longer than most of the tests that want one."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class AuthServer:
    """Signs tokens and publishes its keys through a transport; can be taken offline."""

    is_online: bool = True
    fetches: int = 0
    ec_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    rsa_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa_key_of_all())
    published: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.publish("ec-1", json.loads(ECAlgorithm.to_jwk(self.ec_key.public_key())) | {"alg": "ES256"})
        self.publish("rsa-1", json.loads(RSAAlgorithm.to_jwk(self.rsa_key.public_key())) | {"alg": "RS256"})

    def publish(self, kid: str, jwk: dict[str, Any]) -> None:
        self.published[kid] = without(jwk, "d", "p", "q", "key_ops") | {"kid": kid, "use": "sig"}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{ISSUER}/.well-known/jwks.json"
        self.fetches += 1
        if not self.is_online:
            raise httpx.ConnectError("the auth server is away", request=request)
        return httpx.Response(200, json={"keys": list(self.published.values())})

    def claims(self, user_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": "authenticated",
            "sub": str(user_id or uuid4()),
            "role": "authenticated",
            "email": "person@example.com",
            "iat": now,
            "exp": now + 3600,
            "aal": "aal1",
            "is_anonymous": False,
            "app_metadata": {"provider": "email"},
            "user_metadata": {},
            **changes,
        }

    def token(self, user_id: UUID | None = None, **changes: Any) -> str:
        return self.sign(self.claims(user_id, **changes))

    def operator_token(self, user_id: UUID | None = None) -> str:
        return self.token(user_id, app_metadata={"role": "operator"})

    def sign(self, claims: dict[str, Any], *, kid: str = "ec-1") -> str:
        return jwt.encode(claims, self.ec_key, algorithm="ES256", headers={"kid": kid})

    def sign_rsa(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.rsa_key, algorithm="RS256", headers={"kid": "rsa-1"})


def forge(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token as an attacker would put it together, past every check of a library."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def resources_for(
    chat: Pool,
    trading: Pool,
    auth: AuthServer,
    *,
    jwt_secret: str | None = None,
    router: Router | None = None,
    is_limited: bool = False,
) -> Resources:
    """Resources of a test: real pools, the test's own auth server, no vendor unless a router is given."""
    client, background = auth.client(), Background()
    return Resources(
        chat=chat,
        trading=trading,
        keys=KeyCache(supabase_url=SUPABASE_URL, client=client, jwt_secret=jwt_secret),
        http=client,
        router=router if router is not None else Router({}),
        background=background,
        recorder=Recorder(chat, background),
        live=Live(trading),
        waiting=Waiting(),
        probes=Probes({}, client),
        checkup=Checkup(),
        traffic=Traffic(),
        # A test asks faster than any user; those of the limits turn them on.
        limits=CallLimits(is_on=is_limited),
        public=PublicConfig(supabase_url=SUPABASE_URL, publishable_key="sb_publishable_test", api_url=""),
        commit="test-commit",
        web_dist=Path("/nowhere"),
    )


@dataclass
class WithResources:
    """Hands resources to each request as the server's lifespan would, so that the app runs in the test's own loop."""

    app: ASGIApp
    resources: Resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"resources": self.resources}
        await self.app(scope, receive, send)


async def add_user(chat: Pool, email: str | None = None) -> UUID:
    """Sign a user up in the database; triggers make profile and account."""
    user_id = uuid4()
    await chat.execute(
        "insert into auth.users (id, aud, role, email) values ($1, 'authenticated', 'authenticated', $2)",
        user_id,
        email or f"{user_id}@example.com",
    )
    return user_id
