"""Standard Webhooks signatures: what we sign is accepted, and every other thing is refused in one way."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from zmarty.signing import SignatureMismatch, sign, verify, webhook_secret

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def signed(body: str = "{}", *, sent_at: datetime | None = None) -> dict[str, str]:
    return sign(SECRET, webhook_id="7", sent_at=sent_at or datetime.now(UTC), body=body)


def test_a_signed_body_is_accepted_by_any_valid_secret() -> None:
    verify([SECRET], signed(), b"{}")
    verify([OTHER, SECRET], signed(), b"{}")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(), b"{ }"),
        (signed(sent_at=datetime.now(UTC) - timedelta(minutes=6)), b"{}"),
        ({**signed(), "webhook-id": "8"}, b"{}"),
        ({**signed(), "webhook-signature": "v1"}, b"{}"),
        ({**signed(), "webhook-signature": "v1,%%%"}, b"{}"),
        ({**signed(), "webhook-timestamp": "soon"}, b"{}"),
        ({}, b"{}"),
        (signed(), b"\xff\xfe"),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureMismatch):
        verify([SECRET], headers, body)


@pytest.mark.parametrize(
    "text", ["v1," + SECRET, "secret", "whsec_***", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_secret_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        webhook_secret(text)
