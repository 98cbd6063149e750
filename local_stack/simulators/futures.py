"""Binance's futures statistics: open interest of perpetuals, oldest first, numbers as strings."""

from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from local_stack.simulators.bars import DAY, STEPS, floor
from local_stack.simulators.exchange import refusal
from local_stack.simulators.market import Market

LIMIT_DEFAULT, LIMIT_MAX = 30, 500
PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
# As much stays open as was traded in the last day, times this.
OPEN_DAYS = 2.0
QUOTES = ("USDT", "USDC")

__all__ = ["Futures", "refusal"]


class Futures:
    def __init__(self, market: Market) -> None:
        self.market = market

    @property
    def router(self) -> Router:
        return Router([Route("/futures/data/openInterestHist", self.open_interest)])

    async def open_interest(self, request: Request) -> Response:
        query = request.query_params
        pair = self.market.by_compact.get(query.get("symbol", ""))
        if pair is None or pair.quote not in QUOTES:
            return refusal(400, "-1121", "Invalid symbol.")
        period = query.get("period", "")
        if period not in PERIODS:
            return refusal(400, "-1130", "Data sent for parameter 'period' is not valid.")
        limit = query.get("limit", str(LIMIT_DEFAULT))
        if not limit.isdigit() or not 1 <= int(limit) <= LIMIT_MAX:
            return refusal(400, "-1130", "Data sent for parameter 'limit' is not valid.")
        step = STEPS[period]
        until = floor(self.market.clock(), step)
        day_bars = max(1, DAY // step)
        bars = await run_in_threadpool(
            self.market.closed, pair.symbol, step, until - (int(limit) + day_bars) * step, until
        )
        traded = np.convolve(bars["volume"], np.ones(day_bars), mode="valid")
        rows: list[dict[str, Any]] = [
            {
                "symbol": pair.compact,
                "sumOpenInterest": f"{volume * OPEN_DAYS:.8f}",
                "sumOpenInterestValue": f"{volume * OPEN_DAYS * close:.8f}",
                "timestamp": (int(opened_at) + step) * 1000,
            }
            for volume, close, opened_at in zip(
                traded, bars["close"][day_bars - 1 :], bars["opened_at"][day_bars - 1 :], strict=True
            )
        ]
        return JSONResponse(rows[-int(limit) :])
