"""Keys by which other systems speak to us: `Authorization: Bearer zsk_…`. Only their digests are stored."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from starlette.requests import HTTPConnection

from orchestrator_api.auth.token import TokenInvalid, bearer_token
from orchestrator_api.auth.user import Forbidden
from zmarty.errors import ZmartyError
from zmarty.postgres import Pool
from zmarty.sql import load

SQL = load(__package__)

PREFIX = "zsk_"
KEY_LENGTH_MAX = 200
SIGNALS_WRITE = "signals:write"


class ServiceKeyRequired(ZmartyError):
    status: ClassVar[int] = 401
    code: ClassVar[str] = "service_key_required"


@dataclass(frozen=True, slots=True)
class Service:
    """Who holds the key. `source` is the only one that it may speak as; null: any."""

    key_id: UUID
    name: str
    source: str | None


async def authenticate_service(request: HTTPConnection, trading: Pool, *, scope: str) -> Service:
    """The holder of the request's key. Raises TokenMissing, ServiceKeyRequired, TokenInvalid, Forbidden.

    A key that does not exist and one that was revoked are refused alike.
    """
    key = bearer_token(request)
    if not key.startswith(PREFIX):
        raise ServiceKeyRequired("This needs a service key (zsk_…); a user's token does not open it.")
    if len(key) > KEY_LENGTH_MAX:
        raise TokenInvalid("The service key is not valid here.")
    digest = hashlib.sha256(key.encode()).digest()
    record = await trading.fetchrow(SQL["find_service_key"], digest)
    if record is None:
        raise TokenInvalid("The service key is not valid here.")
    if scope not in record["scopes"]:
        raise Forbidden(f"This service key lacks the scope {scope}.", scope=scope)
    # To the minute, so that a busy key is not a row written with each request.
    await trading.execute(SQL["touch_service_key"], record["id"])
    return Service(record["id"], record["name"], record["source"])
