"""The list of symbols that somebody chooses from."""

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

PATH = "/v1/instruments"


@pytest.fixture
def reader(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    """A client that is signed in."""
    api.headers.update(bearer(auth.token()))
    return api


async def symbols(reader: httpx2.AsyncClient, **query: str | int) -> list[str]:
    answer = await reader.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return [item["symbol"] for item in answer.json()["items"]]


async def test_symbols_are_found_by_how_they_begin(reader: httpx2.AsyncClient) -> None:
    assert await symbols(reader, search="btc") == ["BTC/FDUSD", "BTC/USDC", "BTC/USDT"]
    assert await symbols(reader, search="BTC-USDT") == ["BTC/USDT"]
    assert await symbols(reader, search="zzz") == []


async def test_each_symbol_comes_once_over_all_pages(reader: httpx2.AsyncClient, trading: Pool) -> None:
    items, cursor = [], None
    for _ in range(100):
        query = {"limit": "7", **({"cursor": cursor} if cursor else {})}
        page = (await reader.get(PATH, params=query)).json()
        items += [item["symbol"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break

    known = await trading.fetch("select symbol from instruments where active")
    assert items == sorted(row["symbol"] for row in known)


async def test_what_is_no_longer_traded_is_not_offered(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await trading.execute("update instruments set active = false where symbol = 'BTC/USDC'")

    assert await symbols(reader, search="BTC/") == ["BTC/FDUSD", "BTC/USDT"]


@pytest.mark.parametrize("search", ["%", "a b", "x" * 26, "A/B/C"])
async def test_a_search_that_is_no_beginning_is_refused(reader: httpx2.AsyncClient, search: str) -> None:
    answer = await reader.get(PATH, params={"search": search})

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")


async def test_the_list_needs_an_account(api: httpx2.AsyncClient) -> None:
    assert (await api.get(PATH)).status_code == 401
