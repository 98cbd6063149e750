"""What Cryptometer tells about the market, computed from the shared one. Pure but for the market's clock.

The shapes are those of the vendor's real answers: newest first, numbers that are whole written without a point,
other numbers as strings, and a side that did not happen left out.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from local_stack.simulators.bars import DAY, HOUR, MINUTE, STEPS, Bars, aggregate, floor, join
from local_stack.simulators.listing import COINS, QUOTES_USD, Pair
from local_stack.simulators.market import Market, instant

Json = dict[str, Any]

OHLCV_BARS, RATIO_BARS = 40, 30
FLOWS_MAX, COINS_MAX, MOVEMENTS_MAX, WHALES_MAX, SCREENED_MAX = 60, 40, 96, 60, 40
MOVEMENT_SHARE_MIN = 0.012
BREAKOUT_BARS = 48
POSITION_SECONDS_MAX = 3 * DAY
WON_PERCENT_MIN = 1.0
# Parts of the world's turnover, relative to the spot exchange whose candles we show.
MERGED_SPOT, MERGED_FUTURES = 1.7, 5.5
LIQUIDATED_SHARE = 0.35
OPEN_SHARE = 1.4
LIQUIDATING_EXCHANGES = {"binance_futures": 0.58, "bybit": 0.27, "okex": 0.15}
TINY_EXCHANGE, TINY_SHARE = "bitmex", 0.0002
DOLLAR_RATES = {
    "AED": 3.6725, "AUD": 1.52, "BRL": 5.48, "CAD": 1.37, "CHF": 0.88, "CNY": 7.19, "CZK": 21.9, "DKK": 6.52, "EUR": 0.909,
    "GBP": 0.77, "HKD": 7.81, "HUF": 361.0, "IDR": 16210.0, "ILS": 3.65, "INR": 86.9, "JPY": 148.7, "KRW": 1390.0, "MXN": 18.7,
    "NOK": 10.3, "NZD": 1.68, "PLN": 3.74, "SEK": 9.8, "SGD": 1.29, "THB": 32.6, "TRY": 40.6, "UAH": 41.7, "ZAR": 17.9,
}  # fmt: skip


def number(value: float, decimals: int) -> float | int:
    """As JavaScript prints it: 24 and not 24.0."""
    rounded = round(float(value), decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def dollar_pairs(market: Market) -> list[Pair]:
    return [pair for pair in market.pairs.values() if pair.quote == "USDT"]


def coin_list(market: Market) -> list[Json]:
    return [{"pair": pair.dashed, "market_pair": pair.compact} for pair in _by_name(market)]


def coin_info(market: Market) -> list[Json]:
    supplies = {coin.base: coin.supply for coin in COINS}
    rows = []
    for pair in dollar_pairs(market):
        supply, price = supplies.get(pair.base, 1e8), market.price(pair.symbol)
        rows.append(
            {
                "symbol": pair.base,
                "name": pair.name,
                "totalSupply": number(supply * 1.05, 3),
                "circulatingSupply": number(supply, 3),
                "marketCap": number(supply * price, 2),
                "price": price,
            }
        )
    return sorted(rows, key=lambda row: -float(row["marketCap"]))


def cryptocurrency_info(market: Market, tag: str | None) -> list[Json]:
    coins = {coin.base: coin for coin in COINS}
    rows = []
    for pair in _by_name(market):
        coin = coins.get(pair.base)
        if tag and tag != "all" and (coin is None or tag not in coin.tags):
            continue
        supply = coin.supply if coin else 1e8
        day = _day(market, pair)
        rows.append(
            {
                "name": pair.name,
                "pair": pair.dashed,
                "market_pair": pair.compact,
                "total_supply": f"{supply * 1.05:.0f}",
                "circulate_supply": f"{supply:.0f}",
                "price": day["price"],
                "high": day["high"],
                "low": day["low"],
                "volume": day["volume"],
                **{
                    name: _change(market, pair, seconds)
                    for name, seconds in _CHANGES.items()
                    if "90" not in name
                },
            }
        )
    return rows


def ticker_list_pro(market: Market) -> list[Json]:
    rows = []
    for pair in _by_name(market):
        day = _day(market, pair)
        rows.append(
            {
                "market_pair": pair.compact,
                "pair": pair.dashed,
                "symbol": pair.base,
                "price": day["price"],
                "usd_price": round(float(day["price"]) * _quote_price(market, pair), 9),
                "high": day["high"],
                "low": day["low"],
                "volume_24": day["volume"],
                **{name: _change(market, pair, seconds) for name, seconds in _CHANGES.items()},
                "change_ytd": _change(market, pair, market.clock() - _new_year(market.clock())),
            }
        )
    return rows


def ticker_list(market: Market) -> list[Json]:
    """What the free list tells: the paid one less its dollars and its longer changes."""
    paid = ("usd_price", "change_30d", "change_90d", "change_ytd")
    return [
        {name: value for name, value in row.items() if name not in paid} for row in ticker_list_pro(market)
    ]


def ticker(market: Market, symbol: str) -> list[Json]:
    compact = market.pairs[symbol].compact
    return [row for row in ticker_list(market) if row["market_pair"] == compact]


def forex_rates(market: Market, source: str) -> list[Json]:
    assert source == "USD"
    day = market.clock() / DAY
    return [
        {"symbol": currency, "rate": round(rate * (1 + 0.004 * float(np.sin(day / 9 + order))), 6)}
        for order, (currency, rate) in enumerate(DOLLAR_RATES.items())
    ]


def volume_flow(market: Market, step: int) -> Json:
    inflow, outflow, netflow = [], [], []
    for pair in market.pairs.values():
        bought, sold = _flow(market, pair, step)
        inflow.append({"from": pair.quote, "to": pair.base, "volume": bought})
        outflow.append({"from": pair.base, "to": pair.quote, "volume": sold})
        here, there = (pair.quote, pair.base) if bought > sold else (pair.base, pair.quote)
        netflow.append({"from": here, "to": there, "volume": abs(bought - sold)})
    return {"inflow": _largest(inflow), "outflow": _largest(outflow), "netflow": _largest(netflow)}


def liquidity_lens(market: Market, step: int) -> Json:
    totals: dict[str, list[float]] = {}
    for pair in market.pairs.values():
        bought, sold = _flow(market, pair, step)
        for coin, arrived, left in ((pair.base, bought, sold), (pair.quote, sold, bought)):
            flows = totals.setdefault(coin, [0.0, 0.0])
            flows[0], flows[1] = flows[0] + arrived, flows[1] + left
    ranked = sorted(totals.items(), key=lambda entry: -sum(entry[1]))[:COINS_MAX]
    return {
        coin: {
            "inflow": number(arrived, 2),
            "outflow": number(left, 2),
            "netflow": number(arrived - left, 2),
        }
        for coin, (arrived, left) in ranked
    }


def volatility_index(market: Market, step: int) -> list[Json]:
    rows = []
    for pair in market.pairs.values():
        bars = market.newest(pair.symbol, step, 24)
        if len(bars) < 3:
            continue
        closes, volumes = bars["close"], bars["volume"]
        decimals = market.instrument(pair.symbol).decimals
        rows.append(
            {
                "pair": pair.dashed,
                "volatility": f"{float(np.std(np.diff(np.log(closes)), ddof=1)) * 100:.3f}",
                "price": f"{closes[-1]:.{decimals}f}",
                "avg_price": f"{closes.mean():.{decimals + 1}f}",
                "change": f"{(closes[-1] / closes[-2] - 1) * 100:.3f}",
                "volume": f"{volumes[-1]:.3f}",
                "volume_change": f"{(volumes[-1] / volumes[-2] - 1) * 100 if volumes[-2] else 0:.3f}",
            }
        )
    return sorted(rows, key=lambda row: -float(row["volatility"]))


def trend_indicator(market: Market) -> list[Json]:
    bars = join([market.newest(pair.symbol, HOUR, 2) for pair in dollar_pairs(market)])
    pressure = float(bars["taker_turnover"].sum() / max(bars["turnover"].sum(), 1.0)) * 100
    changes = [float(_change(market, pair, DAY)) for pair in dollar_pairs(market)]
    score = min(max(50 + 4 * float(np.median(changes)) + 2 * (pressure - 50), 1.0), 99.0)
    return [
        {
            "trend_score": round(score, 2),
            "buy_pressure": round(pressure, 2),
            "sell_pressure": round(100 - round(pressure, 2), 2),
            "timestamp": instant(floor(market.clock(), MINUTE)),
        }
    ]


def rapid_movements(market: Market) -> list[Json]:
    rows: list[Json] = []
    for pair in dollar_pairs(market):
        bars = market.newest(pair.symbol, STEPS["5m"], DAY // STEPS["5m"])
        moves = bars["close"] / bars["open"] - 1
        rows.extend(
            {
                "pair": pair.dashed,
                "exchange": "binance",
                "change_detected": number(moves[at] * 100, 2),
                "side": "PUMP" if moves[at] > 0 else "DUMP",
                "timestamp": instant(int(bars["opened_at"][at])),
            }
            for at in np.flatnonzero(np.abs(moves) >= MOVEMENT_SHARE_MIN)
        )
    return sorted(rows, key=lambda row: str(row["timestamp"]), reverse=True)[:MOVEMENTS_MAX]


def large_trades(market: Market) -> list[Json]:
    trades = [trade for pair in market.pairs.values() for trade in _whales(market, pair, HOUR, 2)]
    return [
        {"pair": pair.dashed, "quantity": number(size, 4), "total": number(size * price, 4), "side": side}
        for _, pair, price, size, side in sorted(trades, key=lambda trade: -trade[2] * trade[3])
    ]


def whale_trades(market: Market, base: str) -> list[Json]:
    pairs = [pair for pair in market.pairs.values() if pair.base == base]
    trades = [trade for pair in pairs for trade in _whales(market, pair, 2 * DAY, WHALES_MAX)]
    newest = sorted(trades, key=lambda trade: -trade[0])[:WHALES_MAX]
    return [
        {
            "u_id": int(when - 1_700_000_000) // 4,
            "pair": pair.dashed,
            "exchange": "binance",
            "price": number(price, market.instrument(pair.symbol).decimals),
            "size": number(size, 4),
            "total": number(size * price, 8),
            "side": side,
            "timestamp": instant(when),
        }
        for when, pair, price, size, side in newest
    ]


def ai_screener(market: Market, kind: str) -> list[Json]:
    """`full` tells all entries of the last days, `latest` only those still open."""
    entries = [entry for pair in dollar_pairs(market) for entry in _breakouts(market, pair, 8 * DAY)]
    shown = [entry for entry in entries if kind == "full" or entry["status"] == "open"]
    return sorted(shown, key=lambda entry: str(entry["entry_time"]), reverse=True)[:SCREENED_MAX]


def ai_screener_analysis(market: Market, base: str) -> Json:
    entries = _breakouts(market, market.pairs[f"{base}/USDT"], 90 * DAY)
    closed = [entry for entry in entries if entry["status"] == "closed"]
    won = sum(float(entry["pnl"]) >= WON_PERCENT_MIN for entry in closed)
    ratio = won / len(closed) * 100 if closed else 0.0
    return {
        "ratio": f"{ratio:.2f}",
        "trades": sorted(closed, key=lambda entry: str(entry["entry_time"]), reverse=True)[:SCREENED_MAX],
    }


def ohlcv(market: Market, symbol: str, step: int) -> list[Json]:
    decimals = market.instrument(symbol).decimals
    bars = market.newest(symbol, step, OHLCV_BARS)
    rows = []
    for bar in bars[::-1]:
        bought, bought_total = float(bar["taker_volume"]), float(bar["taker_turnover"])
        rows.append(
            {
                "timestamp": instant(int(bar["opened_at"])),
                **{name: number(bar[name], decimals) for name in ("open", "high", "low", "close")},
                # The vendor's `volume` is money; `buy` and `sell` are coins.
                "volume": number(bar["turnover"], 4),
                "buy": number(bought, 5),
                "sell": number(float(bar["volume"]) - bought, 5),
                "buy_total": number(bought_total, 4),
                "sell_total": number(float(bar["turnover"]) - bought_total, 4),
                "tradecount": int(bar["trades"]),
            }
        )
    return rows


def long_short_ratio(market: Market, symbol: str, step: int) -> list[Json]:
    bars = market.newest(symbol, step, RATIO_BARS)
    rows = []
    for bar in bars[::-1]:
        bought = float(bar["taker_volume"]) / float(bar["volume"]) if bar["volume"] else 0.5
        sold = 1 - bought
        rows.append(
            {
                "ratio": f"{bought / sold:.2f}",
                "buy": f"{bought * 100:.2f}",
                "sell": f"{sold * 100:.2f}",
                "close": number(bar["close"], market.instrument(symbol).decimals),
                "delta": int((bought - sold) * float(bar["volume"])),
                "timestamp": instant(int(bar["opened_at"])),
            }
        )
    return rows


def merged_volume(market: Market, base: str, step: int, exchange_type: str) -> list[Json]:
    factor = MERGED_SPOT if exchange_type == "spot" else MERGED_FUTURES
    bars = market.running(f"{base}/USDT", step)
    bought, volume = float(bars["taker_volume"].sum()), float(bars["volume"].sum())
    return [{"buy": number(bought * factor, 8), "sell": number((volume - bought) * factor, 8)}]


def day_volume(market: Market, symbol: str) -> list[Json]:
    bars = market.newest(symbol, HOUR, 24)
    bought, volume = float(bars["taker_volume"].sum()), float(bars["volume"].sum())
    return [{"buy": number(bought, 8), "sell": number(volume - bought, 8)}]


def open_interest(market: Market, symbol: str) -> list[Json]:
    """Contracts open: a share of a day's volume that grows while the price moves away from its average."""
    bars = market.newest(symbol, HOUR, 24)
    volume, closes = float(bars["volume"].sum()), bars["close"]
    away = abs(float(closes[-1]) / float(closes.mean()) - 1)
    return [
        {
            "market_pair": market.pairs[symbol].compact,
            "open_interest": number(volume * OPEN_SHARE * (1 + away), 3),
        }
    ]


def liquidations(market: Market, base: str) -> list[Json]:
    bars = market.newest(f"{base}/USDT", HOUR, 24)
    fell, rose = (bars["open"] - bars["low"]) / bars["open"], (bars["high"] - bars["open"]) / bars["open"]
    longs = float((bars["turnover"] * fell).sum()) * LIQUIDATED_SHARE
    shorts = float((bars["turnover"] * rose).sum()) * LIQUIDATED_SHARE
    exchanges: Json = {
        name: {"longs": number(longs * part, 8), "shorts": number(shorts * part, 8)}
        for name, part in LIQUIDATING_EXCHANGES.items()
    }
    # So little happens there that one side is usually missing, and no cents are given.
    side, amount = ("longs", longs) if longs >= shorts else ("shorts", shorts)
    exchanges[TINY_EXCHANGE] = {side: round(amount * TINY_SHARE)}
    return [exchanges]


_CHANGES = {
    "change_24h": DAY,
    "change_1h": HOUR,
    "change_7d": 7 * DAY,
    "change_30d": 30 * DAY,
    "change_90d": 90 * DAY,
}


def _by_name(market: Market) -> list[Pair]:
    return sorted(market.pairs.values(), key=lambda pair: pair.compact)


def _day(market: Market, pair: Pair) -> Json:
    bars = aggregate(market.newest(pair.symbol, HOUR, 24), 10_000 * DAY)
    decimals = market.instrument(pair.symbol).decimals
    return {
        "price": number(bars["close"][-1], decimals),
        "high": number(bars["high"].max(), decimals),
        "low": number(bars["low"].min(), decimals),
        "volume": number(bars["turnover"].sum(), 2),
    }


def _change(market: Market, pair: Pair, seconds: float) -> float | int:
    """Percent since then; 0 for what was not listed yet, as the vendor says it."""
    before = market.price_at(pair.symbol, int(market.clock() - seconds))
    return number((market.price(pair.symbol) / before - 1) * 100, 2) if before else 0


def _new_year(now: float) -> float:
    return float(np.datetime64(int(now), "s").astype("datetime64[Y]").astype("datetime64[s]").astype(int))


def _quote_price(market: Market, pair: Pair) -> float:
    return QUOTES_USD.get(pair.quote) or market.price(f"{pair.quote}/USDT")


def _flow(market: Market, pair: Pair, step: int) -> tuple[float, float]:
    """Dollars that bought and sold a pair's base in the newest bars."""
    bars, dollars = market.newest(pair.symbol, step, 2), _quote_price(market, pair)
    bought = float(bars["taker_turnover"].sum())
    return bought * dollars, (float(bars["turnover"].sum()) - bought) * dollars


def _largest(flows: list[Json]) -> list[Json]:
    return sorted(flows, key=lambda flow: -float(flow["volume"]))[:FLOWS_MAX]


def _whales(
    market: Market, pair: Pair, seconds: int, count: int
) -> Iterable[tuple[float, Pair, float, float, str]]:
    """The largest trades of a time, one in each of its busiest minutes: when, pair, price, size, side."""
    now = floor(market.clock(), MINUTE)
    minutes: Bars = market.closed(pair.symbol, MINUTE, now - seconds, now)
    for bar in minutes[np.argsort(-minutes["turnover"])[:count]]:
        side = "BUY" if bar["taker_volume"] * 2 >= bar["volume"] else "SELL"
        second = int(bar["trades"]) % 60
        yield float(bar["opened_at"] + second), pair, float(bar["close"]), float(bar["volume"]) * 0.2, side


def _breakouts(market: Market, pair: Pair, seconds: int) -> list[Json]:
    """Entries where an hour closed above the two days before it, and how far each one got."""
    now = floor(market.clock(), HOUR)
    bars = market.closed(pair.symbol, HOUR, now - seconds - BREAKOUT_BARS * HOUR, now)
    if len(bars) <= BREAKOUT_BARS:
        return []
    closes, decimals = bars["close"], market.instrument(pair.symbol).decimals
    ceilings = np.lib.stride_tricks.sliding_window_view(closes[:-1], BREAKOUT_BARS).max(axis=1)
    entries, free_at = [], 0
    for row in np.flatnonzero(closes[BREAKOUT_BARS:] > ceilings) + BREAKOUT_BARS:
        opened_at = int(bars["opened_at"][row]) + HOUR
        if opened_at < free_at:
            continue
        free_at = opened_at + POSITION_SECONDS_MAX
        held = bars[row + 1 : row + 1 + POSITION_SECONDS_MAX // HOUR]
        entry = float(closes[row])
        reached = max(entry, float(held["high"].max())) if len(held) else entry
        entries.append(
            {
                "pair": pair.dashed,
                "symbol": pair.base,
                "exchange": "binance",
                "entry_price": number(entry, decimals),
                "price_reached": number(reached, decimals),
                "pnl": number((reached / entry - 1) * 100, 2),
                "side": "BUY",
                "entry_time": instant(opened_at),
                "status": "open" if now < free_at else "closed",
            }
        )
    return entries
