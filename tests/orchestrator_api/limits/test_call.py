"""What a request counts as, and whose address is believed."""

import pytest

from orchestrator_api.limits.call import READS_PER_QUESTION, address_of, call_of


@pytest.mark.parametrize(
    ("method", "path", "bucket", "streams"),
    [
        ("POST", "/chat", "question", "answers"),
        ("POST", "/v1/chat/completions", "question", "answers"),
        ("GET", "/v1/chat/123/stream", "read", "answers"),
        ("DELETE", "/v1/chat/123/stream", "read", None),
        ("POST", "/v1/trading/analysis", "question", None),
        # A page of the web app.
        ("GET", "/chat", "read", None),
        ("GET", "/v1/events", "read", "events"),
        ("GET", "/v1/credits", "read", None),
        ("GET", "/chat/", "read", None),
        ("PUT", "/v1/symbols", "read", None),
        ("POST", "/mcp", "read", None),
        ("GET", "/nothing/here", "read", None),
    ],
)
def test_questions_and_streams_are_told_from_reads(
    method: str, path: str, bucket: str, streams: str | None
) -> None:
    call = call_of(method, path)

    assert (call.bucket, call.streams) == (bucket, streams)
    assert call.multiple == (1 if bucket == "question" else READS_PER_QUESTION)


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "address"),
    [
        ("", 1, "10.0.0.9"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.1.1.1", 2, "203.0.113.7"),
        ("203.0.113.7", 0, "10.0.0.9"),
        ("203.0.113.7", 2, "10.0.0.9"),
        ("' or 1=1", 1, "unknown"),
        ("2001:db8:1:2:aaaa::1", 1, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", 1, "203.0.113.7"),
    ],
)
def test_only_what_our_proxies_wrote_is_believed(forwarded_for: str, hops: int, address: str) -> None:
    assert address_of(forwarded_for, "10.0.0.9", trusted_hops=hops) == address


def test_without_a_peer_everybody_is_one() -> None:
    assert address_of("", None, trusted_hops=1) == "unknown"
