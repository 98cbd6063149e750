"""Keys by which other systems speak to the API: made, shown once, listed and revoked; each change is audited."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from uuid import UUID

from console.audit import audited
from console.migrations import SQL
from console.queues import Desk
from zmarty.postgres import Connection

PREFIX = "zsk_"
SCOPES = ("signals:write",)
KEYS_SHOWN_MAX = 200


class ServiceKeyRefused(Exception):
    """The key cannot be made or found; the message says why."""


async def create(at: Desk, name: str, *, scopes: list[str], source: str | None) -> tuple[UUID, str]:
    """Make a key. It is returned here and can be seen nowhere else afterwards: only its digest is kept."""
    if unknown := set(scopes) - set(SCOPES):
        raise ServiceKeyRefused(
            f"no scope is called {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}"
        )
    key = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).digest()
    asked = {"name": name, "scopes": scopes, "source": source}
    async with audited(at.chat, at.actor, "service_key_create", f"service_key:{name}", asked) as result:
        key_id: UUID = await at.trading.fetchval(
            SQL["make_service_key"], name, digest, scopes, source, at.actor
        )
        result["id"] = str(key_id)
    return key_id, key


async def listed(trading: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await trading.fetch(SQL["service_keys"], KEYS_SHOWN_MAX)]


async def revoke(at: Desk, key_id: UUID) -> bool:
    """Refuse the key from now on; False when it was revoked before."""
    if not await at.trading.fetchval(SQL["service_key_exists"], key_id):
        raise ServiceKeyRefused(f"no service key has the id {key_id}; `zmarty service-key list` shows them")
    async with audited(at.chat, at.actor, "service_key_revoke", f"service_key:{key_id}", {}) as result:
        revoked = await at.trading.fetchval(SQL["revoke_service_key"], key_id)
        result["revoked"] = revoked is not None
    return revoked is not None
