"""Binance's public wire."""

import pytest

from local_stack.simulators.bars import HOUR, STEPS, floor

from .conftest import NOW, Simulators

KLINES = "/exchange/api/v3/klines"


def klines(simulators: Simulators, **query: int | str) -> list[list[object]]:
    response = simulators.client.get(KLINES, params={"symbol": "BTCUSDT", "interval": "1h", **query})
    assert response.status_code == 200, response.text
    return response.json()  # type: ignore[no-any-return]


def test_a_kline_has_binances_twelve_fields(simulators: Simulators) -> None:
    row = klines(simulators, limit=2)[0]

    assert [type(value) for value in row] == [int, str, str, str, str, str, int, str, int, str, str, str]
    assert row[6] == int(str(row[0])) + HOUR * 1000 - 1
    assert all(len(str(price).split(".")[1]) == 8 for price in row[1:6])


def test_the_last_kline_is_unfinished(simulators: Simulators) -> None:
    rows = klines(simulators, limit=3)

    assert [row[0] for row in rows] == [(floor(NOW, HOUR) + offset * HOUR) * 1000 for offset in (-2, -1, 0)]
    assert int(str(rows[-1][6])) > NOW * 1000
    assert int(str(rows[-2][6])) < NOW * 1000


def test_by_default_five_hundred_and_at_most_a_thousand(simulators: Simulators) -> None:
    assert len(klines(simulators)) == 500
    assert len(klines(simulators, limit=5_000)) == 1_000


def test_pages_from_a_start_time_join(simulators: Simulators) -> None:
    start = (floor(NOW, HOUR) - 1_500 * HOUR) * 1000

    first = klines(simulators, startTime=start, limit=1_000)
    second = klines(simulators, startTime=int(str(first[-1][6])) + 1, limit=1_000)

    assert first[0][0] == start
    opened = [row[0] for row in first + second]
    assert opened == [start + order * HOUR * 1000 for order in range(1_501)]


def test_a_window_ends_at_its_end_time(simulators: Simulators) -> None:
    start, end = (floor(NOW, HOUR) - 9 * HOUR) * 1000, (floor(NOW, HOUR) - 4 * HOUR) * 1000

    assert [row[0] for row in klines(simulators, startTime=start, endTime=end)] == [
        start + order * HOUR * 1000 for order in range(6)
    ]
    assert klines(simulators, endTime=end, limit=2)[-1][0] == end
    assert klines(simulators, startTime=end, endTime=start) == []
    assert klines(simulators, startTime=int(NOW * 1000) + HOUR * 1000) == []


@pytest.mark.parametrize("interval", sorted(STEPS))
def test_every_interval_is_served(simulators: Simulators, interval: str) -> None:
    rows = klines(simulators, interval=interval, limit=10)

    assert len(rows) == 10
    assert rows[-1][0] == floor(NOW, STEPS[interval]) * 1000


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbol": "NOPEUSDT", "interval": "1h"}, -1121),
        ({"symbol": "btcusdt", "interval": "1h"}, -1121),
        ({"symbol": "BTCUSDT", "interval": "7h"}, -1120),
        ({"symbol": "BTCUSDT"}, -1102),
        ({"interval": "1h"}, -1102),
        ({"symbol": "BTCUSDT", "interval": "1h", "limit": "many"}, -1100),
        ({"symbol": "BTCUSDT", "interval": "1h", "startTime": "-5"}, -1100),
        ({"symbol": "BTCUSDT", "interval": "1h", "limit": "0"}, -1130),
    ],
)
def test_bad_queries_get_binances_errors(simulators: Simulators, query: dict[str, str], code: int) -> None:
    response = simulators.client.get(KLINES, params=query)

    assert response.status_code == 400
    assert response.json()["code"] == code
    assert response.json()["msg"]


def test_every_answer_tells_the_weight_used(simulators: Simulators) -> None:
    weights = [
        int(simulators.client.get("/exchange/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"]) for _ in range(3)
    ]

    assert weights == [weights[0], weights[0] + 1, weights[0] + 2]
    simulators.clock.now += 60
    assert simulators.client.get("/exchange/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_too_much_weight_is_429_until_the_next_minute(simulators: Simulators) -> None:
    simulators.clock.now = NOW + 7_200
    responses = [
        simulators.client.get("/exchange/api/v3/exchangeInfo", params={"symbol": "BTCUSDT"})
        for _ in range(301)
    ]

    assert [response.status_code for response in responses] == [200] * 300 + [429]
    assert responses[-1].json()["code"] == -1003
    assert 1 <= int(responses[-1].headers["retry-after"]) <= 60


def test_exchange_info_lists_what_klines_serve(simulators: Simulators) -> None:
    symbols = simulators.client.get("/exchange/api/v3/exchangeInfo").json()["symbols"]

    assert {"symbol", "status", "baseAsset", "quoteAsset", "filters"} <= symbols[0].keys()
    assert len(symbols) > 40
    for symbol in symbols:
        assert len(klines(simulators, symbol=symbol["symbol"], limit=1)) == 1


def test_the_server_time_is_the_clocks(simulators: Simulators) -> None:
    assert simulators.client.get("/exchange/api/v3/time").json() == {"serverTime": int(NOW * 1000)}
