"""/v1/user/profile: what a user may say of themselves, and what not."""

from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool

PATH = "/v1/user/profile"
EDITED = {
    "full_name": "Ada Lovelace",
    "display_name": "Ada",
    "avatar_url": "https://example.com/ada.png",
    "bio": "Counts.",
    "trading_experience": "expert",
    "risk_tolerance": 2,
    "preferred_pairs": ["BTC/USDT", "ETH/EUR"],
    "notification_preferences": {"email": False},
    "language": "de",
    "timezone": "Europe/Berlin",
}


@pytest.fixture
async def user_id(chat: Pool) -> UUID:
    return await add_user(chat)


@pytest.fixture
async def user(api: httpx2.AsyncClient, auth: AuthServer, user_id: UUID) -> httpx2.AsyncClient:
    """A client that is signed in."""
    api.headers.update(bearer(auth.token(user_id)))
    return api


async def test_a_new_user_has_an_empty_profile(user: httpx2.AsyncClient) -> None:
    profile = (await user.get(PATH)).json()

    assert (profile["tier"], profile["language"], profile["timezone"]) == ("free", "en", "UTC")
    assert (profile["preferred_pairs"], profile["trading_experience"]) == ([], None)
    assert profile["member_since"].endswith("Z")
    assert (profile["plan"]["price_cap"], profile["plan"]["symbols_max"]) == (20, 5)
    assert (profile["plan"]["credits_monthly"], profile["plan"]["voice"]) == (0, False)


async def test_a_profile_is_changed_field_by_field(user: httpx2.AsyncClient) -> None:
    before = (await user.get(PATH)).json()

    whole = await user.put(PATH, json=EDITED | {"preferred_pairs": ["btc", "eth-eur", "BTCUSDT"]})
    part = await user.put(PATH, json={"bio": " ", "risk_tolerance": None, "display_name": " A "})
    nothing = await user.put(PATH, json={})

    assert whole.status_code == 200
    assert whole.json() == before | EDITED | {"updated_at": whole.json()["updated_at"]}
    assert part.json() == whole.json() | {
        "bio": None,
        "risk_tolerance": None,
        "display_name": "A",
        "updated_at": part.json()["updated_at"],
    }
    assert (await user.get(PATH)).json() == nothing.json()
    assert nothing.json() | {"updated_at": ""} == part.json() | {"updated_at": ""}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tier": "enterprise"}, "tier"),
        ({"member_since": "2020-01-01T00:00:00Z"}, "member_since"),
        ({"user_id": "x"}, "user_id"),
        ({"full_name": "x" * 256}, "full_name"),
        ({"display_name": 5}, "display_name"),
        ({"avatar_url": "javascript:alert(1)"}, "avatar_url"),
        ({"avatar_url": "https://" + "x" * 2000}, "avatar_url"),
        ({"bio": "x" * 2001}, "bio"),
        ({"trading_experience": "guru"}, "trading_experience"),
        ({"risk_tolerance": 0}, "risk_tolerance"),
        ({"risk_tolerance": 6}, "risk_tolerance"),
        ({"risk_tolerance": True}, "risk_tolerance"),
        ({"preferred_pairs": ["B!"]}, "preferred_pairs.0"),
        ({"preferred_pairs": ["BTC"] * 101}, "preferred_pairs"),
        ({"preferred_pairs": None}, "preferred_pairs"),
        ({"notification_preferences": {"x": "y" * 4096}}, "notification_preferences"),
        ({"notification_preferences": {"x": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}}, "notification_preferences"),
        ({"language": "german, please"}, "language"),
        ({"language": None}, "language"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
async def test_what_breaks_a_rule_is_refused_and_changes_nothing(
    user: httpx2.AsyncClient, body: dict[str, Any], field: str
) -> None:
    refused = await user.put(PATH, json=body)

    assert (refused.status_code, refused.json()["error"]) == (422, "field_invalid")
    assert refused.json()["details"]["field"] == field


async def test_a_profile_is_its_users_alone(
    user: httpx2.AsyncClient, chat: Pool, auth: AuthServer, user_id: UUID
) -> None:
    other = await add_user(chat)

    await user.put(PATH, json={"bio": "mine"}, headers=bearer(auth.token(other)))

    assert (await user.get(PATH)).json()["bio"] is None
    assert await chat.fetchval("select bio from profiles where user_id = $1", other) == "mine"


async def test_an_account_that_is_gone_has_no_profile(
    user: httpx2.AsyncClient, chat: Pool, user_id: UUID
) -> None:
    await chat.execute("delete from auth.users where id = $1", user_id)

    assert (await user.get(PATH)).status_code == 403
    assert (await user.put(PATH, json={"bio": "x"})).status_code == 403


async def test_who_is_not_signed_in_has_no_profile(api: httpx2.AsyncClient) -> None:
    assert (await api.get(PATH)).status_code == 401
