"""Standard Webhooks signatures, for what we send and what we receive."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from standardwebhooks import Webhook, WebhookVerificationError

SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64


class SignatureMismatch(Exception):
    """The signature, its headers or its age do not hold."""


def webhook_secret(text: str) -> str:
    """Return a secret in the library's form, or raise ValueError naming the rule it breaks.

    The library silently builds a wrong key from `v1,whsec_…`, so that form is refused here.
    """
    if not text.startswith("whsec_"):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ followed by base64") from error
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(
            f"a webhook secret holds {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, this one {len(key)}"
        )
    return text


def sign(secret: str, *, webhook_id: str, sent_at: datetime, body: str) -> dict[str, str]:
    """Headers that prove who sent `body` and when. `sent_at` must be aware and in UTC (the library misreads other zones)."""
    offset = sent_at.utcoffset()
    assert offset is not None and not offset, "sent_at must be in UTC"
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, sent_at, body),
    }


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> None:
    """Raise SignatureMismatch unless one of `secrets` signed exactly this body within the last five minutes."""
    for secret in secrets:
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
        # The library lets malformed headers and undecodable bodies out as these; to the caller all mean the same.
        except (WebhookVerificationError, ValueError):
            continue
        return
    raise SignatureMismatch("no known secret signed this request within the last five minutes")
