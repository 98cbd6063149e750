"""OKX's public wire: candles as arrays of strings, newest first, the first one unfinished; every answer in an envelope."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from local_stack.simulators.bars import STEPS, Bars, floor, join
from local_stack.simulators.listing import Pair
from local_stack.simulators.market import Market

CANDLES_DEFAULT, CANDLES_MAX = 100, 300
# The newest candles; what is older is asked for at another address.
RECENT_MAX = 1_440
TIME_BOUND = 10**13
# What OKX calls a bar; those of a day and longer begin at midnight UTC only where they say so.
BARS = {
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "4H": "4h", "1Dutc": "1d", "1Wutc": "1w",
}  # fmt: skip
OK, TOO_MANY, BAD_PARAMETER, NO_INSTRUMENT = "0", "50011", "51000", "51001"


class Okx:
    def __init__(self, market: Market) -> None:
        self.market = market

    @property
    def router(self) -> Router:
        return Router(
            [
                Route("/api/v5/public/instruments", self.instruments),
                Route("/api/v5/market/candles", self.candles),
                Route("/api/v5/market/history-candles", self.history),
            ]
        )

    async def instruments(self, request: Request) -> Response:
        if request.query_params.get("instType") != "SPOT":
            return refusal(400, BAD_PARAMETER, "Parameter instType error")
        return _answer([_instrument(pair) for pair in self.market.pairs.values()])

    async def candles(self, request: Request) -> Response:
        return await self._candles(request, recent_only=True)

    async def history(self, request: Request) -> Response:
        return await self._candles(request, recent_only=False)

    async def _candles(self, request: Request, *, recent_only: bool) -> Response:
        query = request.query_params
        pair = self.market.by_dashed.get(query.get("instId", ""))
        if pair is None:
            # As OKX does it: a refusal in an answer that says 200.
            return refusal(200, NO_INSTRUMENT, "Instrument ID does not exist")
        if query.get("bar", "1m") not in BARS:
            return refusal(400, BAD_PARAMETER, "Parameter bar error")
        try:
            before, after = (_time(query.get(name)) for name in ("before", "after"))
            limit = min(CANDLES_MAX, int(query.get("limit", CANDLES_DEFAULT)))
        except ValueError:
            return refusal(400, BAD_PARAMETER, "Parameter before, after or limit error")
        step = STEPS[BARS[query.get("bar", "1m")]]
        bars = await run_in_threadpool(self._choose, pair.symbol, step, before, after, limit, recent_only)
        running_at = floor(self.market.clock(), step)
        return _answer(_rows(bars, running_at, self.market.instrument(pair.symbol).decimals))

    def _choose(
        self, symbol: str, step: int, before: int | None, after: int | None, limit: int, recent_only: bool
    ) -> Bars:
        """Bars opened after `before` and before `after`, both excluded: the newest of them, as OKX means it."""
        market, now = self.market, self.market.clock()
        running_at = floor(now, step)
        last = running_at if after is None else min(running_at, floor((after - 1) / 1000, step))
        oldest = running_at - (RECENT_MAX - 1) * step if recent_only else 0
        first = max(oldest, last - (limit - 1) * step, 0 if before is None else before // 1000 + 1)
        bars = market.closed(symbol, step, first, last + step)
        if first <= running_at <= last:
            bars = join([bars, market.running(symbol, step)])
        return bars


def refusal(status: int, code: str, message: str) -> Response:
    defaults = {429: TOO_MANY, 503: "50001", 504: "50004"}
    return JSONResponse({"code": code or defaults.get(status, "50000"), "data": [], "msg": message}, status)


def _answer(data: list[Any]) -> Response:
    return JSONResponse({"code": OK, "data": data, "msg": ""})


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    milliseconds = int(text)
    if not 0 <= milliseconds < TIME_BOUND:
        raise ValueError(text)
    return milliseconds


def _rows(bars: Bars, running_at: int, decimals: int) -> list[list[str]]:
    def price(value: float) -> str:
        return f"{value:.{decimals}f}"

    return [
        [
            str(opened_at * 1000),
            price(opened),
            price(high),
            price(low),
            price(close),
            f"{volume:.8f}",
            f"{turnover:.8f}",
            f"{turnover:.8f}",
            "0" if opened_at >= running_at else "1",
        ]
        for opened_at, opened, high, low, close, volume, turnover, *_ in reversed(bars.tolist())
    ]


def _instrument(pair: Pair) -> dict[str, str]:
    return {
        "instType": "SPOT",
        "instId": pair.dashed,
        "baseCcy": pair.base,
        "quoteCcy": pair.quote,
        "tickSz": f"{10.0**-pair.decimals:.{pair.decimals}f}",
        "lotSz": "0.00000001",
        "minSz": "0.00001",
        "state": "live",
        "listTime": "1548133413000",
        "alias": "", "category": "1", "ctMult": "", "ctType": "", "ctVal": "", "ctValCcy": "", "expTime": "",
        "lever": "10", "optType": "", "settleCcy": "", "stk": "", "uly": "", "instFamily": "",
    }  # fmt: skip
