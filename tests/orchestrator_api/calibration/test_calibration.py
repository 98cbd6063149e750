"""GET /v1/calibration: what the worker counted, page by page, and never a score without its n."""

from typing import Any

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

PLACE = {
    "start": 0.35,
    "end": 0.4,
    "confidence": 0.38,
    "share": 0.41,
    "low": 0.3,
    "high": 0.5,
    "n": 90,
    "n_effective": 31.5,
}


async def add(
    trading: Pool, symbol: str, timeframe: str, direction: str, *, n: int = 90, drift: str = "none"
) -> None:
    await trading.execute(
        """
        insert into calibration (symbol, timeframe, strategy_version, direction, n, n_effective, expired, mean_confidence,
          mean_share, brier, brier_base, skill, brier_earlier, brier_recent, psi, drift, reliability)
        values ($1, $2, 'blend-2', $3, $4, 31.5, 4, 0.38, 0.41, 0.23, 0.235, 0.02, 0.23, 0.24, 0.05, $5, $6)
        """,
        symbol,
        timeframe,
        direction,
        n,
        drift,
        [PLACE],
    )


@pytest.fixture
async def reader(api: httpx2.AsyncClient, auth: AuthServer, trading: Pool) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.token()))
    for symbol in ("BTC/USDT", "ETH/USDT"):
        for timeframe in ("1h", "4h"):
            for direction in ("all", "long", "short"):
                await add(
                    trading, symbol, timeframe, direction, drift="strong" if timeframe == "4h" else "none"
                )
    return api


async def pages(reader: httpx2.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    for _ in range(20):
        page = (
            await reader.get("/v1/calibration", params=query | ({"cursor": cursor} if cursor else {}))
        ).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
    raise AssertionError("the pages never end")


async def test_pages_neither_skip_nor_repeat(reader: httpx2.AsyncClient) -> None:
    items = await pages(reader, limit=5)

    keys = [(item["symbol"], item["timeframe"], item["direction"]) for item in items]
    assert keys == sorted(set(keys))
    assert len(keys) == 12
    assert items[0]["reliability"] == [PLACE]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"symbol": "BTC-USDT"}, 6),
        ({"symbol": "eth", "timeframe": "4h"}, 3),
        ({"direction": "all"}, 4),
        ({"drift": "strong"}, 6),
        ({"strategy_version": "baseline-1"}, 0),
    ],
)
async def test_filters_choose(reader: httpx2.AsyncClient, query: dict[str, str], count: int) -> None:
    assert len(await pages(reader, **query)) == count


async def test_it_needs_a_token_and_known_words(reader: httpx2.AsyncClient) -> None:
    assert (await reader.get("/v1/calibration?direction=up")).json()["error"] == "field_invalid"
    assert (await reader.get("/v1/calibration?cursor=x")).json()["error"] == "field_invalid"
    assert (await reader.get("/v1/calibration", headers={"Authorization": ""})).status_code == 401
