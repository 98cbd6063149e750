"""Cryptometer's answers about one symbol: the parsers of what costs a request each. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.cryptometer_market import NAME, SIDES, first_of, screened_trade_from
from orchestrator_worker.sources.quotes import DOLLARS, EXCHANGE, vwap_of
from orchestrator_worker.sources.readings import (
    Liquidations,
    LongShortRatio,
    OpenInterest,
    ScreenerRecord,
    TradedVolume,
    WhaleTrade,
    WhaleTrades,
)
from orchestrator_worker.sources.rows import readable
from zmarty.market import Candle, Symbol, Timeframe

LIQUIDATION_EXCHANGES_MAX = 50
WHALES_WINDOW = timedelta(days=1)
# /xtrades/ tells so many of the newest; a list as long as this may leave older ones of the day out.
WHALES_LISTED = 60


def candle_from(row: object, symbol: Symbol, timeframe: Timeframe) -> Candle:
    """A row of /ohlcv/. Its `volume` counts the quote currency; the base currency is what was bought and sold."""
    volume = fields.number(fields.field(row, "buy"), "buy") + fields.number(fields.field(row, "sell"), "sell")
    quote_volume = fields.number(fields.field(row, "volume"), "volume")
    return Candle(
        symbol=symbol,
        timeframe=timeframe,
        opened_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
        open=fields.number(fields.field(row, "open"), "open"),
        high=fields.number(fields.field(row, "high"), "high"),
        low=fields.number(fields.field(row, "low"), "low"),
        close=fields.number(fields.field(row, "close"), "close"),
        volume=volume,
        volume_usd=quote_volume if symbol.quote in DOLLARS else None,
        trades_count=int(fields.number(fields.field(row, "tradecount"), "tradecount")),
        vwap=vwap_of(quote_volume, volume),
        exchange=EXCHANGE,
        source=NAME,
    )


def long_short_ratio_from(
    rows: Sequence[object], timeframe: Timeframe, *, newest: datetime
) -> LongShortRatio:
    """The newest row of /ls-ratio/ whose bar, opened at `newest` or before, is closed. Raises ValueError when there is none."""
    closed = [
        (opened_at, row)
        for row in rows
        if (opened_at := fields.time(fields.field(row, "timestamp"), "timestamp")) <= newest
    ]
    if not closed:
        raise ValueError("no ratio of a closed bar")
    opened_at, row = max(closed, key=lambda pair: pair[0])
    return LongShortRatio(
        vendor=NAME,
        observed_at=timeframe.closed_at(opened_at),
        ratio=fields.at_least_zero(row, "ratio"),
        long_percent=fields.percent(row, "buy"),
        short_percent=fields.percent(row, "sell"),
    )


def liquidations_from(rows: Sequence[object], *, observed_at: datetime) -> Liquidations:
    """The one row of /liquidation-data-v2/. A side that an exchange does not name is 0: nobody was liquidated there.

    Raises ValueError when no exchange is named at all: then nothing is known, which is not the same as nothing.
    """
    row = rows[0] if rows else None
    if not isinstance(row, dict) or not row or len(row) > LIQUIDATION_EXCHANGES_MAX:
        raise ValueError("no exchange is named")
    return Liquidations(
        vendor=NAME,
        observed_at=observed_at,
        exchanges={
            exchange: (_side(sides, "longs"), _side(sides, "shorts")) for exchange, sides in row.items()
        },
    )


def whale_trades_from(rows: object, *, observed_at: datetime) -> WhaleTrades:
    """/xtrades/, newest first: what it tells of the last day. Raises ValueError.

    A list that is full ends somewhere within the day; then its oldest trade is since when everything is known.
    """
    trades = readable(rows, _whale_trade).rows
    since = observed_at - WHALES_WINDOW
    if len(trades) >= WHALES_LISTED:
        since = max(since, min(trade.traded_at for trade in trades))
    seen = [trade for trade in trades if since <= trade.traded_at <= observed_at]
    in_dollars = [trade for trade in seen if trade.pair.split("-")[1] in DOLLARS]
    return WhaleTrades(
        vendor=NAME,
        observed_at=observed_at,
        since=since,
        buys=sum(trade.side == "buy" for trade in seen),
        sells=sum(trade.side == "sell" for trade in seen),
        bought_usd=_total(in_dollars, "buy"),
        sold_usd=_total(in_dollars, "sell"),
        largest=max(in_dollars, key=lambda trade: trade.total, default=None),
    )


def traded_volume_from(rows: object, *, observed_at: datetime) -> TradedVolume:
    """The one row of /merged-trade-volume/ or /24h-trade-volume-v2/. Raises ValueError."""
    row = first_of(rows)
    return TradedVolume(
        vendor=NAME,
        observed_at=observed_at,
        bought=fields.at_least_zero(row, "buy"),
        sold=fields.at_least_zero(row, "sell"),
    )


def open_interest_from(rows: object, exchange: str, *, observed_at: datetime) -> OpenInterest:
    """The one row of /open-interest/. Raises ValueError."""
    return OpenInterest(
        vendor=NAME,
        observed_at=observed_at,
        exchange=exchange,
        open_interest=fields.positive(first_of(rows), "open_interest"),
    )


def screener_record_from(answer: object, *, observed_at: datetime) -> ScreenerRecord:
    """/ai-screener-analysis/: its ratio and the closed trades behind it. Raises ValueError, also when there are none."""
    won = fields.percent(answer, "ratio")
    trades = [
        trade
        for trade in readable(fields.field(answer, "trades"), screened_trade_from, name="trades").rows
        if not trade.is_open
    ]
    if not trades:
        raise ValueError("no trade of the screener has ended")
    gained = sum((trade.gain_percent for trade in trades), Decimal(0))
    return ScreenerRecord(
        vendor=NAME,
        observed_at=observed_at,
        won_percent=won,
        trades=len(trades),
        average_gain_percent=gained / len(trades),
        newest_at=max(trade.entered_at for trade in trades),
    )


def _whale_trade(row: object) -> WhaleTrade:
    pair = fields.text(row, "pair").upper()
    if pair.count("-") != 1:
        raise ValueError("pair is not written BASE-QUOTE")
    return WhaleTrade(
        pair=pair,
        side=fields.one_of(row, "side", SIDES),
        price=fields.positive(row, "price"),
        size=fields.positive(row, "size"),
        total=fields.positive(row, "total"),
        traded_at=fields.time(fields.field(row, "timestamp"), "timestamp"),
    )


def _total(trades: Sequence[WhaleTrade], side: str) -> Decimal:
    return sum((trade.total for trade in trades if trade.side == side), Decimal(0))


def _side(sides: object, name: str) -> Decimal:
    if not isinstance(sides, dict):
        raise fields.FieldUnreadable("an exchange's liquidations are not an object")
    return fields.at_least_zero(sides, name) if name in sides else Decimal(0)
