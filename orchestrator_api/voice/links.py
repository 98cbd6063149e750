"""Links to audio that a player can open without a token: signed for one recording of one user, and short-lived. Pure."""

import hashlib
import hmac
from uuid import UUID

LINK_SECONDS = 3_600


def signed_path(secret: str, recording_id: UUID, user_id: UUID, *, now: int) -> str:
    """The path of a recording with when it expires and the proof that we said so."""
    expires = now + LINK_SECONDS
    return f"/v1/voice/{recording_id}?expires={expires}&signature={_signature(secret, recording_id, user_id, expires)}"


def is_signed(
    secret: str, recording_id: UUID, user_id: UUID, *, expires: int, signature: str, now: int
) -> bool:
    """Whether this link is ours and has not expired."""
    expected = _signature(secret, recording_id, user_id, expires)
    return hmac.compare_digest(expected.encode(), signature.encode()) and now < expires


def _signature(secret: str, recording_id: UUID, user_id: UUID, expires: int) -> str:
    # The owner is part of it: were a recording's row ever given to somebody else, old links would not open it.
    message = f"voice\n{recording_id}\n{user_id}\n{expires}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
