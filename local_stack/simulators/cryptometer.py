"""Cryptometer's wire: a key in the query, a trailing slash, and an envelope whose booleans are strings."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from local_stack.simulators import readings
from local_stack.simulators.bars import STEPS
from local_stack.simulators.control import accepted
from local_stack.simulators.market import Market

TIMEFRAMES = {"5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "4h": "4h", "d": "1d"}
EXCHANGES = ("binance", "binance_futures", "bybit", "bybit_spot", "okex", "coinbase_pro", "kucoin", "kraken")


class ParameterInvalid(Exception):
    """A query parameter is missing or unknown; the message names it."""


class Query:
    """The parameters of one request, each checked when an endpoint reads it."""

    def __init__(self, market: Market, request: Request) -> None:
        self.market = market
        self.parameters = request.query_params

    @property
    def step(self) -> int:
        return STEPS[TIMEFRAMES[self.one_of("timeframe", TIMEFRAMES)]]

    @property
    def symbol(self) -> str:
        """The canonical symbol of `pair=BTC-USDT`."""
        pair = self.market.by_dashed.get(self.parameters.get("pair", ""))
        if pair is None:
            raise ParameterInvalid("pair")
        return pair.symbol

    @property
    def market_symbol(self) -> str:
        """The canonical symbol of `market_pair=btcusdt`; these endpoints know no other spelling of it."""
        written = self.parameters.get("market_pair", "").upper()
        pair = next((pair for pair in self.market.pairs.values() if pair.compact == written), None)
        if pair is None:
            raise ParameterInvalid("market_pair")
        return pair.symbol

    def base(self, *, lower: bool) -> str:
        """The coin of `symbol=btc`; some endpoints want it in lower case and some in upper case."""
        written = self.parameters.get("symbol", "")
        if written != (written.lower() if lower else written.upper()):
            raise ParameterInvalid("symbol")
        if f"{written.upper()}/USDT" not in self.market.pairs:
            raise ParameterInvalid("symbol")
        return written.upper()

    def one_of(self, name: str, values: Iterable[str]) -> str:
        value = self.parameters.get(name, "")
        if value not in values:
            raise ParameterInvalid(name)
        return value


@dataclass(frozen=True)
class Endpoint:
    """What an address answers, and whether it must be told the exchange."""

    answer: Callable[[Market, Query], Any]
    exchange: bool = False


ENDPOINTS = {
    "/coinlist/": Endpoint(lambda market, query: readings.coin_list(market), exchange=True),
    "/cryptocurrency-info/": Endpoint(
        lambda market, query: readings.cryptocurrency_info(market, query.parameters.get("filter")),
        exchange=True,
    ),
    "/coininfo/": Endpoint(lambda market, query: readings.coin_info(market)),
    "/forex-rates/": Endpoint(
        lambda market, query: readings.forex_rates(market, query.one_of("source", ("USD",)))
    ),
    "/volume-flow/": Endpoint(lambda market, query: readings.volume_flow(market, query.step)),
    "/liquidity-lens/": Endpoint(lambda market, query: readings.liquidity_lens(market, query.step)),
    "/volatility-index/": Endpoint(
        lambda market, query: readings.volatility_index(market, query.step), exchange=True
    ),
    "/tickerlist-pro/": Endpoint(lambda market, query: readings.ticker_list_pro(market), exchange=True),
    "/tickerlist/": Endpoint(lambda market, query: readings.ticker_list(market), exchange=True),
    "/ticker/": Endpoint(lambda market, query: readings.ticker(market, query.market_symbol), exchange=True),
    "/trend-indicator-v3/": Endpoint(lambda market, query: readings.trend_indicator(market)),
    "/rapid-movements/": Endpoint(lambda market, query: readings.rapid_movements(market)),
    "/large-trades-activity/": Endpoint(lambda market, query: readings.large_trades(market), exchange=True),
    "/ai-screener/": Endpoint(
        lambda market, query: readings.ai_screener(market, query.one_of("type", ("full", "latest")))
    ),
    "/ohlcv/": Endpoint(
        lambda market, query: readings.ohlcv(market, query.symbol, query.step), exchange=True
    ),
    "/ls-ratio/": Endpoint(
        lambda market, query: readings.long_short_ratio(market, query.symbol, query.step), exchange=True
    ),
    "/merged-trade-volume/": Endpoint(
        lambda market, query: readings.merged_volume(
            market, query.base(lower=False), query.step, query.one_of("exchange_type", ("spot", "futures"))
        )
    ),
    "/24h-trade-volume-v2/": Endpoint(
        lambda market, query: readings.day_volume(market, query.symbol), exchange=True
    ),
    "/open-interest/": Endpoint(
        lambda market, query: readings.open_interest(market, query.market_symbol), exchange=True
    ),
    "/liquidation-data-v2/": Endpoint(
        lambda market, query: readings.liquidations(market, query.base(lower=True))
    ),
    "/xtrades/": Endpoint(
        lambda market, query: readings.whale_trades(market, query.base(lower=True)), exchange=True
    ),
    "/ai-screener-analysis/": Endpoint(
        lambda market, query: readings.ai_screener_analysis(market, query.base(lower=False))
    ),
}


class Cryptometer:
    def __init__(self, market: Market) -> None:
        self.market = market

    @property
    def router(self) -> Router:
        routes = [Route(path, self._handler(endpoint)) for path, endpoint in ENDPOINTS.items()]
        return Router(routes, redirect_slashes=False)

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            if not accepted(request.query_params.get("api_key")):
                return refusal(403, "", "Invalid API key.")
            query = Query(self.market, request)
            try:
                if endpoint.exchange:
                    query.one_of("e", EXCHANGES)
                # Market-wide answers take long at first; streams of other vendors must not stutter meanwhile.
                data = await run_in_threadpool(endpoint.answer, self.market, query)
            except ParameterInvalid as error:
                return refusal(400, "", f"Invalid parameter: {error}.")
            return JSONResponse(
                {"success": "true", "error": "false", "data": data}, headers=self._source(request)
            )

        return handle

    def _source(self, request: Request) -> dict[str, str]:
        pair = self.market.by_dashed.get(request.query_params.get("pair", ""))
        return {"x-market-source": self.market.instrument(pair.symbol).source} if pair else {}


def refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"success": "false", "error": message}, status)
