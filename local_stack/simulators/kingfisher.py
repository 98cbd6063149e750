"""The King Fisher source: where leveraged positions opened at recent swings would be liquidated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from local_stack.simulators.bars import DAY, HOUR, MINUTE, Bars, Floats, floor
from local_stack.simulators.control import accepted
from local_stack.simulators.listing import QUOTES_USD
from local_stack.simulators.market import Market, instant
from zmarty.errors import ZmartyError
from zmarty.market import Symbol

REFRESH_SECONDS = 10 * MINUTE
LOOK_BACK_SECONDS = 10 * DAY
SWING_BARS = 4
CLUSTERS_A_SIDE_MAX = 8
BIN_SHARE = 0.0025
DISTANCE_MAX = 0.4
# Leverage, its part of the positions, and how far from the entry it is liquidated (maintenance margin included).
LEVERAGES = ((10, 0.30, 0.096), (20, 0.30, 0.046), (50, 0.25, 0.015), (100, 0.15, 0.005))
# The part of an hour's turnover that is still open as leveraged positions afterwards.
OPEN_SHARE = 0.02
CRITICAL_NOTIONAL = {"BTC": 5e6, "ETH": 3e6}
CRITICAL_NOTIONAL_OTHER = 1e6


@dataclass(frozen=True)
class Cluster:
    side: str
    price: float
    notional: float

    def size(self, critical: float) -> str:
        share = self.notional / critical
        return "small" if share < 0.2 else "medium" if share < 0.6 else "large" if share < 1.5 else "xlarge"


class KingFisher:
    def __init__(self, market: Market) -> None:
        self.market = market

    @property
    def router(self) -> Router:
        return Router([Route("/clusters/{symbol}", self.clusters)])

    async def clusters(self, request: Request) -> Response:
        key = request.headers.get("x-api-key")
        if key is not None and not accepted(key):
            return refusal(401, "key_invalid", "The API key is not valid.")
        try:
            symbol = Symbol.parse(request.path_params["symbol"])
        except ZmartyError:
            return refusal(400, "symbol_invalid", "The symbol must look like BTC-USDT.")
        if symbol not in self.market.pairs:
            return refusal(404, "symbol_unknown", f"No liquidation map for {symbol}.")
        observed_at = floor(self.market.clock(), REFRESH_SECONDS)
        bars = await run_in_threadpool(
            self.market.closed, symbol, HOUR, observed_at - LOOK_BACK_SECONDS, observed_at
        )
        decimals = self.market.instrument(symbol).decimals
        critical = CRITICAL_NOTIONAL.get(symbol.base, CRITICAL_NOTIONAL_OTHER) / QUOTES_USD.get(
            symbol.quote, 1.0
        )
        body: dict[str, Any] = {
            "symbol": symbol,
            "observed_at": instant(observed_at).replace(".000Z", "Z"),
            "clusters": [
                {
                    "side": cluster.side,
                    "price": f"{cluster.price:.{decimals}f}",
                    "size": cluster.size(critical),
                    "notional": f"{cluster.notional:.2f}",
                }
                for cluster in clusters_of(bars)
            ],
        }
        return JSONResponse(body, headers={"x-market-source": self.market.instrument(symbol).source})


def refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": code or f"http_{status}", "message": message}, status)


def clusters_of(bars: Bars) -> list[Cluster]:
    """Longs opened at swing lows are liquidated below them, shorts opened at swing highs above; what the price
    has passed since is gone. Highest price first."""
    if len(bars) <= 2 * SWING_BARS:
        return []
    price = float(bars["close"][-1])
    levels: dict[tuple[str, int], float] = {}
    for column, side, sign in (("low", "below", -1), ("high", "above", 1)):
        for swing in _swings(bars[column] * sign):
            entry, turnover = float(bars[column][swing]), float(bars["turnover"][swing - 1 : swing + 2].sum())
            later = bars[swing + 1 :]
            for _, part, distance in LEVERAGES:
                level = entry * (1 + sign * distance)
                passed = (later["low"].min() <= level) if sign < 0 else (later["high"].max() >= level)
                if passed or abs(level / price - 1) > DISTANCE_MAX or (level - price) * sign <= 0:
                    continue
                # Never the bin of the price itself: a cluster lies above it or below it.
                bucket = (side, sign * max(1, round(abs(np.log(level / price)) / BIN_SHARE)))
                levels[bucket] = levels.get(bucket, 0.0) + turnover * OPEN_SHARE * part
    clusters = [
        Cluster(side, price * float(np.exp(bucket * BIN_SHARE)), notional)
        for (side, bucket), notional in levels.items()
    ]
    kept = []
    for side in ("above", "below"):
        largest = sorted((c for c in clusters if c.side == side), key=lambda c: -c.notional)
        kept += largest[:CLUSTERS_A_SIDE_MAX]
    return sorted(kept, key=lambda c: -c.price)


def _swings(heights: Floats) -> list[int]:
    """Where a bar stands above its neighbours on both sides."""
    windows = np.lib.stride_tricks.sliding_window_view(heights, 2 * SWING_BARS + 1)
    return [int(at) + SWING_BARS for at in np.flatnonzero(windows.argmax(axis=1) == SWING_BARS)]
