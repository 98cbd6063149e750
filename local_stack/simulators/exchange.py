"""Binance's public wire: klines as arrays of strings, oldest first, the last one unfinished."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from local_stack.simulators.bars import MINUTE, STEPS, Bars, floor, join
from local_stack.simulators.listing import Pair
from local_stack.simulators.market import Market

KLINES_DEFAULT, KLINES_MAX = 500, 1_000
WEIGHT_MAX = 6_000
WEIGHTS = {"klines": 2, "exchangeInfo": 20, "time": 1, "ping": 1}
TIME_BOUND = 10**13
# Recorded candles have gaps, and the limit counts bars: a window is made wider by this much.
GAP_BARS_MAX = 24


class Exchange:
    def __init__(self, market: Market) -> None:
        self.market = market
        self._weight_minute = 0
        self._weight_used = 0

    @property
    def router(self) -> Router:
        return Router(
            [
                Route("/api/v3/ping", self.ping),
                Route("/api/v3/time", self.time),
                Route("/api/v3/exchangeInfo", self.exchange_info),
                Route("/api/v3/klines", self.klines),
            ]
        )

    async def ping(self, request: Request) -> Response:
        return self._answer({}, "ping")

    async def time(self, request: Request) -> Response:
        return self._answer({"serverTime": self._now_ms()}, "time")

    async def exchange_info(self, request: Request) -> Response:
        pairs = list(self.market.pairs.values())
        wanted = request.query_params.get("symbol")
        if wanted is not None:
            pairs = [pair for pair in pairs if pair.compact == wanted]
            if not pairs:
                return refusal(400, "-1121", "Invalid symbol.")
        body = {
            "timezone": "UTC",
            "serverTime": self._now_ms(),
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": WEIGHT_MAX,
                }
            ],
            "exchangeFilters": [],
            "symbols": [_symbol_info(pair) for pair in pairs],
        }
        return self._answer(body, "exchangeInfo")

    async def klines(self, request: Request) -> Response:
        query = request.query_params
        for name in ("symbol", "interval"):
            if not query.get(name):
                problem = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
                return refusal(400, "-1102", problem)
        pair = self.market.by_compact.get(query["symbol"])
        if pair is None:
            return refusal(400, "-1121", "Invalid symbol.")
        if query["interval"] not in STEPS:
            return refusal(400, "-1120", "Invalid interval.")
        try:
            start, end = (_time(query.get(name)) for name in ("startTime", "endTime"))
            limit = min(KLINES_MAX, int(query.get("limit", KLINES_DEFAULT)))
        except ValueError:
            return refusal(400, "-1100", "Illegal characters found in a parameter.")
        if limit < 1:
            return refusal(400, "-1130", "Data sent for parameter 'limit' is not valid.")
        if start is not None and end is not None and start > end:
            return self._answer([], "klines")
        bars = await run_in_threadpool(self._choose, pair.symbol, STEPS[query["interval"]], start, end, limit)
        decimals = self.market.instrument(pair.symbol).decimals
        return self._answer(
            _klines(bars, STEPS[query["interval"]], decimals),
            "klines",
            {"x-market-source": self.market.instrument(pair.symbol).source},
        )

    def _choose(self, symbol: str, step: int, start: int | None, end: int | None, limit: int) -> Bars:
        """With a start the first `limit` bars from it on, else the last `limit` before the end; as Binance does."""
        market, now = self.market, self.market.clock()
        running_at = floor(now, step)
        last = running_at if end is None else min(running_at, floor(end / 1000, step))
        if start is None:
            first = last - (limit - 1 + GAP_BARS_MAX) * step
        else:
            first = -(-start // 1000)
            last = min(last, floor(first + step - 1, step) + (limit - 1 + GAP_BARS_MAX) * step)
        bars = market.closed(symbol, step, first, last + step)
        if first <= running_at <= last:
            bars = join([bars, market.running(symbol, step)])
        return bars[-limit:] if start is None else bars[:limit]

    def _answer(self, body: Any, name: str, headers: dict[str, str] | None = None) -> Response:
        minute = floor(self.market.clock(), MINUTE)
        if minute != self._weight_minute:
            self._weight_minute, self._weight_used = minute, 0
        self._weight_used += WEIGHTS[name]
        if self._weight_used > WEIGHT_MAX:
            response = refusal(
                429, "-1003", f"Too much request weight used; current limit is {WEIGHT_MAX} a minute."
            )
            response.headers["retry-after"] = str(int(minute + MINUTE - self.market.clock()) + 1)
        else:
            response = JSONResponse(body, headers=headers)
        response.headers["x-mbx-used-weight"] = str(self._weight_used)
        response.headers["x-mbx-used-weight-1m"] = str(self._weight_used)
        return response

    def _now_ms(self) -> int:
        return int(self.market.clock() * 1000)


def refusal(status: int, code: str, message: str) -> Response:
    defaults = {429: "-1003", 418: "-1003", 403: "-2015", 401: "-2015", 503: "-1008"}
    return JSONResponse({"code": int(code or defaults.get(status, "-1000")), "msg": message}, status)


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    milliseconds = int(text)
    if not 0 <= milliseconds < TIME_BOUND:
        raise ValueError(text)
    return milliseconds


def _klines(bars: Bars, step: int, decimals: int) -> list[list[Any]]:
    def money(value: float) -> str:
        return f"{value:.8f}"

    def price(value: float) -> str:
        # Binance prints eight decimals whatever the tick; ours has at most ten for the smallest coins.
        return f"{value:.{max(8, decimals)}f}"

    return [
        [
            opened_at * 1000,
            price(opened),
            price(high),
            price(low),
            price(close),
            money(volume),
            (opened_at + step) * 1000 - 1,
            money(turnover),
            trades,
            money(taker_volume),
            money(taker_turnover),
            "0",
        ]
        for opened_at, opened, high, low, close, volume, turnover, trades, taker_volume, taker_turnover in bars.tolist()
    ]


def _symbol_info(pair: Pair) -> dict[str, Any]:
    tick = f"{10.0**-pair.decimals:.{max(8, pair.decimals)}f}"
    return {
        "symbol": pair.compact,
        "status": "TRADING",
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": "0.00001000",
                "maxQty": "9000.00000000",
                "stepSize": "0.00001000",
            },
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
        "permissions": [],
    }
