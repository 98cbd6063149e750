"""The key cache through outages, rotations and floods of made-up key ids."""

import asyncio
import json

import httpx
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from orchestrator_api.auth.keys import (
    KEPT_SECONDS_MAX,
    REFETCH_SECONDS_MIN,
    AuthUnavailable,
    KeyCache,
    keys_from,
)
from tests.orchestrator_api.support import SUPABASE_URL, AuthServer, bearer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(auth: AuthServer, clock: Clock) -> KeyCache:
    return KeyCache(supabase_url=SUPABASE_URL, client=auth.client(), clock=clock)


async def test_nothing_cached_and_no_answer_is_503(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    auth.is_online = False

    answer = await api.get("/v1/symbols", headers=bearer(auth.token()))

    assert (answer.status_code, answer.json()["error"]) == (503, "auth_unavailable")


async def test_the_first_request_after_an_outage_gets_in(
    keys: KeyCache, auth: AuthServer, clock: Clock
) -> None:
    auth.is_online = False
    with pytest.raises(AuthUnavailable):
        await keys.find("ec-1")

    auth.is_online = True
    clock.now += 1
    assert await keys.find("ec-1") is not None


async def test_the_last_good_set_serves_a_day(keys: KeyCache, auth: AuthServer, clock: Clock) -> None:
    await keys.refresh()
    auth.is_online = False

    clock.now += KEPT_SECONDS_MAX - 1
    assert not await keys.refresh()
    assert await keys.find("ec-1") is not None

    clock.now += 2
    with pytest.raises(AuthUnavailable):
        await keys.find("ec-1")


async def test_a_rotated_key_is_found_at_once(keys: KeyCache, auth: AuthServer, clock: Clock) -> None:
    await keys.refresh()
    clock.now += REFETCH_SECONDS_MIN
    fresh = ec.generate_private_key(ec.SECP256R1())
    auth.publish("ec-2", json.loads(ECAlgorithm.to_jwk(fresh.public_key())))

    assert await keys.find("ec-2") is not None


async def test_a_withdrawn_key_is_forgotten(keys: KeyCache, auth: AuthServer) -> None:
    await keys.refresh()
    del auth.published["ec-1"]

    await keys.refresh()

    assert await keys.find("ec-1") is None


async def test_unknown_key_ids_fetch_once_in_thirty_seconds(
    keys: KeyCache, auth: AuthServer, clock: Clock
) -> None:
    await keys.refresh()
    clock.now += REFETCH_SECONDS_MIN

    found = await asyncio.gather(*(keys.find(f"made-up-{number}") for number in range(100)))
    assert found == [None] * 100
    assert auth.fetches == 2

    clock.now += REFETCH_SECONDS_MIN - 1
    await keys.find("made-up-again")
    assert auth.fetches == 2

    clock.now += 1
    await keys.find("made-up-again")
    assert auth.fetches == 3


async def test_requests_at_a_cold_start_share_one_fetch(keys: KeyCache, auth: AuthServer) -> None:
    found = await asyncio.gather(*(keys.find("ec-1") for _ in range(50)))

    assert None not in found
    assert auth.fetches == 1


async def test_a_known_key_needs_no_fetch(keys: KeyCache, auth: AuthServer, clock: Clock) -> None:
    await keys.refresh()
    clock.now += REFETCH_SECONDS_MIN * 10

    assert await keys.find("rsa-1") is not None
    assert auth.fetches == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": "none"}),
        httpx.Response(302, headers={"Location": "http://elsewhere.test"}),
    ],
)
async def test_a_broken_answer_leaves_the_old_set(
    auth: AuthServer, clock: Clock, answer: httpx.Response
) -> None:
    answers = [httpx.Response(200, json={"keys": list(auth.published.values())}), answer]
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answers.pop(0)))
    keys = KeyCache(supabase_url=SUPABASE_URL, client=client, clock=clock)

    assert await keys.refresh()
    assert not await keys.refresh()

    assert await keys.find("ec-1") is not None


def test_keys_we_never_use_are_left_out(auth: AuthServer) -> None:
    good = auth.published["ec-1"]
    document = {
        "keys": [
            good,
            {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0", "alg": "HS256"},
            good | {"kid": "for-encryption", "use": "enc"},
            {name: value for name, value in good.items() if name != "kid"},
            {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!", "y": "!"},
            "text",
        ]
    }

    assert list(keys_from(document)) == ["ec-1"]


async def test_an_empty_set_is_a_set(auth: AuthServer, keys: KeyCache) -> None:
    auth.published.clear()

    assert await keys.refresh()
    assert await keys.find("ec-1") is None
