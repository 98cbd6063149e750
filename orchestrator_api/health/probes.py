"""Asks each vendor now and then whether it answers us, by free endpoints and in the background: requests read the memory of it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import httpx

from orchestrator_api.providers import Access

PROBE_SECONDS = 60.0
PROBE_ANSWER_SECONDS = 5.0

State: TypeAlias = Literal["healthy", "down", "not_configured", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the newest probe of a vendor found; `reason` says why it is down."""

    state: State
    latency_ms: float | None = None
    checked_at: datetime | None = None
    reason: str | None = None


class Probes:
    """The newest finding of each vendor by name."""

    def __init__(self, vendors: Mapping[str, Access], client: httpx.AsyncClient) -> None:
        self._vendors = vendors
        self._client = client
        self.findings: Mapping[str, Finding] = {
            name: Finding("unknown" if access.is_configured else "not_configured")
            for name, access in vendors.items()
        }

    async def refresh_forever(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(PROBE_SECONDS)

    async def refresh(self) -> None:
        """Probe every configured vendor once, side by side."""
        names = [name for name, access in self._vendors.items() if access.is_configured]
        found = await asyncio.gather(*(self._probe(name, self._vendors[name]) for name in names))
        self.findings = {**self.findings, **dict(zip(names, found, strict=True))}

    async def _probe(self, name: str, access: Access) -> Finding:
        url, headers = free_request(name, access)
        started = time.perf_counter()
        try:
            response = await self._client.get(url, headers=headers, timeout=PROBE_ANSWER_SECONDS)
        except httpx.HTTPError as error:
            return Finding("down", checked_at=datetime.now(UTC), reason=type(error).__name__)
        latency_ms = round((time.perf_counter() - started) * 1000, 1)
        if response.is_success:
            return Finding("healthy", latency_ms, datetime.now(UTC))
        return Finding("down", latency_ms, datetime.now(UTC), f"status {response.status_code}")


def free_request(name: str, access: Access) -> tuple[str, dict[str, str]]:
    """The address and headers of something that costs nothing: a vendor's list of models, or whose key it is."""
    key = access.api_key or ""
    match name:
        case "anthropic":
            return f"{access.base_url}/v1/models", {"x-api-key": key, "anthropic-version": "2023-06-01"}
        case "elevenlabs":
            return f"{access.base_url}/v1/user", {"xi-api-key": key}
        case _:
            return f"{access.base_url}/models", {"Authorization": f"Bearer {key}"}
