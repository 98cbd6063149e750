"""The auth server's public keys, cached: refreshed in the background, refetched for an unknown key, kept through outages."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from zmarty.errors import ZmartyError

log = structlog.get_logger(__name__)

PUBLIC_ALGORITHMS = frozenset({"ES256", "RS256"})
REFRESH_SECONDS = 300.0
RETRY_SECONDS = 15.0
REFETCH_SECONDS_MIN = 30.0
FIRST_FETCH_SECONDS_MIN = 1.0
KEPT_SECONDS_MAX = 24 * 3600.0
FETCH_SECONDS_MAX = 5.0
KEYS_MAX = 50


class AuthUnavailable(ZmartyError):
    status: ClassVar[int] = 503
    code: ClassVar[str] = "auth_unavailable"


class KeyCache:
    """Public keys by `kid`. Reading is free of I/O except for an unknown key, and then bounded and single-flight."""

    def __init__(
        self,
        *,
        supabase_url: str,
        client: httpx.AsyncClient,
        jwt_secret: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = f"{supabase_url.rstrip('/')}/auth/v1"
        self.jwt_secret = jwt_secret or None
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._fetching = asyncio.Lock()

    @property
    def age_seconds(self) -> float | None:
        """How old the newest good set is; None before the first."""
        return None if self._fetched_at is None else self._clock() - self._fetched_at

    async def find(self, kid: str) -> PyJWK | None:
        """The key with this id, or None when the auth server does not publish it.

        Raises AuthUnavailable while no set younger than a day is known.
        """
        if kid not in self._keys or not self._is_usable():
            await self._refetch()
        if not self._is_usable():
            raise AuthUnavailable("Sign-in cannot be checked right now; try again in a moment.")
        return self._keys.get(kid)

    async def refresh_forever(self) -> None:
        """Keep the set young. Runs as a background task of the process."""
        while True:
            fetched = await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS if fetched else RETRY_SECONDS)

    async def refresh(self) -> bool:
        """Fetch the set now; on failure the last good one stays. Returns whether it was fetched."""
        async with self._fetching:
            return await self._fetch()

    def _is_usable(self) -> bool:
        age = self.age_seconds
        return age is not None and age < KEPT_SECONDS_MAX

    async def _refetch(self) -> None:
        """At most once per interval, whatever tokens people send: made-up key ids must not become traffic."""
        asked_at = self._clock()
        async with self._fetching:
            # Whoever waited behind another fetch has its result.
            if self._attempted_at is not None and self._attempted_at >= asked_at:
                return
            pause = REFETCH_SECONDS_MIN if self._is_usable() else FIRST_FETCH_SECONDS_MIN
            if self._attempted_at is None or self._clock() - self._attempted_at >= pause:
                await self._fetch()

    async def _fetch(self) -> bool:
        try:
            response = await self._client.get(
                f"{self.issuer}/.well-known/jwks.json", timeout=FETCH_SECONDS_MAX
            )
            response.raise_for_status()
            keys = keys_from(response.json())
        except (httpx.HTTPError, ValueError) as error:
            log.warning("jwks_fetch_failed", error=type(error).__name__, age_seconds=self.age_seconds)
            return False
        finally:
            self._attempted_at = self._clock()
        self._keys = keys
        self._fetched_at = self._clock()
        return True


def keys_from(document: Any) -> dict[str, PyJWK]:
    """Read a JWK set. Keys that we would never use are left out; ValueError when it is no set at all."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("a JWK set is an object with a list `keys`")  # noqa: TRY004 — it is what was sent that is wrong
    keys = {}
    for entry in listed[:KEYS_MAX]:
        # Symmetric keys and keys for encryption have no place in a published set.
        if (
            not isinstance(entry, dict)
            or entry.get("use", "sig") != "sig"
            or not isinstance(entry.get("kid"), str)
        ):
            continue
        try:
            key = PyJWK(entry)
        except (PyJWTError, ValueError):
            continue
        if key.algorithm_name in PUBLIC_ALGORITHMS:
            keys[entry["kid"]] = key
    return keys
