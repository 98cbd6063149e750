"""How every vendor's SDK is opened: with timeouts, and without retries of its own."""

from typing import Any

import httpx2

CONNECT_SECONDS = 3.0
# Of one read. The router's own deadlines are shorter; this one is for connections that nobody waits for any more.
READ_SECONDS = 60.0


def client_options() -> dict[str, Any]:
    """Arguments that every SDK's client takes. The router retries; a silent retry in there would eat its deadlines."""
    return {"max_retries": 0, "timeout": httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)}
