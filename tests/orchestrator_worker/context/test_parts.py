"""A symbol's part of what was told of the whole market: what is not listed is unknown, unless the list is complete."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator_worker.context.parts import part_of
from zmarty.market import Symbol

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BTC = Symbol.parse("BTC/USDT")


def part(source: str, told: Any, symbol: Symbol = BTC) -> dict[str, Any] | None:
    found = part_of(source, "cryptometer", NOW, told, symbol)
    return found.data if found else None


def movement(pair: str, change: float, minutes_ago: int) -> dict[str, Any]:
    return {
        "pair": pair,
        "exchange": "binance",
        "change_percent": change,
        "moved_at": (NOW - timedelta(minutes=minutes_ago)).isoformat(),
    }


def test_movements_of_the_coin_count_against_any_quote() -> None:
    told = {
        "movements": [
            movement("BTC-EUR", 2.5, 5),
            movement("WBTC-USDT", 9.0, 6),
            movement("BTC-USDT", -4.0, 60),
            movement("XYZ-USDT", 1.0, 600),
        ]
    }

    found = part("rapid_movements", told)

    assert found is not None
    assert (found["pumps"], found["dumps"], found["largest_percent"]) == (1, 1, -4.0)
    assert found["since"] == (NOW - timedelta(minutes=600)).isoformat()
    assert found["vendor"] == "cryptometer"


def test_a_coin_that_did_not_move_moved_zero_times_since_the_list_began() -> None:
    found = part("rapid_movements", {"movements": [movement("XYZ-USDT", 1.0, 30)]})

    assert found is not None
    assert (found["pumps"], found["dumps"], found["largest_percent"]) == (0, 0, None)
    assert found["since"] == (NOW - timedelta(minutes=30)).isoformat()


def test_a_list_of_movements_counts_for_a_day_at_most() -> None:
    found = part("rapid_movements", {"movements": [movement("BTC-USDT", 3.0, 3 * 24 * 60)]})

    assert found is not None
    assert (found["pumps"], found["since"]) == (0, (NOW - timedelta(days=1)).isoformat())


def test_large_trades_are_those_of_the_very_pair() -> None:
    trades = [
        {"pair": "BTC-USDT", "side": "buy", "quantity": 1.0, "total": 100_000.0},
        {"pair": "BTC-USDT", "side": "sell", "quantity": 2.0, "total": 200_000.0},
        {"pair": "BTC-EUR", "side": "buy", "quantity": 1.0, "total": 90_000.0},
    ]

    found = part("large_trades", {"trades": trades})

    assert found is not None
    assert (found["buys"], found["sells"], found["bought"], found["largest"]) == (1, 1, 100_000.0, 200_000.0)
    assert part("large_trades", {"trades": trades}, Symbol.parse("ETH/USDT")) is None


def test_a_side_that_is_not_among_the_largest_flows_is_unknown() -> None:
    told = {
        "inflow": [
            {"coming_from": "USDT", "going_to": "BTC", "volume": 30.0},
            {"coming_from": "FDUSD", "going_to": "BTC", "volume": 12.0},
        ],
        "outflow": [{"coming_from": "ETH", "going_to": "USDT", "volume": 9.0}],
        "netflow": [],
    }

    found = part("volume_flow", told)

    assert found is not None
    assert (found["inflow"], found["outflow"], found["netflow"]) == (42.0, None, None)
    assert part("volume_flow", told, Symbol.parse("SOL/USDT")) is None

    told["outflow"].append({"coming_from": "BTC", "going_to": "USDT", "volume": 40.0})
    whole = part("volume_flow", told)
    assert whole is not None
    assert whole["netflow"] == 2.0


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("liquidity_lens", None),
        ("volatility_index", None),
        ("rapid_movements", {"movements": []}),
        ("ai_screener", {"entries": []}),
        ("trend", None),
    ],
)
def test_what_is_not_told_is_missing(source: str, told: Any) -> None:
    assert part(source, told) is None
