"""Cryptometer's market-wide answers: the parsers of what is fetched once for all symbols. Pure.

Its answers carry no time of their own, except the trend and lists of events; the others hold at the moment they were given.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.market_readings import (
    CoinInfo,
    CoinLiquidity,
    Flow,
    LargeTrade,
    Listing,
    Movement,
    PairInfo,
    PairVolatility,
    ScreenedTrade,
    Table,
    Ticker,
    VolumeFlow,
)
from orchestrator_worker.sources.readings import Trend
from orchestrator_worker.sources.rows import ROWS_MAX, readable

NAME = "cryptometer"
SIDES = {"BUY": "buy", "SELL": "sell"}
MOVES = {"PUMP": "up", "DUMP": "down"}
SCREENED_SIDES = {"BUY": "long", "SELL": "short"}
STATES = {"open": "open", "closed": "closed"}

Row = TypeVar("Row")


def trend_from(rows: object) -> Trend:
    """The one row of /trend-indicator-v3/. Raises ValueError."""
    row = first_of(rows)
    return Trend(
        vendor=NAME,
        observed_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
        score=fields.percent(row, "trend_score"),
        buy_pressure=fields.percent(row, "buy_pressure"),
        sell_pressure=fields.percent(row, "sell_pressure"),
    )


def rapid_movements_from(rows: object, *, observed_at: datetime) -> Listing[Movement]:
    """/rapid-movements/, newest first. Raises ValueError."""
    return _listing("movements", rows, _movement, observed_at=observed_at)


def large_trades_from(rows: object, *, observed_at: datetime) -> Listing[LargeTrade]:
    """/large-trades-activity/: whatever pair is asked for, all pairs are answered. Raises ValueError."""
    return _listing("trades", rows, _large_trade, observed_at=observed_at)


def volume_flow_from(answer: object, *, observed_at: datetime) -> VolumeFlow:
    """/volume-flow/: three lists, the largest first. Raises ValueError."""
    inflow, outflow, netflow = (
        readable(fields.field(answer, name), _flow, name=name) for name in ("inflow", "outflow", "netflow")
    )
    return VolumeFlow(
        vendor=NAME,
        observed_at=observed_at,
        inflow=inflow.rows,
        outflow=outflow.rows,
        netflow=netflow.rows,
        refused=inflow.refused + outflow.refused + netflow.refused,
    )


def liquidity_lens_from(answer: object, *, observed_at: datetime) -> Table[CoinLiquidity]:
    """/liquidity-lens/: an object by coin. Raises ValueError."""
    if not isinstance(answer, Mapping) or len(answer) > ROWS_MAX:
        raise ValueError(f"data is not an object of at most {ROWS_MAX} coins")
    return _table("coins", list(answer.items()), _coin_liquidity, observed_at=observed_at)


def volatility_index_from(rows: object, *, observed_at: datetime) -> Table[PairVolatility]:
    """/volatility-index/, numbers as text. Raises ValueError."""
    return _table("pairs", rows, lambda row: (_pair(row), _pair_volatility(row)), observed_at=observed_at)


def tickers_from(rows: object, *, observed_at: datetime) -> Table[Ticker]:
    """/tickerlist-pro/ or /tickerlist/, which tells less of each pair; by volume in dollars. Raises ValueError."""
    table = _table("pairs", rows, lambda row: (_pair(row), ticker_from(row)), observed_at=observed_at)
    return _by(table, lambda ticker: ticker.volume_day / ticker.price * (ticker.price_usd or Decimal(0)))


def screener_from(rows: object, *, observed_at: datetime) -> Listing[ScreenedTrade]:
    """/ai-screener/, newest first. Raises ValueError."""
    return _listing("entries", rows, screened_trade_from, observed_at=observed_at)


def coin_info_from(rows: object, *, observed_at: datetime) -> Table[CoinInfo]:
    """/coininfo/, by market capitalisation. Raises ValueError."""
    table = _table(
        "coins", rows, lambda row: (fields.text(row, "symbol"), _coin(row)), observed_at=observed_at
    )
    return _by(table, lambda coin: coin.market_cap)


def crypto_info_from(rows: object, *, observed_at: datetime) -> Table[PairInfo]:
    """/cryptocurrency-info/, by supply times price as far as it is known. Raises ValueError."""
    table = _table("pairs", rows, lambda row: (_pair(row), _pair_info(row)), observed_at=observed_at)
    return _by(table, lambda info: info.ticker.volume_day)


def forex_rates_from(rows: object, *, observed_at: datetime) -> Table[Decimal]:
    """/forex-rates/: units of each currency for one dollar. Raises ValueError."""

    def rate(row: object) -> tuple[str, Decimal]:
        return fields.text(row, "symbol"), fields.positive(row, "rate")

    return _table("rates", rows, rate, observed_at=observed_at)


def coin_list_from(rows: object, *, observed_at: datetime) -> Listing[str]:
    """/coinlist/: the pairs that the exchange lists. Raises ValueError."""
    return _listing("pairs", rows, _pair, observed_at=observed_at)


def ticker_from(row: object) -> Ticker:
    """A pair's row of the ticker lists and of /ticker/. Raises ValueError."""
    ticker = Ticker(
        price=fields.positive(row, "price"),
        price_usd=_known(row, "usd_price", fields.positive),
        high=fields.positive(row, "high"),
        low=fields.positive(row, "low"),
        volume_day=fields.at_least_zero(row, "volume_24"),
        change_hour=_known(row, "change_1h", fields.change),
        change_day=_known(row, "change_24h", fields.change),
        change_week=_known(row, "change_7d", fields.change),
        change_month=_known(row, "change_30d", fields.change),
        change_quarter=_known(row, "change_90d", fields.change),
        change_year=_known(row, "change_ytd", fields.change),
    )
    if ticker.high < ticker.low:
        raise ValueError("high is below low")
    return ticker


def screened_trade_from(row: object) -> ScreenedTrade:
    """A row of the screener or of its record on one coin. Raises ValueError."""
    return ScreenedTrade(
        pair=_pair(row),
        coin=fields.text(row, "symbol"),
        exchange=fields.text(row, "exchange"),
        side=fields.one_of(row, "side", SCREENED_SIDES),
        entry_price=fields.positive(row, "entry_price"),
        price_reached=fields.positive(row, "price_reached"),
        gain_percent=fields.change(row, "pnl"),
        entered_at=fields.time(fields.field(row, "entry_time"), "entry_time"),
        is_open=fields.one_of(row, "status", STATES) == "open",
    )


def first_of(rows: object) -> object:
    """The one row of an answer that has one. Raises ValueError."""
    if not isinstance(rows, list) or not rows:
        raise ValueError("data is not a list with a row")
    return rows[0]


def _movement(row: object) -> Movement:
    change, direction = fields.change(row, "change_detected"), fields.one_of(row, "side", MOVES)
    if (change > 0) != (direction == "up"):
        raise ValueError("change_detected and side contradict each other")
    return Movement(
        pair=_pair(row),
        exchange=fields.text(row, "exchange"),
        change_percent=change,
        moved_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
    )


def _large_trade(row: object) -> LargeTrade:
    return LargeTrade(
        pair=_pair(row),
        side=fields.one_of(row, "side", SIDES),
        quantity=fields.positive(row, "quantity"),
        total=fields.positive(row, "total"),
    )


def _flow(row: object) -> Flow:
    return Flow(
        coming_from=fields.text(row, "from"),
        going_to=fields.text(row, "to"),
        volume=fields.at_least_zero(row, "volume"),
    )


def _coin_liquidity(entry: object) -> tuple[str, CoinLiquidity]:
    assert isinstance(entry, tuple)
    coin, row = entry
    inflow, outflow = fields.at_least_zero(row, "inflow"), fields.at_least_zero(row, "outflow")
    netflow = fields.number(fields.field(row, "netflow"), "netflow")
    # Rounded to cents by the vendor; anything else would mean that a field is not what we take it for.
    if abs(inflow - outflow - netflow) > 1 + (inflow + outflow) / 1000:
        raise ValueError("netflow is not inflow less outflow")
    return coin, CoinLiquidity(inflow=inflow, outflow=outflow, netflow=netflow)


def _pair_volatility(row: object) -> PairVolatility:
    return PairVolatility(
        volatility=fields.at_least_zero(row, "volatility"),
        price=fields.positive(row, "price"),
        average_price=fields.positive(row, "avg_price"),
        change_percent=fields.change(row, "change"),
        volume=fields.at_least_zero(row, "volume"),
        volume_change_percent=fields.change(row, "volume_change"),
    )


def _coin(row: object) -> CoinInfo:
    return CoinInfo(
        name=fields.text(row, "name"),
        supply=_unless_zero(row, "totalSupply"),
        circulating=_unless_zero(row, "circulatingSupply"),
        market_cap=fields.at_least_zero(row, "marketCap"),
        price=fields.positive(row, "price"),
    )


def _pair_info(row: object) -> PairInfo:
    ticker = Ticker(
        price=fields.positive(row, "price"),
        price_usd=None,
        high=fields.positive(row, "high"),
        low=fields.positive(row, "low"),
        volume_day=fields.at_least_zero(row, "volume"),
        change_hour=_known(row, "change_1h", fields.change),
        change_day=_known(row, "change_24h", fields.change),
        change_week=_known(row, "change_7d", fields.change),
        change_month=_known(row, "change_30d", fields.change),
    )
    return PairInfo(
        name=fields.text(row, "name"),
        supply=_unless_zero(row, "total_supply"),
        circulating=_unless_zero(row, "circulate_supply"),
        ticker=ticker,
    )


def _pair(row: object) -> str:
    """`BTC-USDT`, from either of the two ways the vendor names a pair."""
    pair = fields.text(row, "pair")
    if pair.count("-") != 1:
        raise ValueError("pair is not written BASE-QUOTE")
    return pair.upper()


def _known(row: object, name: str, read: Callable[[object, str], Decimal]) -> Decimal | None:
    """A field that some answers leave out: null then, and still refused when it is there and wrong."""
    known = isinstance(row, Mapping) and row.get(name) is not None
    return read(row, name) if known else None


def _unless_zero(row: object, name: str) -> Decimal | None:
    return fields.at_least_zero(row, name) or None


def _listing(key: str, rows: object, read: Callable[[object], Row], *, observed_at: datetime) -> Listing[Row]:
    found = readable(rows, read)
    return Listing(vendor=NAME, observed_at=observed_at, key=key, rows=found.rows, refused=found.refused)


def _table(
    key: str, rows: object, read: Callable[[object], tuple[str, Row]], *, observed_at: datetime
) -> Table[Row]:
    found = readable(rows, read)
    return Table(vendor=NAME, observed_at=observed_at, key=key, rows=dict(found.rows), refused=found.refused)


def _by(table: Table[Row], weight: Callable[[Row], Decimal]) -> Table[Row]:
    ranked = sorted(table.rows.items(), key=lambda entry: weight(entry[1]), reverse=True)
    return replace(table, rows=dict(ranked))
