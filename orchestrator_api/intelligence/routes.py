"""/v1/intelligence: what the worker said of a chart, and asking it to look now. /v1/analysis: how patterns did."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import User
from orchestrator_api.credits.pricing import CreditsExhausted, SpendingLimitReached
from orchestrator_api.intelligence import store
from orchestrator_api.intelligence.rows import (
    AnalysisRow,
    AnalyzeRequest,
    BulkAnalyzeRequest,
    BulkResult,
    EffectivenessQuery,
    EffectivenessRow,
    IntelligenceRow,
    PatternQuery,
    PatternRow,
    TimeframeQuery,
)
from orchestrator_api.jobs import asking
from orchestrator_api.jobs.rows import JobRow
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.paging import Page, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import (
    BodyMalformed,
    DatabaseUnavailable,
    FieldInvalid,
    NotFound,
    SymbolUnknown,
    SymbolUnsupported,
)
from zmarty.market import Symbol, Timeframe
from zmarty.messages import AnalyzeMarket

REFUSALS = (SymbolUnknown, SymbolUnsupported, FieldInvalid, DatabaseUnavailable)
ANALYSED_REFUSALS = (*REFUSALS, CreditsExhausted, SpendingLimitReached, *asking.REFUSALS)

KIND = "analyze_market"
BULK_KIND = "bulk_analyze"
# A request for an analysis, whatever its number of symbols, is one data request.
CREDITS = 1
# An analysis that is this young is the newest even where an exchange is late with its candle.
FRESH = timedelta(seconds=60)
ANALYSED: Mapping[int, type[BaseModel] | Answer] = {
    200: AnalysisRow,
    202: Answer("It takes longer: follow the job, then ask again, which is free.", JobRow),
}
ON_DEMAND = (
    "Costs 1 credit when the worker has to look, and nothing when the newest closed candle is analysed already, when it "
    "fails, or when another request of yours waits for the same. Candles of a symbol that nobody watches are fetched first."
)


@documented(
    summary="The newest stored analysis of a symbol",
    tag="Intelligence",
    query=TimeframeQuery,
    responses={200: IntelligenceRow},
    errors=(*REFUSALS, NotFound),
)
async def show_market(request: Request) -> Response:
    resources, _, symbol = await _asked_for(request)
    timeframe = parse_query(request, TimeframeQuery).timeframe
    found = await store.newest_intelligence(resources.trading, symbol, timeframe)
    if found is None:
        await require_known_symbol(resources.trading, symbol)
        raise NotFound(
            f"{symbol} {timeframe} has not been analysed yet; POST /v1/intelligence/analyze does it."
        )
    return json_answer(found)


@documented(
    summary="Patterns of a symbol that hold now, best first",
    description="Of each timeframe the best ten. Expired ones, and those at their target or invalidation, are left out.",
    tag="Intelligence",
    query=PatternQuery,
    responses={200: Page[PatternRow]},
    errors=REFUSALS,
)
async def list_patterns(request: Request) -> Response:
    resources, _, symbol = await _asked_for(request)
    asked = parse_query(request, PatternQuery)
    rows = await store.active_patterns(resources.trading, symbol, asked)
    if not rows:
        await require_known_symbol(resources.trading, symbol)
    return json_answer(page_of(rows, asked.limit, lambda row: (row.confidence, row.id)))


@documented(
    summary="Analyse a symbol's newest candle now",
    description=ON_DEMAND,
    tag="Intelligence",
    request=AnalyzeRequest,
    responses=ANALYSED,
    errors=(*ANALYSED_REFUSALS, BodyMalformed),
)
async def analyze_symbol(request: Request) -> Response:
    resources, user, symbol = await _asked_for(request)
    asked = await parse_body(request, AnalyzeRequest) if await request.body() else AnalyzeRequest()
    return await _analyze(resources, user, symbol, asked.timeframe)


@documented(
    summary="Analyse a symbol's newest candle now, by its older spelling",
    description=ON_DEMAND,
    tag="Intelligence",
    query=TimeframeQuery,
    responses=ANALYSED,
    errors=ANALYSED_REFUSALS,
)
async def analyze_by_query(request: Request) -> Response:
    resources, user, symbol = await _asked_for(request)
    return await _analyze(resources, user, symbol, parse_query(request, TimeframeQuery).timeframe)


@documented(
    summary="Analyse several symbols in one job",
    description="One job with a result for each symbol, and its progress meanwhile. Costs 1 credit when any of them succeeds.",
    tag="Intelligence",
    request=BulkAnalyzeRequest,
    responses={200: BulkResult, 202: Answer("Under way: follow the job.", JobRow)},
    errors=(*ANALYSED_REFUSALS, BodyMalformed),
)
async def bulk_analyze(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, BulkAnalyzeRequest)
    for symbol in asked.symbols:
        await require_known_symbol(resources.trading, symbol)
    job_id = await asking.ask(
        resources,
        user.id,
        kind=BULK_KIND,
        message_of=lambda job_id: [
            AnalyzeMarket(symbol=symbol, timeframe=asked.timeframe, job_id=job_id) for symbol in asked.symbols
        ],
        detail={"symbols": asked.symbols, "timeframe": asked.timeframe},
        credits=CREDITS,
    )
    job = await asking.answer_of(resources, job_id)
    return asking.answered(job, BulkResult)


@documented(
    summary="How often patterns of each kind were right",
    description=(
        "By symbol, timeframe and kind, with the number of cases, a 95 % interval and the rate of the same trades entered "
        "elsewhere. Symbols are not added up: their outcomes move together and would count twice."
    ),
    tag="Intelligence",
    query=EffectivenessQuery,
    responses={200: Page[EffectivenessRow]},
    errors=(SymbolUnsupported, FieldInvalid, DatabaseUnavailable),
)
async def list_effectiveness(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    asked = parse_query(request, EffectivenessQuery)
    rows = await store.effectiveness(resources.trading, asked)
    return json_answer(
        page_of(
            rows,
            asked.limit,
            lambda row: (row.symbol, row.timeframe, row.kind, row.direction, row.origin),
        )
    )


async def _asked_for(request: Request) -> tuple[Resources, User, Symbol]:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    return resources, user, Symbol.parse(request.path_params["symbol"])


async def _analyze(resources: Resources, user: User, symbol: Symbol, timeframe: Timeframe) -> Response:
    if (known := await _analysis(resources, symbol, timeframe)) and _is_fresh(known.intelligence):
        return json_answer(known)
    await require_known_symbol(resources.trading, symbol)
    detail = {"symbol": symbol, "timeframe": timeframe}
    # A client that asks again while it waits gets the same job, and is charged for it once.
    job_id = await store.open_analysis(resources.trading, user.id, KIND, detail)
    if job_id is None:
        job_id = await asking.ask(
            resources,
            user.id,
            kind=KIND,
            message_of=lambda job_id: AnalyzeMarket(symbol=symbol, timeframe=timeframe, job_id=job_id),
            detail=detail,
            credits=CREDITS,
        )
    job = await asking.answer_of(resources, job_id)
    analysis = await _analysis(resources, symbol, timeframe) if job.state == "done" else None
    return json_answer(analysis) if analysis else asking.answered(job, AnalysisRow)


async def _analysis(resources: Resources, symbol: Symbol, timeframe: Timeframe) -> AnalysisRow | None:
    found = await store.newest_intelligence(resources.trading, symbol, timeframe)
    if found is None:
        return None
    patterns = await store.active_patterns(resources.trading, symbol, PatternQuery(timeframe=timeframe))
    return AnalysisRow(intelligence=found, patterns=patterns)


def _is_fresh(found: IntelligenceRow) -> bool:
    now = datetime.now(UTC)
    return found.opened_at >= found.timeframe.newest_closed(now) or found.computed_at > now - FRESH


routes = [
    Route("/v1/intelligence/market/{symbol}", show_market, methods=["GET"]),
    Route("/v1/intelligence/patterns/{symbol}", list_patterns, methods=["GET"]),
    Route("/v1/intelligence/analyze/{symbol}", analyze_symbol, methods=["POST"]),
    Route("/v1/intelligence/analyze/{symbol}", analyze_by_query, methods=["GET"]),
    Route("/v1/intelligence/bulk-analyze", bulk_analyze, methods=["POST"]),
    Route("/v1/analysis/pattern-effectiveness", list_effectiveness, methods=["GET"]),
]
