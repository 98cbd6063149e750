"""Passwords at rest: scrypt with a salt of its own each, computed off the event loop. Never logged, never compared early."""

import asyncio
import base64
import hashlib
import hmac
import secrets

from local_stack.auth_server.refusals import PasswordWeak, ValidationFailed

LENGTH_MIN = 6
LENGTH_MAX = 72
LOG2_COST = 14
BLOCK_SIZE = 8
PARALLEL = 1
SALT_BYTES = 16
MEMORY_BYTES_MAX = 64 * 1024 * 1024
# Each hash takes a core for tens of milliseconds; more of them at once would only make everybody wait.
HASHES_AT_ONCE_MAX = 2

_slots = asyncio.Semaphore(HASHES_AT_ONCE_MAX)


def require_strength(password: str) -> None:
    """Refuse what is too short to protect an account or longer than GoTrue accepts."""
    if len(password) < LENGTH_MIN:
        raise PasswordWeak(f"Password should be at least {LENGTH_MIN} characters.")
    if len(password.encode()) > LENGTH_MAX:
        raise ValidationFailed(f"Password cannot be longer than {LENGTH_MAX} characters")


async def hash_password(password: str) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    digest = await _digest(password, salt, LOG2_COST, BLOCK_SIZE, PARALLEL)
    return f"$scrypt$ln={LOG2_COST},r={BLOCK_SIZE},p={PARALLEL}${_text(salt)}${_text(digest)}"


async def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password; without a hash it takes as long, so that nobody can tell which emails exist."""
    if not hashed or not hashed.startswith("$scrypt$") or len(password.encode()) > LENGTH_MAX:
        await _digest("", b"no such user", LOG2_COST, BLOCK_SIZE, PARALLEL)
        return False
    _, _, costs, salt, expected = hashed.split("$")
    log2_cost, block_size, parallel = (int(pair.partition("=")[2]) for pair in costs.split(","))
    digest = await _digest(password, base64.b64decode(salt), log2_cost, block_size, parallel)
    return hmac.compare_digest(digest, base64.b64decode(expected))


async def _digest(password: str, salt: bytes, log2_cost: int, block_size: int, parallel: int) -> bytes:
    async with _slots:
        return await asyncio.to_thread(
            hashlib.scrypt,
            password.encode(),
            salt=salt,
            n=2**log2_cost,
            r=block_size,
            p=parallel,
            maxmem=MEMORY_BYTES_MAX,
        )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
