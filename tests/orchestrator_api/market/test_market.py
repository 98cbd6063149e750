"""What the worker stored, read page by page."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool

START = datetime(2026, 1, 1, tzinfo=UTC)
LISTS = ("candles", "indicators", "signals", "win-rates")


@pytest.fixture
def reader(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    """A client that is signed in."""
    api.headers.update(bearer(auth.token()))
    return api


async def add_candles(trading: Pool, count: int, **changes: Any) -> None:
    await trading.execute(
        "select partitions.ensure_candle_partitions($1, $2)", START, START + timedelta(hours=count)
    )
    await trading.executemany(
        """
        insert into candles
          (symbol, timeframe, opened_at, exchange, open, high, low, close, volume, trades_count, source)
        values ($1, $2, $3, $4, $5, $6, 1, $5, 12.5, 7, 'exchange')
        """,
        [
            (
                changes.get("symbol", "BTC/USDT"),
                changes.get("timeframe", "1h"),
                START + timedelta(hours=hour),
                changes.get("exchange", "binance"),
                Decimal("43210.12345678"),
                Decimal("99999.5"),
            )
            for hour in range(count)
        ],
    )


async def add_signal(trading: Pool, hour: int, *, timeframe: str = "1h", direction: str = "long") -> str:
    signal_id: str = await trading.fetchval(
        """
        insert into signals
          (symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price,
           targets, stop_price, risk_reward, expected_value, verdict, reasons, expires_at)
        values
          ('BTC/USDT', $1, $2::timestamptz, 'baseline-1', 'live', $3, 0.42, 42, 0.57, 43210.5, array[44100.2, 45000], 42600.1, 1.5,
           0.004, 'act', '[{"code": "trend", "text": "above EMA 200"}]', $2::timestamptz + interval '1 day')
        returning id::text
        """,
        timeframe,
        START + timedelta(hours=hour),
        direction,
    )
    return signal_id


async def read_all(reader: httpx2.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    for _ in range(100):
        page = (await reader.get(path, params={**query, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
    raise AssertionError("the pages never end")


async def test_candles_come_newest_first_with_their_times(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_candles(trading, 3)

    items = (await reader.get("/v1/candles/BTC-USDT?timeframe=1h")).json()["items"]

    assert [item["opened_at"] for item in items] == [
        "2026-01-01T02:00:00Z",
        "2026-01-01T01:00:00Z",
        "2026-01-01T00:00:00Z",
    ]
    assert items[0]["closed_at"] == "2026-01-01T03:00:00Z"
    assert items[0]["symbol"] == "BTC/USDT"


async def test_prices_are_exact_json_numbers(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_candles(trading, 1)

    answer = await reader.get("/v1/candles/BTC-USDT")

    assert '"open":43210.12345678' in answer.text
    assert json.loads(answer.text, parse_float=Decimal)["items"][0]["open"] == Decimal("43210.12345678")


@pytest.mark.parametrize("written", ["BTC-USDT", "BTCUSDT", "btc-usdt", "BTC", "btc_usdt"])
async def test_a_symbol_is_read_in_any_form(reader: httpx2.AsyncClient, trading: Pool, written: str) -> None:
    await add_candles(trading, 1)

    answer = await reader.get(f"/v1/candles/{written}")

    assert len(answer.json()["items"]) == 1


async def test_pages_neither_skip_nor_repeat(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_candles(trading, 25)
    await add_candles(trading, 25, exchange="other")

    items = await read_all(reader, "/v1/candles/BTC-USDT", limit=7)

    keys = [(item["opened_at"], item["exchange"]) for item in items]
    assert len(set(keys)) == len(keys) == 50
    assert keys == sorted(keys, reverse=True)


async def test_new_rows_do_not_shift_the_pages(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_signal(trading, 1)
    await add_signal(trading, 2)
    first = (await reader.get("/v1/signals/BTC-USDT?limit=1")).json()

    await add_signal(trading, 3)
    second = (await reader.get(f"/v1/signals/BTC-USDT?limit=1&cursor={first['next']}")).json()

    assert first["items"][0]["opened_at"] == "2026-01-01T02:00:00Z"
    assert second["items"][0]["opened_at"] == "2026-01-01T01:00:00Z"


async def test_a_range_includes_its_start_and_not_its_end(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_candles(trading, 5)

    items = await read_all(
        reader,
        "/v1/candles/BTC-USDT",
        since="2026-01-01T01:00:00Z",
        until="2026-01-01T05:00:00+02:00",
        limit=1,
    )

    assert [item["opened_at"][11:13] for item in items] == ["02", "01"]


async def test_indicators_are_filtered_by_source(reader: httpx2.AsyncClient, trading: Pool) -> None:
    for source, data in (("technical", {"rsi": 55.5}), ("trend", {"trend_score": 49.79})):
        await trading.execute(
            "insert into indicators (symbol, timeframe, opened_at, source, data) values ('BTC/USDT', '1h', $1, $2, $3)",
            START,
            source,
            data,
        )

    both = await read_all(reader, "/v1/indicators/BTC-USDT", limit=1)
    one = (await reader.get("/v1/indicators/BTC-USDT?source=technical")).json()["items"]

    assert [item["source"] for item in both] == ["trend", "technical"]
    assert [item["data"] for item in one] == [{"rsi": 55.5}]


async def test_signals_carry_levels_reasons_and_outcomes(reader: httpx2.AsyncClient, trading: Pool) -> None:
    signal_id = await add_signal(trading, 0)
    await trading.execute(
        """
        insert into signal_outcomes
          (signal_id, horizon, label_version, barrier, ambiguous, return_net, r_multiple, mfe, mae, closed_at)
        values ($1::uuid, '24h', 'v1', 'target', false, 0.02, 1.5, 0.03, -0.01, $2)
        """,
        signal_id,
        START + timedelta(hours=5),
    )

    (item,) = (await reader.get("/v1/signals/BTC-USDT")).json()["items"]

    assert item["targets"] == [44100.2, 45000]
    assert item["reasons"] == [{"code": "trend", "text": "above EMA 200"}]
    assert (item["direction"], item["strength"], item["confidence"]) == ("long", 42, 0.57)
    assert item["outcomes"][0]["barrier"] == "target"
    assert item["expires_at"] == "2026-01-02T00:00:00Z"


async def test_signals_are_filtered(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_signal(trading, 0, timeframe="1h", direction="long")
    await add_signal(trading, 0, timeframe="4h", direction="short")

    everything = await read_all(reader, "/v1/signals/BTC-USDT", limit=1)
    shorts = (await reader.get("/v1/signals/BTC-USDT?direction=short")).json()["items"]
    hours = (await reader.get("/v1/signals/BTC-USDT?timeframe=1h&origin=live&verdict=act")).json()["items"]

    assert [item["timeframe"] for item in everything] == ["4h", "1h"]
    assert [item["timeframe"] for item in shorts] == ["4h"]
    assert [item["timeframe"] for item in hours] == ["1h"]


async def test_win_rates_come_in_pages_and_without_data(reader: httpx2.AsyncClient, trading: Pool) -> None:
    for direction in ("long", "short", "all"):
        for horizon in ("24h", "7d"):
            await trading.execute(
                """
                insert into win_rate
                  (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n, n_effective, wins,
                   losses, expired)
                values ('BTC/USDT', '1h', 'baseline-1', $1, $2, 30, 'all', 0, 0, 0, 0, 0)
                """,
                direction,
                horizon,
            )

    items = await read_all(reader, "/v1/win-rates/BTC-USDT", limit=2)
    longs = (await reader.get("/v1/win-rates/BTC-USDT?direction=long&lookback_days=30&horizon=7d")).json()[
        "items"
    ]

    assert [(item["direction"], item["horizon"]) for item in items] == [
        ("all", "24h"),
        ("all", "7d"),
        ("long", "24h"),
        ("long", "7d"),
        ("short", "24h"),
        ("short", "7d"),
    ]
    assert [(item["n"], item["rate"]) for item in longs] == [(0, None)]


@pytest.mark.parametrize("name", LISTS)
async def test_a_known_symbol_without_rows_is_an_empty_page(reader: httpx2.AsyncClient, name: str) -> None:
    assert (await reader.get(f"/v1/{name}/ETH-USDT")).json() == {"items": [], "next": None}


WRONG_QUESTIONS = [
    ("NOSUCH-USDT", 404, "symbol_unknown"),
    ("B!", 422, "field_invalid"),
    ("BTC%00", 422, "field_invalid"),
    ("A" * 30, 422, "field_invalid"),
    ("BTC-PERP", 422, "symbol_unsupported"),
    ("BTCUSDT.P", 422, "symbol_unsupported"),
    ("BTC-USDT?timeframe=2h", 422, "field_invalid"),
    ("BTC-USDT?limit=0", 422, "field_invalid"),
    ("BTC-USDT?limit=201", 422, "field_invalid"),
    ("BTC-USDT?limit=many", 422, "field_invalid"),
    ("BTC-USDT?cursor=nonsense", 422, "field_invalid"),
    ("BTC-USDT?cursor=WzEsMl0", 422, "field_invalid"),
    ("BTC-USDT?cursor=e30", 422, "field_invalid"),
    # ["1","","","",99999999999999999999,""] and ["2026-01-01T00:00:00",""]: never given out, but well-formed.
    ("BTC-USDT?cursor=WyIxIiwiIiwiIiwiIiw5OTk5OTk5OTk5OTk5OTk5OTk5OSwiIl0", 422, "field_invalid"),
    ("BTC-USDT?cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwiIl0", 422, "field_invalid"),
    ("BTC/USDT", 404, "not_found"),
]


@pytest.mark.parametrize("name", LISTS)
async def test_a_wrong_question_is_named(
    reader: httpx2.AsyncClient, name: str, subtests: pytest.Subtests
) -> None:
    for target, status, code in WRONG_QUESTIONS:
        with subtests.test(target=target):
            answer = await reader.get(f"/v1/{name}/{target}")

            assert (answer.status_code, answer.json()["error"]) == (status, code)


@pytest.mark.parametrize("name", LISTS)
async def test_strangers_read_nothing(api: httpx2.AsyncClient, name: str) -> None:
    answer = await api.get(f"/v1/{name}/BTC-USDT")

    assert (answer.status_code, answer.json()["error"]) == (401, "token_missing")
