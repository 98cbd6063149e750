"""Whatever a vendor answers, a parser reads it or says ValueError: nothing else gets past, and nothing is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.sources import cryptometer_market as market
from orchestrator_worker.sources import cryptometer_symbol as symbols
from orchestrator_worker.sources.xai_answer import sentiment_from
from zmarty.market import Timeframe

NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)
NAMES = [
    "pair",
    "symbol",
    "exchange",
    "side",
    "price",
    "size",
    "total",
    "quantity",
    "timestamp",
    "entry_time",
    "status",
    "pnl",
    "entry_price",
    "price_reached",
    "change_detected",
    "buy",
    "sell",
    "ratio",
    "trades",
    "longs",
    "shorts",
    "open_interest",
    "trend_score",
    "buy_pressure",
    "sell_pressure",
    "inflow",
    "outflow",
    "netflow",
    "from",
    "to",
    "volume",
    "volatility",
    "avg_price",
    "change",
    "volume_change",
    "usd_price",
    "high",
    "low",
    "volume_24",
    "change_24h",
    "name",
    "totalSupply",
    "circulatingSupply",
    "marketCap",
    "total_supply",
    "circulate_supply",
    "rate",
    "output",
    "content",
    "text",
]
WORDS = [
    "BUY",
    "SELL",
    "PUMP",
    "DUMP",
    "open",
    "closed",
    "BTC-USDT",
    "BTC",
    "1",
    "0",
    "-1",
    "1e400",
    "NaN",
    "2026-11-20T12:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "completed",
    "message",
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
ROW = st.dictionaries(st.sampled_from(NAMES), LEAVES, max_size=14)
ANSWERS = st.recursive(
    st.one_of(LEAVES, ROW),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=12,
)
AT_NOW: tuple[Callable[..., Any], ...] = (
    market.rapid_movements_from,
    market.large_trades_from,
    market.volume_flow_from,
    market.liquidity_lens_from,
    market.volatility_index_from,
    market.tickers_from,
    market.screener_from,
    market.coin_info_from,
    market.crypto_info_from,
    market.forex_rates_from,
    market.coin_list_from,
    symbols.whale_trades_from,
    symbols.traded_volume_from,
    symbols.screener_record_from,
)


OTHERS: tuple[Callable[[Any], Any], ...] = (
    market.trend_from,
    lambda told: symbols.open_interest_from(told, "binance_futures", observed_at=NOW),
    lambda told: symbols.liquidations_from(_listed(told), observed_at=NOW),
    lambda told: symbols.long_short_ratio_from(_listed(told), Timeframe.HOUR_1, newest=NOW),
    lambda told: sentiment_from(told, model="grok", observed_at=NOW),
)
PARSERS: tuple[Callable[[Any], Any], ...] = (*(partial(parse, observed_at=NOW) for parse in AT_NOW), *OTHERS)


def _listed(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]


@pytest.mark.timeout(120)
@settings(max_examples=150, deadline=None)
@given(ANSWERS)
def test_a_parser_reads_or_refuses(answer: Any) -> None:
    # As our client reads it: through JSON, fractions and what is no number as Decimal.
    read = json.loads(json.dumps(answer), parse_float=Decimal, parse_constant=Decimal)
    for parse in PARSERS:
        try:
            found = parse(read)
        except ValueError:
            continue
        json.dumps(found.data, allow_nan=False)
