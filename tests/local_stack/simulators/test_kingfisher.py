"""The liquidation map."""

import numpy as np
import pytest

from local_stack.simulators.bars import HOUR, floor
from local_stack.simulators.kingfisher import clusters_of
from local_stack.simulators.market import Market

from .conftest import NOW, Simulators


def test_a_map_has_clusters_on_both_sides_of_the_price(simulators: Simulators) -> None:
    body = simulators.client.get("/kingfisher/clusters/BTC-USDT", headers={"x-api-key": "sim-key"}).json()
    kline = simulators.client.get(
        "/exchange/api/v3/klines", params={"symbol": "BTCUSDT", "interval": "1h", "limit": 2}
    ).json()
    price = float(kline[0][4])

    assert body["symbol"] == "BTC/USDT"
    assert body["observed_at"] == "2026-11-21T03:10:00Z"
    assert {cluster["side"] for cluster in body["clusters"]} == {"above", "below"}
    for cluster in body["clusters"]:
        assert (float(cluster["price"]) > price) == (cluster["side"] == "above")
        assert cluster["size"] in ("small", "medium", "large", "xlarge")
        assert float(cluster["notional"]) > 0


def test_a_map_holds_for_ten_minutes(simulators: Simulators) -> None:
    simulators.clock.now = floor(NOW, HOUR)
    first = simulators.client.get("/kingfisher/clusters/ETH-USDT").json()
    simulators.clock.now += 599
    assert simulators.client.get("/kingfisher/clusters/ETH-USDT").json() == first
    simulators.clock.now += 1
    assert (
        simulators.client.get("/kingfisher/clusters/ETH-USDT").json()["observed_at"] != first["observed_at"]
    )


def test_what_the_price_has_passed_is_gone(market: Market) -> None:
    bars = market.newest("SOL/USDT", HOUR, 240).copy()
    assert [cluster for cluster in clusters_of(bars) if cluster.side == "above"]

    bars["high"][-1] *= 2

    assert not [cluster for cluster in clusters_of(bars) if cluster.side == "above"]
    assert [cluster for cluster in clusters_of(bars) if cluster.side == "below"]


def test_few_bars_make_no_map(market: Market) -> None:
    assert clusters_of(market.newest("SOL/USDT", HOUR, 5)) == []
    assert clusters_of(np.empty(0, dtype=market.newest("SOL/USDT", HOUR, 1).dtype)) == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/clusters/NOPE-USDT", {}, 404),
        ("/clusters/BTC-PERP", {}, 400),
        ("/clusters/BTC-USDT", {"x-api-key": "wrong"}, 401),
    ],
)
def test_refusals(simulators: Simulators, path: str, headers: dict[str, str], status: int) -> None:
    response = simulators.client.get(f"/kingfisher{path}", headers=headers)

    assert response.status_code == status
    assert response.json()["error"]
