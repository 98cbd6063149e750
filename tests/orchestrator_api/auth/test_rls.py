"""Acting as a user: the second net under every user-scoped query."""

import asyncpg
import pytest

from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.user import user_from
from tests.orchestrator_api.support import AuthServer, add_user
from zmarty.postgres import Pool


async def test_a_user_reads_only_their_own_rows(chat: Pool, chat_api: Pool, auth: AuthServer) -> None:
    first, second = await add_user(chat), await add_user(chat)

    async with as_user(chat_api, user_from(auth.claims(first))) as connection:
        seen = [row["user_id"] for row in await connection.fetch("select user_id from profiles")]

    assert seen == [first]
    assert second not in seen


async def test_the_role_and_the_claims_end_with_the_transaction(
    chat: Pool, chat_api: Pool, auth: AuthServer
) -> None:
    user = user_from(auth.claims(await add_user(chat)))
    async with as_user(chat_api, user) as connection:
        assert await connection.fetchval("select current_user") == "authenticated"
        assert await connection.fetchval("select auth.uid()") == user.id

    async with chat_api.acquire() as connection:
        assert await connection.fetchval("select current_user") == "zmarty_api"
        assert not await connection.fetchval("select current_setting('request.jwt.claims', true)")


async def test_a_user_cannot_raise_their_own_tier(chat: Pool, chat_api: Pool, auth: AuthServer) -> None:
    user = user_from(auth.claims(await add_user(chat)))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with as_user(chat_api, user) as connection:
            await connection.execute("update profiles set tier = 'enterprise'")
