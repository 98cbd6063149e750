"""The risk of a symbol over HTTP: the newest day, its band, and the days before it."""

from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from orchestrator_api.risk.rows import CLOSES_NEEDED
from orchestrator_worker.risk.metric import CLOSES_MIN
from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

FIRST = date(2026, 11, 1)


@pytest.fixture
def reader(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.token()))
    return api


async def add_days(trading: Pool, count: int) -> None:
    for order in range(count):
        day = FIRST + timedelta(days=order)
        await trading.execute(
            """
            insert into risk_metric (symbol, observed_on, source, value, band, rarity, days, price, known_at)
            values ('BTC/USDT', $1, 'anchors', 0.547, 5, 1.25, 3000, 114955, $2)
            """,
            day,
            datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1),
        )


async def test_the_newest_day_with_its_history(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_days(trading, 5)

    answer = (await reader.get("/v1/risk/BTCUSDT", params={"limit": "2"})).json()

    assert (answer["symbol"], answer["value"], answer["band"], answer["band_range"]) == (
        "BTC/USDT",
        0.547,
        5,
        [0.5, 0.6],
    )
    assert (answer["rarity"], answer["source"], answer["price"], answer["days"]) == (
        1.25,
        "anchors",
        114955.0,
        3000,
    )
    assert answer["observed_on"] == "2026-11-05"
    assert answer["age_seconds"] == pytest.approx(
        (datetime.now(UTC) - datetime(2026, 11, 6, tzinfo=UTC)).total_seconds(), abs=20
    )
    assert [row["observed_on"] for row in answer["history"]["items"]] == ["2026-11-05", "2026-11-04"]


async def test_pages_neither_skip_nor_repeat(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_days(trading, 5)
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": "2", "since": "2026-11-02", **({"cursor": cursor} if cursor else {})}
        history = (await reader.get("/v1/risk/BTC-USDT", params=query)).json()["history"]
        seen += [row["observed_on"] for row in history["items"]]
        cursor = history["next"]
        if cursor is None:
            break

    assert seen == ["2026-11-05", "2026-11-04", "2026-11-03", "2026-11-02"]


async def test_too_short_a_history_says_how_short(reader: httpx2.AsyncClient) -> None:
    answer = await reader.get("/v1/risk/UNI")

    assert (answer.status_code, answer.json()["error"]) == (422, "not_enough_data")
    assert answer.json()["details"] == {"have": 0, "need": 30}
    assert CLOSES_NEEDED == CLOSES_MIN, "what the worker needs"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/risk/NOPE", 404, "symbol_unknown"),
        ("/v1/risk/BTC-PERP", 422, "symbol_unsupported"),
        ("/v1/risk/BTC?limit=0", 422, "field_invalid"),
        ("/v1/risk/BTC?since=yesterday", 422, "field_invalid"),
    ],
)
async def test_refusals_have_names(reader: httpx2.AsyncClient, path: str, status: int, code: str) -> None:
    answer = await reader.get(path)

    assert (answer.status_code, answer.json()["error"]) == (status, code)


async def test_a_forged_cursor_is_refused(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_days(trading, 1)
    for cursor in ("WzFd", "W251bGwsMV0", "x"):
        answer = await reader.get("/v1/risk/BTC", params={"cursor": cursor})
        assert answer.status_code == 422, cursor
