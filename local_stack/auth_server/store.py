"""The only place where the auth server speaks SQL: users, sessions, refresh tokens and one-time tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from local_stack.auth_server.refusals import EmailExists
from local_stack.auth_server.user import User
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """From where somebody signs in."""

    user_agent: str | None
    ip: str | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    token: str = field(repr=False)
    parent: str | None = field(repr=False)
    revoked: bool
    age_seconds: float


async def insert_user(
    connection: Connection,
    email: str,
    *,
    password_hash: str | None,
    confirmed: bool,
    metadata: dict[str, Any],
) -> User | None:
    return _user(
        await connection.fetchrow(SQL["insert_user"], uuid4(), email, password_hash, confirmed, metadata)
    )


async def user_by_email(pool: Pool | Connection, email: str) -> User | None:
    return _user(await pool.fetchrow(SQL["user_by_email"], email))


async def user_by_id(connection: Connection, user_id: UUID) -> User | None:
    return _user(await connection.fetchrow(SQL["user_by_id"], user_id))


async def user_of_session(pool: Pool, session_id: UUID, user_id: UUID) -> User | None:
    return _user(await pool.fetchrow(SQL["user_of_session"], session_id, user_id))


async def save_sign_in(connection: Connection, user_id: UUID) -> User:
    user = _user(await connection.fetchrow(SQL["save_sign_in"], user_id))
    assert user, "the user was read in this transaction"
    return user


async def update_user(
    connection: Connection,
    user_id: UUID,
    *,
    email: str | None,
    password_hash: str | None,
    metadata: dict[str, Any] | None,
) -> User | None:
    try:
        record = await connection.fetchrow(SQL["update_user"], user_id, email, password_hash, metadata)
    except asyncpg.UniqueViolationError as error:
        raise EmailExists from error
    return _user(record)


async def insert_session(connection: Connection, session_id: UUID, user_id: UUID, visitor: Visitor) -> None:
    await connection.execute(SQL["insert_session"], session_id, user_id, visitor.user_agent, visitor.ip)


async def insert_method(connection: Connection, session_id: UUID, method: str) -> None:
    await connection.execute(SQL["insert_method"], uuid4(), session_id, method)


async def methods_of_session(connection: Connection, session_id: UUID) -> list[dict[str, Any]]:
    return [dict(record) for record in await connection.fetch(SQL["methods_of_session"], session_id)]


async def insert_refresh_token(
    connection: Connection, token: str, user_id: UUID, session_id: UUID, *, parent: str | None
) -> None:
    await connection.execute(SQL["insert_refresh_token"], token, user_id, session_id, parent)


async def lock_session(connection: Connection, token: str) -> tuple[UUID, UUID] | None:
    record = await connection.fetchrow(SQL["lock_session"], token)
    return (record["id"], record["user_id"]) if record else None


async def refresh_token(connection: Connection, token: str) -> RefreshToken:
    record = await connection.fetchrow(SQL["refresh_token"], token)
    assert record, "the session of this token was locked by it"
    return RefreshToken(**record)


async def active_refresh_token(connection: Connection, session_id: UUID) -> RefreshToken | None:
    record = await connection.fetchrow(SQL["active_refresh_token"], session_id)
    return RefreshToken(**record) if record else None


async def revoke_refresh_tokens(connection: Connection, session_id: UUID) -> None:
    await connection.execute(SQL["revoke_refresh_tokens"], session_id)


async def touch_session(connection: Connection, session_id: UUID, visitor: Visitor) -> None:
    await connection.execute(SQL["touch_session"], session_id, visitor.user_agent, visitor.ip)


async def delete_session(pool: Pool, session_id: UUID) -> None:
    await pool.execute(SQL["delete_session"], session_id)


async def delete_sessions(pool: Pool, user_id: UUID) -> None:
    await pool.execute(SQL["delete_sessions"], user_id)


async def delete_other_sessions(pool: Pool | Connection, user_id: UUID, session_id: UUID) -> None:
    await pool.execute(SQL["delete_other_sessions"], user_id, session_id)


async def save_one_time_token(
    connection: Connection, user_id: UUID, *, token_type: str, token_hash: str, email: str
) -> None:
    await connection.execute(SQL["save_one_time_token"], uuid4(), user_id, token_type, token_hash, email)


async def take_one_time_token(
    connection: Connection, token_hash: str, *, token_types: list[str], seconds_max: float
) -> UUID | None:
    user_id: UUID | None = await connection.fetchval(
        SQL["take_one_time_token"], token_hash, token_types, seconds_max
    )
    return user_id


def _user(record: asyncpg.Record | None) -> User | None:
    return User(**record) if record else None
