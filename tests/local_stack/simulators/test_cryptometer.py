"""Cryptometer's wire, against the shapes of its real answers where those are on this machine."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_stack.simulators.bars import HOUR, floor
from local_stack.simulators.cryptometer import ENDPOINTS
from local_stack.simulators.market import instant

from .conftest import NOW, Simulators

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "cryptometer"
KEY = {"api_key": "sim-key"}
QUERIES: dict[str, dict[str, str]] = {
    "/coinlist/": {"e": "binance"},
    "/cryptocurrency-info/": {"e": "binance", "filter": "defi"},
    "/coininfo/": {},
    "/forex-rates/": {"source": "USD"},
    "/volume-flow/": {"timeframe": "1h"},
    "/liquidity-lens/": {"timeframe": "1h"},
    "/volatility-index/": {"e": "binance", "timeframe": "1h"},
    "/tickerlist-pro/": {"e": "binance"},
    "/tickerlist/": {"e": "binance"},
    "/ticker/": {"e": "binance", "market_pair": "avaxusdt"},
    "/24h-trade-volume-v2/": {"e": "binance", "pair": "AVAX-USDT"},
    "/open-interest/": {"e": "binance_futures", "market_pair": "avaxusdt"},
    "/trend-indicator-v3/": {},
    "/rapid-movements/": {},
    "/large-trades-activity/": {"e": "binance", "pair": "AVAX-USDT"},
    "/ai-screener/": {"type": "full"},
    "/ohlcv/": {"e": "binance", "pair": "AVAX-USDT", "timeframe": "1h"},
    "/ls-ratio/": {"e": "binance_futures", "pair": "AVAX-USDT", "timeframe": "1h"},
    "/merged-trade-volume/": {"symbol": "AVAX", "timeframe": "1h", "exchange_type": "spot"},
    "/liquidation-data-v2/": {"symbol": "avax"},
    "/xtrades/": {"e": "binance", "symbol": "avax"},
    "/ai-screener-analysis/": {"symbol": "AVAX"},
}

# Known from the vendor's documentation; nobody has captured an answer of theirs for us.
DOCUMENTED_ONLY = {"/tickerlist/", "/ticker/", "/24h-trade-volume-v2/", "/open-interest/"}


@pytest.fixture(autouse=True)
def unlimited(simulators: Simulators) -> None:
    simulators.control("cryptometer", limit=None)


def ask(simulators: Simulators, path: str, **changes: str) -> httpx.Response:
    return simulators.client.get(f"/cryptometer{path}", params={**QUERIES[path], **KEY, **changes})


def data(simulators: Simulators, path: str, **changes: str) -> Any:
    response = ask(simulators, path, **changes)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def kinds(value: Any) -> Any:
    """The shape of a value: names, nesting, and whether a leaf is text or a number."""
    if isinstance(value, dict):
        return {name: kinds(part) for name, part in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return "text" if isinstance(value, str) else "number" if isinstance(value, int | float) else type(value)


def test_every_endpoint_has_a_query_here() -> None:
    assert QUERIES.keys() == ENDPOINTS.keys()


@pytest.mark.parametrize("path", sorted(QUERIES))
def test_the_envelope_is_made_of_strings(simulators: Simulators, path: str) -> None:
    body = ask(simulators, path).json()

    assert (body["success"], body["error"]) == ("true", "false")
    assert body["data"]


@pytest.mark.skipif(not CAPTURES.exists(), reason="the captured answers are not on this machine")
def test_every_captured_endpoint_answers_in_its_real_shape(simulators: Simulators) -> None:
    captures = [json.loads(file.read_text()) for file in CAPTURES.glob("*.json")]
    assert {capture["request"]["path"] for capture in captures} == QUERIES.keys() - DOCUMENTED_ONLY
    for capture in captures:
        path, real = capture["request"]["path"], capture["response"]["data"]
        ours = ask(simulators, path, **capture["request"]["params"]).json()["data"]
        if path == "/liquidity-lens/":
            real, ours = real["BTC"], ours["BTC"]
        if path == "/liquidation-data-v2/":
            # Which side is missing changes; where both are, and what they are called, does not.
            assert ours[0].keys() >= real[0].keys()
            real, ours = real[0]["binance_futures"], ours[0]["binance_futures"]
        assert kinds(ours) == kinds(real), path


def test_ohlcv_is_newest_first_and_begins_unfinished(simulators: Simulators) -> None:
    bars = data(simulators, "/ohlcv/")

    assert [bar["timestamp"] for bar in bars] == [instant(floor(NOW, HOUR) - age * HOUR) for age in range(40)]
    for bar in bars:
        assert bar["buy_total"] + bar["sell_total"] == pytest.approx(bar["volume"], abs=0.01)
        assert bar["low"] <= min(bar["open"], bar["close"]) <= max(bar["open"], bar["close"]) <= bar["high"]


def test_ohlcv_agrees_with_the_exchange(simulators: Simulators) -> None:
    bars = data(simulators, "/ohlcv/", pair="BTC-USDT")
    klines = simulators.client.get(
        "/exchange/api/v3/klines", params={"symbol": "BTCUSDT", "interval": "1h", "limit": 40}
    ).json()

    for bar, kline in zip(bars[::-1], klines, strict=True):
        assert [bar[name] for name in ("open", "high", "low", "close")] == [
            float(text) for text in kline[1:5]
        ]
        assert bar["volume"] == pytest.approx(float(kline[7]), rel=1e-6)


@pytest.mark.parametrize("timeframe", ["5m", "15m", "30m", "1h", "4h", "d"])
def test_every_timeframe_is_served(simulators: Simulators, timeframe: str) -> None:
    assert len(data(simulators, "/ohlcv/", timeframe=timeframe)) == 40
    assert len(data(simulators, "/ls-ratio/", timeframe=timeframe)) == 30


def test_ratios_are_text_that_adds_up(simulators: Simulators) -> None:
    for row in data(simulators, "/ls-ratio/"):
        assert float(row["buy"]) + float(row["sell"]) == pytest.approx(100, abs=0.011)
        assert float(row["ratio"]) == pytest.approx(float(row["buy"]) / float(row["sell"]), abs=0.011)


def test_a_small_exchange_misses_a_side(simulators: Simulators) -> None:
    assert len(data(simulators, "/liquidation-data-v2/", symbol="btc")[0]["bitmex"]) == 1


@pytest.mark.parametrize(
    "path", ["/large-trades-activity/", "/coininfo/", "/tickerlist-pro/", "/rapid-movements/"]
)
def test_answers_follow_the_clock(simulators: Simulators, path: str) -> None:
    before = data(simulators, path)
    assert data(simulators, path) == before

    simulators.clock.now += 2 * 86_400

    assert data(simulators, path) != before


@pytest.mark.parametrize("key", ["", "real-key", None])
def test_other_keys_are_refused(simulators: Simulators, key: str | None) -> None:
    query = {**QUERIES["/ohlcv/"], **({} if key is None else {"api_key": key})}

    response = simulators.client.get("/cryptometer/ohlcv/", params=query)

    assert response.status_code == 403
    assert response.json() == {"success": "false", "error": "Invalid API key."}


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/ohlcv/", {"pair": "NOPE-USDT"}),
        ("/ohlcv/", {"pair": "BTC/USDT"}),
        ("/ohlcv/", {"timeframe": "1d"}),
        ("/ohlcv/", {"e": "nowhere"}),
        ("/liquidation-data-v2/", {"symbol": "AVAX"}),
        ("/merged-trade-volume/", {"symbol": "avax"}),
        ("/merged-trade-volume/", {"exchange_type": "moon"}),
        ("/forex-rates/", {"source": "EUR"}),
    ],
)
def test_bad_parameters_are_400(simulators: Simulators, path: str, changes: dict[str, str]) -> None:
    response = ask(simulators, path, **changes)

    assert response.status_code == 400
    assert response.json()["success"] == "false"
    assert response.json()["error"].startswith("Invalid parameter")


def test_the_trailing_slash_is_part_of_the_address(simulators: Simulators) -> None:
    assert simulators.client.get("/cryptometer/coininfo", params=KEY).status_code == 404


def test_by_default_the_vendor_limits_its_clients(simulators: Simulators) -> None:
    simulators.client.delete("/cryptometer/_control")
    statuses = [ask(simulators, "/merged-trade-volume/").status_code for _ in range(35)]
    limited = ask(simulators, "/merged-trade-volume/")

    assert statuses[:30] == [200] * 30
    assert limited.status_code == 429
    assert limited.headers["retry-after"] == "1"
    assert limited.json()["success"] == "false"
