"""The whole market's readings, the newest of each source or the history of one, each with its age."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

PATH = "/v1/market/snapshots"


@pytest.fixture
def reader(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.token()))
    return api


async def add(trading: Pool, source: str, *, minutes_ago: int, score: float = 50.0) -> None:
    await trading.execute(
        """
        insert into market_snapshots (source, vendor, observed_at, data)
        values ($1, 'cryptometer', now() - $2::interval, jsonb_build_object('trend_score', $3::double precision))
        """,
        source,
        timedelta(minutes=minutes_ago),
        score,
    )


async def read_all(reader: httpx2.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    for _ in range(100):
        page = (await reader.get(PATH, params={**query, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
    raise AssertionError("the pages never end")


async def test_without_a_source_the_newest_of_each_comes(reader: httpx2.AsyncClient, trading: Pool) -> None:
    for source in ("volume_flow", "trend", "tickers"):
        for minutes in (30, 5, 60):
            await add(trading, source, minutes_ago=minutes, score=minutes)

    for limit in (1, 2, 20):
        rows = await read_all(reader, limit=limit)
        assert [row["source"] for row in rows] == ["tickers", "trend", "volume_flow"]
        assert {row["data"]["trend_score"] for row in rows} == {5.0}
        assert all(299 < row["age_seconds"] < 400 for row in rows)
        assert {row["vendor"] for row in rows} == {"cryptometer"}


async def test_a_source_has_a_history_newest_first(reader: httpx2.AsyncClient, trading: Pool) -> None:
    for minutes in range(10, 60, 10):
        await add(trading, "trend", minutes_ago=minutes, score=minutes)
    await add(trading, "tickers", minutes_ago=1)

    rows = await read_all(reader, source="trend", limit=2)

    assert [row["data"]["trend_score"] for row in rows] == [10, 20, 30, 40, 50]
    since = rows[1]["observed_at"]
    assert len(await read_all(reader, source="trend", since=since)) == 2


async def test_a_source_that_told_nothing_is_an_empty_page(reader: httpx2.AsyncClient) -> None:
    answer = await reader.get(PATH, params={"source": "moon_phase"})

    assert answer.json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 21}, "limit"),
        ({"source": "no such"}, "source"),
        ({"source": "x" * 41}, "source"),
        ({"source": "trend", "since": "yesterday"}, "since"),
        ({"since": "2026-11-20T00:00:00Z"}, "since"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "nonsense", "source": "trend"}, "cursor"),
    ],
)
async def test_a_wrong_question_names_the_field(
    reader: httpx2.AsyncClient, query: dict[str, Any], field: str
) -> None:
    answer = await reader.get(PATH, params=query)

    assert answer.status_code == 422
    assert answer.json()["error"] == "field_invalid"
    assert answer.json()["details"]["field"] == field


async def test_nobody_reads_without_signing_in(api: httpx2.AsyncClient) -> None:
    assert (await api.get(PATH)).status_code == 401
