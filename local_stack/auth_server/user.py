"""A row of auth.users, and how GoTrue shows it to its owner. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    email: str
    encrypted_password: str | None = field(repr=False)
    email_confirmed_at: datetime | None
    last_sign_in_at: datetime | None
    banned_until: datetime | None
    raw_app_meta_data: dict[str, Any] | None
    raw_user_meta_data: dict[str, Any] | None = field(repr=False)
    created_at: datetime
    updated_at: datetime

    def is_banned(self, now: datetime) -> bool:
        return self.banned_until is not None and self.banned_until > now

    def shown(self) -> dict[str, Any]:
        """The user object of the API. Email is the one identity there is, so it is told from the user itself."""
        identity = {
            "identity_id": str(self.id),
            "id": str(self.id),
            "user_id": str(self.id),
            "identity_data": {
                "sub": str(self.id),
                "email": self.email,
                "email_verified": self.email_confirmed_at is not None,
                "phone_verified": False,
            },
            "provider": "email",
            "last_sign_in_at": _text(self.last_sign_in_at or self.created_at),
            "created_at": _text(self.created_at),
            "updated_at": _text(self.updated_at),
            "email": self.email,
        }
        return {
            "id": str(self.id),
            "aud": "authenticated",
            "role": "authenticated",
            "email": self.email,
            "phone": "",
            "email_confirmed_at": _text(self.email_confirmed_at),
            "confirmed_at": _text(self.email_confirmed_at),
            "last_sign_in_at": _text(self.last_sign_in_at),
            "app_metadata": self.raw_app_meta_data or {},
            "user_metadata": self.raw_user_meta_data or {},
            "identities": [identity],
            "created_at": _text(self.created_at),
            "updated_at": _text(self.updated_at),
            "is_anonymous": False,
        }


def _text(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
