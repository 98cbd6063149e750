"""The ES256 keys that sign access tokens, kept in one private file; the first signs, all are published."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES256"
COORDINATE_BYTES = 32


@dataclass(frozen=True, repr=False)
class SigningKeys:
    """Private JWKs, newest first. Rotation: put a new key in front, restart, drop the old one an hour later."""

    entries: tuple[dict[str, Any], ...]

    @classmethod
    def load(cls, file: Path) -> "SigningKeys":
        """Read the key file; make it, with one key, when there is none."""
        try:
            document = json.loads(file.read_text())
        except FileNotFoundError:
            document = {"keys": [new_key()]}
            _write_private(file, json.dumps(document, indent=2))
        return cls(tuple(document["keys"]))

    def sign(self, claims: dict[str, Any]) -> str:
        first = self.entries[0]
        return jwt.encode(claims, jwt.PyJWK(first).key, algorithm=ALGORITHM, headers={"kid": first["kid"]})

    def verify(self, token: str, *, issuer: str) -> dict[str, Any]:
        """The claims of a token that one of our keys signed and that has not expired; raises jwt.PyJWTError."""
        kid = jwt.get_unverified_header(token).get("kid")
        entry = next((entry for entry in self.entries if entry["kid"] == kid), None)
        if entry is None:
            raise jwt.InvalidKeyError("no key of ours")
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(_public(entry)).key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience="authenticated",
            options={"require": ["exp", "iat", "sub", "session_id"]},
        )
        return claims

    @property
    def published(self) -> dict[str, Any]:
        return {"keys": [_public(entry) for entry in self.entries]}


def new_key() -> dict[str, Any]:
    """Invent a private ES256 key as a JWK."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": ALGORITHM,
        "use": "sig",
        "kid": str(uuid4()),
        "x": _coordinate(numbers.public_numbers.x),
        "y": _coordinate(numbers.public_numbers.y),
        "d": _coordinate(numbers.private_value),
    }


def _public(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "d"} | {
        "key_ops": ["verify"],
        "ext": True,
    }


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(COORDINATE_BYTES, "big")).rstrip(b"=").decode()


def _write_private(file: Path, text: str) -> None:
    # Written beside and renamed, so that a start cut short leaves no half a key behind.
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    draft.rename(file)
