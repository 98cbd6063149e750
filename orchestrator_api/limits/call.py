"""What a request counts as, and whose it is when nobody has signed in. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

# A page loads several things for each question that is asked on it.
READS_PER_QUESTION = 12
# Calls a minute of an address without a user: as many as the free tier's.
SIGNED_OUT_PER_MINUTE = 10 * READS_PER_QUESTION
# Other systems that deliver to us, by address; each delivery is checked against its own key or signature.
SERVICE_PER_MINUTE = 600
# One household or one server has this much of IPv6.
HOUSEHOLD_BITS = 64

# Health checks must be answered whatever happens, and counting a file of the web app would cost more than to send it.
PROBES = frozenset({"/livez", "/healthz", "/metrics"})
ASSETS = "/assets/"
QUESTIONS = re.compile(r"/chat|/v1/chat/completions|/v1/trading/analysis")
ANSWERS = re.compile(r"POST (/chat|/v1/chat/completions)|GET /v1/chat/[^/]+/stream")
EVENTS = "/v1/events"


@dataclass(frozen=True, slots=True)
class Call:
    """The bucket it is taken from, how many of them go for one question of the tier, and the streams it joins."""

    bucket: str
    multiple: int
    streams: str | None


def is_free(path: str) -> bool:
    """Whether nobody counts how often this is asked."""
    return path in PROBES or path.startswith(ASSETS)


def call_of(method: str, path: str) -> Call:
    """Questions count by the tier's own number, everything else by a multiple of it; see ADR 0033."""
    is_question = method == "POST" and QUESTIONS.fullmatch(path) is not None
    # Stopping an answer is none: whoever has as many under way as the tier allows must be able to stop one.
    streams = "events" if path == EVENTS else "answers" if ANSWERS.fullmatch(f"{method} {path}") else None
    return Call(
        bucket="question" if is_question else "read",
        multiple=1 if is_question else READS_PER_QUESTION,
        streams=streams,
    )


def address_of(forwarded_for: str, peer: str | None, *, trusted_hops: int) -> str:
    """Where a request comes from. Only what our own proxies wrote is believed: they append, so it is read from the right."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    told = hops[-trusted_hops] if 0 < trusted_hops <= len(hops) else peer
    try:
        address = ip_address(told or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, HOUSEHOLD_BITS), strict=False))
    return str(address)
