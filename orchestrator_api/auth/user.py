"""The person behind a request, as the auth server vouches for them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from zmarty.errors import ZmartyError


class Forbidden(ZmartyError):
    status: ClassVar[int] = 403
    code: ClassVar[str] = "forbidden"


class OperatorRequired(ZmartyError):
    status: ClassVar[int] = 403
    code: ClassVar[str] = "operator_required"


@dataclass(frozen=True, slots=True)
class User:
    """One signed-in user. `claims` are the verified claims of the token, which row level security reads too."""

    id: UUID
    email: str | None
    is_operator: bool
    claims: Mapping[str, Any] = field(repr=False)

    def require_operator(self) -> None:
        if not self.is_operator:
            raise OperatorRequired("This needs an operator's account.")


def user_from(claims: Mapping[str, Any]) -> User:
    """Read a user from verified claims. Raises ValueError when `sub` is no uuid, Forbidden for anonymous sessions."""
    if claims.get("is_anonymous") is True:
        raise Forbidden("Anonymous sessions have no account here; sign up first.")
    # Only the server can write app_metadata; user_metadata is what users say about themselves.
    metadata = claims.get("app_metadata")
    email = claims.get("email")
    return User(
        id=UUID(str(claims["sub"])),
        email=email if isinstance(email, str) and email else None,
        is_operator=isinstance(metadata, Mapping) and metadata.get("role") == "operator",
        claims=claims,
    )
