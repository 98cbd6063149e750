"""GET /v1/candles|indicators|signals|win-rates/{symbol}: what the worker stored, free of charge."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.market import store
from orchestrator_api.market.filters import CandleQuery, IndicatorQuery, SignalQuery, WinRateQuery
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.market.rows import CandleRow, IndicatorRow, SignalRow, WinRateRow
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, PageQuery, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid, SymbolUnknown, SymbolUnsupported
from zmarty.market import Symbol
from zmarty.postgres import Pool

REFUSALS = (SymbolUnknown, SymbolUnsupported, FieldInvalid, DatabaseUnavailable)

Query = TypeVar("Query", bound=PageQuery)
Row = TypeVar("Row", CandleRow, IndicatorRow, SignalRow, WinRateRow)


@documented(
    summary="Candles of a symbol, newest first",
    tag="Market",
    query=CandleQuery,
    responses={200: Page[CandleRow]},
    errors=REFUSALS,
)
async def list_candles(request: Request) -> Response:
    return await _list(request, CandleQuery, store.candles, lambda row: (row.opened_at, row.exchange))


@documented(
    summary="Indicators and vendor readings of a symbol, newest first",
    tag="Market",
    query=IndicatorQuery,
    responses={200: Page[IndicatorRow]},
    errors=REFUSALS,
)
async def list_indicators(request: Request) -> Response:
    return await _list(request, IndicatorQuery, store.indicators, lambda row: (row.opened_at, row.source))


@documented(
    summary="Signals of a symbol, newest first, with how they ended",
    tag="Market",
    query=SignalQuery,
    responses={200: Page[SignalRow]},
    errors=REFUSALS,
)
async def list_signals(request: Request) -> Response:
    return await _list(
        request, SignalQuery, store.signals, lambda row: (row.opened_at, row.timeframe, row.strategy_version)
    )


@documented(
    summary="How often signals of a symbol were right",
    tag="Market",
    query=WinRateQuery,
    responses={200: Page[WinRateRow]},
    errors=REFUSALS,
)
async def list_win_rates(request: Request) -> Response:
    return await _list(
        request,
        WinRateQuery,
        store.win_rates,
        lambda row: (
            row.timeframe,
            row.strategy_version,
            row.direction,
            row.horizon,
            row.lookback_days,
            row.origin,
        ),
    )


async def _list(
    request: Request,
    kind: type[Query],
    read: Callable[[Pool, Symbol, Query], Awaitable[list[Row]]],
    key: Callable[[Row], tuple[Any, ...]],
) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    symbol = Symbol.parse(request.path_params["symbol"])
    asked = parse_query(request, kind)
    rows = await read(resources.trading, symbol, asked)
    # Rows prove that the symbol is known; only their absence needs the second question.
    if not rows:
        await require_known_symbol(resources.trading, symbol)
    return json_answer(page_of(rows, asked.limit, key))


routes = [
    Route("/v1/candles/{symbol}", list_candles),
    Route("/v1/indicators/{symbol}", list_indicators),
    Route("/v1/signals/{symbol}", list_signals),
    Route("/v1/win-rates/{symbol}", list_win_rates),
]
