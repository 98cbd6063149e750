"""Cluster maps: read as sent, or refused as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources.king_fisher import KingFisher, clusters_from
from orchestrator_worker.sources.readings import Cluster
from orchestrator_worker.sources.vendor import AnswerUnreadable, Vendor
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.vendors import Unlimited
from zmarty.market import Symbol
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")


def a_map(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTC/USDT",
        "observed_at": "2026-11-20T12:00:00Z",
        "clusters": [
            {"side": "above", "price": "43500.5", "size": "large", "notional": "5100000"},
            {"side": "below", "price": "42000", "size": "small"},
        ],
    } | changes


async def test_a_map_is_asked_for_by_path_with_its_key(trading_worker: Pool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/kf/clusters/BTC-USDT"
        assert request.headers["x-api-key"] == "k"
        return httpx.Response(200, json=a_map())

    async with open_vendors(
        trading_worker,
        exchange_url="https://x.test",
        cryptometer_url="https://c.test",
        king_fisher_url="https://k.test/kf",
        king_fisher_key="k",
        transport=httpx.MockTransport(answer),
    ) as vendors:
        assert vendors.king_fisher is not None
        found = await vendors.king_fisher.clusters(BTC)

    assert found.observed_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert found.clusters == (
        Cluster(side="above", price=Decimal("43500.5"), size="large", notional=Decimal(5_100_000)),
        Cluster(side="below", price=Decimal(42000), size="small", notional=None),
    )
    assert found.data["clusters"][1] == {"side": "below", "price": 42000.0, "size": "small", "notional": None}


def test_a_place_named_twice_is_one_cluster() -> None:
    twice = a_map(clusters=[{"side": "above", "price": price, "size": "small"} for price in ("1.0", "1.00")])

    assert len(clusters_from(twice, BTC).clusters) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETH/USDT"},
        {"symbol": 7},
        {"observed_at": "2026-11-20T12:00:00"},
        {"clusters": None},
        {"clusters": [{"side": "left", "price": "1", "size": "small"}]},
        {"clusters": [{"side": "above", "price": "0", "size": "small"}]},
        {"clusters": [{"side": "above", "price": "1", "size": "huge"}]},
        {"clusters": [{"side": [], "price": "1", "size": "small"}]},
        {"clusters": [{"side": "above", "price": "1", "size": "small", "notional": "-1"}]},
        {"clusters": ["above"]},
        {"clusters": [{"side": "above", "price": "1", "size": "small"}] * 501},
    ],
)
async def test_a_map_that_cannot_be_true_is_refused(changes: dict[str, Any]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=a_map(**changes)))
    source = KingFisher(Vendor("king_fisher", "https://k.test", limits=Unlimited(), transport=transport))

    with pytest.raises(AnswerUnreadable):
        await source.clusters(BTC)
